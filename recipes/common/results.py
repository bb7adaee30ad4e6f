"""What the recipes that judge an encoder leave in the folder of results."""

import keras

from layerlock.evaluation import report
from layerlock.runs import configuration, writing


def write(path, values, encoder, task, result, seconds, kind, **more):
    """Writes numbers and a page, and says what was found.

    Args:
        path: of the numbers, a JSON file; the page goes beside it.
        values: the recipe's `absl.flags.FlagValues`, parsed.
        encoder: what was judged.
        task: the `Task`.
        result: the `Result`.
        seconds: float, how long it took.
        kind: `"probe"` or `"fine-tuning"`.
        more: what else it says.
    """
    config = {
        "command": configuration.command_line(),
        "backend": keras.backend.backend(),
        "encoder": values.encoder,
        "student": values.student,
        "task": values.task,
        "task_args": task.get_config(),
        "readout": values.readout,
        "layer": result.layer,
        "seed": values.seed,
        "seconds": round(seconds, 1),
        "problems": [*task.problems, *result.problems],
        "examples": {s: len(f) for s, f in result.features.items()},
        **more,
        "metrics": result.metrics,
        "commonest_class_share": result.commonest_class_share,
    }
    writing.write_json(path, config)
    page = report.page(config, task, encoder, result, kind)
    page_path = path.with_name("report.html")
    writing.replace_file(page_path, page.encode())
    for name, found in result.metrics.items():
        print(
            f"{name}: {found['value']:.3f} "
            f"({found['low']:.3f} to {found['high']:.3f})"
        )
    if not task.is_dense:
        share = result.commonest_class_share
        print(f"always the commonest class: {share:.3f}")
    print(f"Report: {page_path}")
