"""Writes the section of a GPU in docs/performance.md from results of `gpu.py`.

    python benchmarks/gpu_tables.py
    python benchmarks/gpu_tables.py --results=runs/gpu.jsonl

The section lies between two comments of the page. Rows that no GPU has measured
are shown as such, with what a rehearsal on a CPU (`gpu.py --tiny`) found
beside.
"""

import pathlib
import sys

import page_sections
from absl import flags
from gpu import read
from gpu_rows import rows

DOCS = pathlib.Path(__file__).parents[1] / "docs"
MISSING = "not measured"
BACKENDS = {"torch": "PyTorch", "jax": "JAX"}
NUM_KERNELS = 3
FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "results",
    str(DOCS / "gpu.jsonl"),
    "Results of a GPU, which need not exist.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "tiny",
    str(DOCS / "gpu-tiny.jsonl"),
    "Results of a rehearsal, which need not exist.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "page", str(DOCS / "performance.md"), "The page.", flag_values=FLAGS
)


def main(argv):
    """Replaces the section of the page."""
    FLAGS(argv)
    page = pathlib.Path(FLAGS.page)
    page.write_text(
        page_sections.replace(
            page.read_text(),
            "gpu",
            section(read(FLAGS.results), read(FLAGS.tiny)),
        )
    )
    print(page)


def section(found: dict, tiny: dict) -> str:
    """The tables of all rows.

    Args:
        found: results of a GPU by the names of the rows.
        tiny: those of a rehearsal.
    """
    devices = {one["device"] for one in found.values() if "device" in one}
    parts = [f"Measured on {', '.join(sorted(devices)) or 'no GPU yet'}."]
    for kind, make in TABLES.items():
        header, cells = make
        lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
        for row in rows():
            if row.kind == kind:
                values = cells(
                    row, found.get(row.name), tiny.get(row.rehearsal().name)
                )
                lines.append(f"| {' | '.join(values)} |")
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *limits(found)])


def step_cells(row, result, tiny) -> list[str]:
    """Ours over by hand, and the share of the peak."""
    return [
        *(BACKENDS[row.backend], size_of(row), str(row.stage)),
        *measured(
            result,
            lambda: [
                str(result["batch_size"]),
                f"{result['ratio']:.3f}",
                f"{result['low']:.3f} to {result['high']:.3f}",
                f"{result['clips_per_second']:.0f}",
                percent(result["utilisation"]),
                percent((result["trace"] or {}).get("idle_share")),
            ],
            6,
        ),
        ratio_of(tiny),
    ]


def memory_cells(row, result, tiny) -> list[str]:
    """The peak of a step over the estimate."""
    return [
        BACKENDS[row.backend],
        row.size,
        str(row.stage),
        *measured(
            result,
            lambda: [
                f"{result['peak_bytes'] / 1e9:.1f} GB",
                f"{result['planned_bytes'] / 1e9:.1f} GB",
                f"{result['ratio']:.3f}",
            ],
            3,
        ),
        ratio_of(tiny),
    ]


def remat_cells(row, result, tiny) -> list[str]:
    """Clips that fit."""
    names = ("clips_ours", "clips_remat", "clips_theirs")
    return [
        BACKENDS[row.backend],
        row.size,
        *measured(
            result,
            lambda: [
                *(str(result[name]) for name in names),
                f"{result['ratio']:.2f}",
            ],
            4,
        ),
        ratio_of(tiny),
    ]


def loop_cells(row, result, tiny) -> list[str]:
    """Clips per second, over the published loop's."""
    return [
        BACKENDS[row.backend],
        row.size,
        str(row.batch_size),
        *measured(
            result,
            lambda: [
                f"{result['clips_per_second']:.1f}",
                f"{result['ratio']:.2f}",
            ],
            2,
        ),
        "runs" if tiny and "error" not in tiny else MISSING,
    ]


TABLES = {
    "step": (
        (
            "steps", "size", "frozen", "clips", "ours / by hand",
            "low to high", "clips/s", "utilisation", "device idle",
            "ours / by hand, nano on a CPU",
        ),
        step_cells,
    ),
    "memory": (
        (
            "one AdamW step", "size", "frozen", "peak", "`--plan`",
            "peak / `--plan`", "peak / `--plan`, nano on a CPU",
        ),
        memory_cells,
    ),
    "remat": (
        (
            "clips that fit", "size", "ours", "ours, `--remat`", "by hand",
            "`--remat` / by hand", "`--remat` / by hand, nano on a CPU",
        ),
        remat_cells,
    ),
    "loop": (
        (
            "V-JEPA's loop", "size", "clips", "clips/s", "over 13.2 clips/s",
            "nano on a CPU",
        ),
        loop_cells,
    ),
}  # fmt: skip


def measured(result, cells, count: int) -> list[str]:
    """The cells of a result, or of one that is missing or failed.

    Args:
        result: dict, or `None`.
        cells: function without arguments that makes the cells.
        count: int, of cells.
    """
    if result is None:
        return [MISSING, *["" for _ in range(count - 1)]]
    if "error" in result:
        reason = result["error"].replace("|", "/")
        return [f"{MISSING}: {reason}", *["" for _ in range(count - 1)]]
    return cells()


def limits(found: dict) -> list[str]:
    """What the time of a step goes to, by kernel: a list item for each row."""
    lines = []
    for row in rows():
        trace = found.get(row.name, {}).get("trace")
        if not trace:
            continue
        groups = ", ".join(
            f"{name} {percent(share)}"
            for name, share in trace["groups"].items()
        )
        kernels = ", ".join(
            f"`{kernel['name'][:60]}` {percent(kernel['share'])}"
            for kernel in trace["kernels"][:NUM_KERNELS]
        )
        lines.append(
            f"- {BACKENDS[row.backend]}, {size_of(row)}, {row.stage} frozen: "
            f"{groups}. Longest kernels: {kernels}."
        )
    return ["\n".join(lines)] if lines else []


def size_of(row) -> str:
    """The size of a row, and that it has float8."""
    return f"{row.size}, float8" if row.float8 else row.size


def ratio_of(tiny) -> str:
    """The ratio of a rehearsal."""
    if not tiny or tiny.get("ratio") is None:
        return MISSING
    return f"{tiny['ratio']:.2f}"


def percent(share) -> str:
    """A share in per cent."""
    return "not known" if share is None else f"{share:.0%}".replace("%", " %")


if __name__ == "__main__":
    main(sys.argv)
