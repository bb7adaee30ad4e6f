"""The files in the folder of results of a probe or a fine-tuning."""

import contextlib
import dataclasses
import pathlib
import sys

import keras

from layerlock.config import JobConfig, facts
from layerlock.data.names import readable
from layerlock.evaluation import answers, scores
from layerlock.report import probe_page
from layerlock.runs import configuration, directory, model_card, writing

FEW_EXAMPLES = 30


@dataclasses.dataclass(frozen=True)
class Judgement:
    """The results of a probe or a fine-tuning.

    Args:
        path: the folder of the results.
        metrics: dict from metric to `value`, and the ends `low` and `high` of
            its 95 % bootstrap interval on the test split.
        trials: list of dict: the settings tried by a probe, or the validation
            scores during a fine-tuning.
        report: path of the page.

    Example:

    ```python
    judgement = layerlock.probe(encoder="runs/a", task="scenes_motion")
    print(judgement.metrics["top1"]["value"])
    ```
    """

    path: pathlib.Path
    metrics: dict
    trials: list
    report: pathlib.Path


def show_trial(trial):
    """Prints the validation score of a setting, or of a step."""
    *settings, (metric, score) = trial.items()
    of = ", ".join(f"{name} {value:g}" for name, value in settings)
    newline = "\n" if sys.stdout.isatty() else ""  # below the bar
    print(f"{newline}{of}: {metric} {score:.3f} (validation)", flush=True)


def write(
    name: str,
    config: JobConfig,
    encoder,
    task,
    result,
    seconds: float,
    kind: str,
    **more,
) -> Judgement:
    """Writes numbers and a page, and prints the scores.

    Args:
        name: str, of the JSON file of the numbers. The page goes beside it,
            and for classes the answers.
        config: resolved.
        encoder: what was judged.
        task: the `Task`.
        result: the `Result`.
        seconds: how long it took.
        kind: `"probe"` or `"fine-tuning"`.
        **more: further entries of the JSON file.
    """
    folder = pathlib.Path(config.results.out)
    record = {
        "command": configuration.command_line(),
        "backend": keras.backend.backend(),
        "encoder": config.encoder.encoder,
        "student": config.encoder.student,
        "encoder_identity": getattr(encoder, "identity", None),
        "task": _name(config.task.task),
        "task_args": task.get_config(),
        "readout": _name(config.readout.readout),
        "layer": result.layer,
        "seed": config.task.seed,
        "seconds": round(seconds, 1),
        "problems": [*task.problems, *result.problems],
        "examples": {s: len(f) for s, f in result.features.items()},
        "groups": {s: len(set(f.groups)) for s, f in result.features.items()},
        **more,
        "metrics": result.metrics,
        "commonest_class_share": result.commonest_class_share,
        "constant_depth_error": result.constant_depth_error,
    }
    if not task.is_dense:
        writing.write_text(folder / "answers.csv", answers.to_csv(task, result))
    # After the answers: a folder with its numbers has all of them. Before the
    # page, whose pictures are read from the disk.
    writing.write_json(folder / name, record)
    page = probe_page.page(record, task, encoder, result, kind)
    page_path = folder / "report.html"
    writing.write_text(page_path, page)
    _write_card(config, record)
    for metric, score in result.metrics.items():
        print(f"{metric}: {score['value']:.3f} ({scores.interval(score)})")
    if task.is_dense:
        print(f"always the same depth: {result.constant_depth_error:.3f}")
    else:
        print(f"always the commonest class: {result.commonest_class_share:.3f}")
    tested, groups = record["examples"]["test"], record["groups"]["test"]
    if groups < FEW_EXAMPLES:
        of = f" of {groups} groups" if groups < tested else ""
        print(
            f"Note: {tested} examples{of} were tested. Intervals from so few "
            "say little."
        )
    print(f"Report: {readable(page_path)}")
    return Judgement(folder, result.metrics, result.trials, page_path)


def _write_card(config, record):
    """Adds the scores to the card of the run, or describes the new encoder."""
    encoder = pathlib.Path(config.results.out) / "encoder"
    if encoder.is_dir():
        model_card.place(encoder, model_card.describe_finetuning(record))
    if facts.is_run(config.encoder.encoder):
        # A run that is going replaces the folder, and then writes the card.
        with contextlib.suppress(FileNotFoundError):
            model_card.write(
                directory.RunDirectory.open(config.encoder.encoder)
            )


def _name(plugin) -> str:
    return plugin if isinstance(plugin, str) else type(plugin).__name__
