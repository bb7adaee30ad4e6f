"""What the recipes that judge an encoder leave in the folder of results."""

import sys

import keras

from layerlock.evaluation import answers, scores
from layerlock.report import probe_page
from layerlock.runs import configuration, writing

FEW_EXAMPLES = 30


def tell(trial):
    """Says what the validation split says of a setting, or of a step."""
    *settings, (metric, score) = trial.items()
    of = ", ".join(f"{name} {value:g}" for name, value in settings)
    newline = "\n" if sys.stdout.isatty() else ""  # below the bar
    print(f"{newline}{of}: {metric} {score:.3f} (validation)", flush=True)


def write(path, values, encoder, task, result, seconds, kind, **more):
    """Writes numbers and a page, and says what was found.

    Args:
        path: of the numbers, a JSON file; the page goes beside it, and the
            answers to a question of classes.
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
        "constant_depth_error": result.constant_depth_error,
    }
    writing.write_json(path, config)
    if not task.is_dense:
        table = answers.to_csv(task, result)
        writing.replace_file(path.with_name("answers.csv"), table.encode())
    page = probe_page.page(config, task, encoder, result, kind)
    page_path = path.with_name("report.html")
    writing.replace_file(page_path, page.encode())
    for name, found in result.metrics.items():
        print(f"{name}: {found['value']:.3f} ({scores.interval(found)})")
    if task.is_dense:
        print(f"always the same depth: {result.constant_depth_error:.3f}")
    else:
        print(f"always the commonest class: {result.commonest_class_share:.3f}")
    num_tested = config["examples"]["test"]
    if num_tested < FEW_EXAMPLES:
        print(
            f"Note: {num_tested} examples were tested. Intervals from so few "
            "say little."
        )
    print(f"Report: {page_path}")
