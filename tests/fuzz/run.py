"""Attacks everything that reads input, and prints a table.

    KERAS_BACKEND=torch python tests/fuzz/run.py --inputs=10000
    KERAS_BACKEND=torch python tests/fuzz/run.py --target=containers --seed=7

Every input must be accepted or refused with a sentence, within 10 seconds and
2 GiB, without running code and without leaving its folder. Leaves with 1 if
there is a finding. A seed repeats an input.
"""

import argparse
import os
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

from tests.fuzz import harness, targets  # noqa: E402

HEADS = ("target", "inputs", "refused", "accepted", "findings", "slowest")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first_seed", type=int, default=0)
    parser.add_argument("--target", action="append", help="all, if not set")
    parser.add_argument("--seed", type=int, help="one input, in this process")
    arguments = parser.parse_args()
    every = targets.all_targets()
    names = arguments.target or list(every)
    if arguments.seed is not None:
        repeat(names[0], arguments.seed)
        return
    whole = sum(every[name].share for name in names)
    first, inputs = arguments.first_seed, {}
    for name in names:
        count = max(1, round(arguments.inputs * every[name].share / whole))
        inputs[name] = range(first, first + count)
    rows = harness.attack(inputs, show)
    print(table(rows))
    sys.exit(any(row.findings for row in rows))


def show(row):
    """Prints a finished target, and one finding of each kind."""
    seen = set()
    for seed, details in row.findings:
        kind = details.split(":")[0], details.rpartition("(")[2]
        if kind not in seen:
            print(f"  {row.name}, seed {seed}: {details}", flush=True)
        seen.add(kind)
    print(line(row), flush=True)


def repeat(name: str, seed: int):
    """Attacks once, and lets the exception through."""
    with tempfile.TemporaryDirectory() as folder:
        target = targets.prepare(name, pathlib.Path(folder))
        target.draw(random.Random(seed))()


def cells(row) -> tuple:
    return (
        row.name,
        row.inputs,
        row.refused,
        row.accepted,
        len(row.findings),
        f"{row.slowest:.1f} s",
    )


def line(row) -> str:
    return " ".join(f"{cell:>9}" for cell in cells(row)[1:]) + f"  {row.name}"


def table(rows) -> str:
    """A Markdown table of the rows and their sums."""
    total = harness.Row("all")
    for row in rows:
        total.inputs += row.inputs
        total.refused += row.refused
        total.accepted += row.accepted
        total.findings += row.findings
        total.slowest = max(total.slowest, row.slowest)
    lines = [HEADS, ("---",) * len(HEADS), *map(cells, [*rows, total])]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in lines)


if __name__ == "__main__":
    main()
