"""Breaks runs in every way that is known, and prints a table.

    python tests/faults/run.py --quick        # a sample of calls: a minute
    python tests/faults/run.py                # every call
    python tests/faults/run.py --record=FILE  # the same; goes on if stopped
    python tests/faults/run.py --damage       # every file
    python tests/faults/run.py --kills=100    # random kills, each backend

Calls and files are those of PyTorch, which is the quickest to start, unless
KERAS_BACKEND names another backend; kills are of that backend alone, if it is
set.
"""

import argparse
import contextlib
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from layerlock import environment


def main():
    """Prints tables; exits with 1 if anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true")
    add("--jobs", type=int, default=1, help="runs at a time")
    add("--kills", type=int, default=0, help="number of random kills")
    add("--seed", type=int, default=0, help="of the order and the moments")
    add("--damage", action="store_true")
    add("--record", help="file that keeps results, to go on from")
    add("--skip", type=int, default=0, help="leave out the first calls")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="layerlock-faults-") as folder:
        if options.kills:
            failed = kill_at_random(folder, options)
            sys.exit(1 if failed else 0)
        os.environ.setdefault("KERAS_BACKEND", "torch")
        if options.damage:
            failed = damage_files(folder)
        else:
            failed = break_calls(folder, options)
    sys.exit(1 if failed else 0)


def kill_at_random(folder, options) -> int:
    """Kills runs of a backend, or of all; returns how many lost something."""
    backend = os.environ.get("KERAS_BACKEND")
    if backend is None:
        command = [sys.executable, *sys.argv]
        return sum(
            subprocess.run(
                command, env={**os.environ, "KERAS_BACKEND": name}
            ).returncode
            for name in environment.installed()
        )
    from tests.faults import kills

    with kills.Killer(folder, options.seed) as killer:
        tally = killer.kill(options.kills, lambda text: print(text, flush=True))
    print(kills.report(backend, tally))
    return len(tally.problems)


def damage_files(folder) -> int:
    """Damages every file of a run; returns how often it went wrong."""
    from tests.faults import damage

    results = damage.all_results(folder)
    print(damage.table(results))
    return sum(result.outcome not in damage.GOOD for result in results)


def break_calls(folder, options) -> int:
    """Breaks calls one by one; returns how many were not survived."""
    from tests.faults import calls, record

    kept = record.Record(options.record)
    with calls.Breaker(folder, jobs=options.jobs) as breaker:
        faults = breaker.sample() if options.quick else breaker.faults()
        print(f"{len(breaker.calls)} calls, {len(faults)} faults", flush=True)
        # Those of a sweep that is stopped are from all over.
        random.Random(options.seed).shuffle(faults)
        faults = faults[options.skip :]
        began, count = time.monotonic(), len(kept.results(faults))
        with contextlib.suppress(KeyboardInterrupt):
            for fault, problems in breaker.problems(kept.missing(faults)):
                kept.add(fault, problems)
                count += 1
                if count % 50 == 0:
                    print(f"{count} of {len(faults)}", flush=True)
                if problems:
                    lines = "\n    ".join(problems)
                    print(f"{fault}:\n    {lines}", flush=True)
        seconds = time.monotonic() - began
    results = kept.results(faults)
    print(f"\n{calls.table(results)}\n{seconds:.0f} s")
    return sum(bool(problems) for _, problems in results)


if __name__ == "__main__":
    main()
