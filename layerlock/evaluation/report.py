"""What a probe or a fine-tuning found, as one self-contained page."""

import math

import numpy as np

from layerlock import report
from layerlock.evaluation import answers, curves, scores
from layerlock.report import cards, strips
from layerlock.report.html import Html, inline, join, table, tag

METRICS = {
    "top1": "Right at the first guess",
    "top5": "Right within five guesses",
    "abs_rel": "Absolute relative error",
    "delta_1_25": "Within a factor of 1.25",
}
NUM_CLIPS = 4


def page(config: dict, task, encoder, result, kind: str = "probe") -> str:
    """The report of a probe, or of a fine-tuning, as HTML.

    Args:
        config: what `probe.json` or `finetune.json` says.
        task: the `Task`.
        encoder: what was judged.
        result: the `Result`.
        kind: `"probe"` or `"fine-tuning"`.
    """
    body = [
        _header(config, task, result, kind),
        tag("h2", "Answers"),
        answers.section(task, result),
        _pictures(config, encoder, task, result),
        tag("h2", "How it was found"),
        _settings(config, result, kind),
    ]
    name = f"{config['task']} · {config['encoder']}"
    return report.document(name, body, "Written by LayerLock.")


def _header(config, task, result, kind):
    facts = {
        "encoder": config["encoder"] + " (student)" * config["student"],
        "layer": str(config["layer"]),
        "readout": config["readout"],
        "clips": f"{task.frames} frames of {task.size}x{task.size}",
        "backend": config["backend"],
    }
    tiles = [
        _tile(
            METRICS[name],
            f"{found['value']:.3f}",
            f"95 % interval {scores.interval(found)}",
        )
        for name, found in config["metrics"].items()
    ]
    if task.is_dense:
        tiles.append(
            _tile(
                "Always the same depth",
                f"{result.constant_depth_error:.3f}",
                "relative error of the one that suits best",
            )
        )
    else:
        tiles.append(
            _tile(
                "Always the commonest class",
                f"{result.commonest_class_share:.3f}",
                f"{len(task.class_names)} classes",
            )
        )
    tiles.append(
        _tile(
            "Examples",
            f"{config['examples']['test']:,}",
            f"learned from {config['examples']['train']:,}, "
            + ("watched on" if kind == "fine-tuning" else "settings chosen by")
            + f" {config['examples']['validation']:,}",
        )
    )
    return tag(
        "header",
        tag("div", f"LayerLock · {kind}", class_="brand"),
        tag("h1", config["task"]),
        tag(
            "dl",
            [tag("div", tag("dt", k), tag("dd", v)) for k, v in facts.items()],
            class_="facts",
        ),
        tag("div", tiles, class_="tiles"),
        [
            tag("div", tag("p", inline(text)), class_="notice")
            for text in config["problems"]
        ],
    )


def _tile(name, value, note) -> Html:
    return tag(
        "div",
        tag("div", name, class_="name"),
        tag("div", value, class_="value"),
        tag("div", note, class_="note"),
        class_="tile",
    )


def _pictures(config, encoder, task, result):
    """Features as colours, and where the readout looks."""
    test = result.features["test"]
    shown = range(min(NUM_CLIPS, len(test)))
    clips = np.stack([test.views(i)[0] for i in shown])
    features, _ = test.batch(list(shown))
    features = features[:, 0]
    rows = strips.feature_strips({"clips": clips, "features": features})
    attention = result.probe.attention(features)
    if attention is not None:
        for index, row in enumerate(rows):
            weights = attention[index] / attention[index].max()
            row.append(("attention", strips.overlay(clips[index], weights)))
    text = (
        f"The features of layer {config['layer']}, less the mean of their "
        "clip: the three directions in which they vary most, as red, green "
        "and blue."
    )
    if attention is not None:
        text += " Where the readout looks is bright."
    return join(
        tag("h2", "Features"),
        tag("p", text, class_="muted"),
        tag("div", [strips.clip_rows(row) for row in rows], class_="card"),
    )


def _settings(config, result, kind):
    metric = next(iter(config["metrics"]))
    seconds = config["seconds"]
    minutes = f"{math.floor(seconds / 60)} min {seconds % 60:.0f} s"
    card = [
        tag("p", f"Took {minutes}.", class_="muted"),
        tag("h3", "The command"),
        tag("pre", config["command"]),
    ]
    if kind == "probe":
        card.insert(0, _tried(metric, result.trials))
        return tag("div", card, class_="card")
    return cards.grid(
        *curves.figures(metric, METRICS[metric], result.trials),
        tag("div", card, class_="card wide"),
    )


def _tried(metric, trials):
    sign = 1 if scores.ALL[metric] else -1
    best = int(np.nanargmax([sign * trial[metric] for trial in trials]))
    rows = [
        [
            ", ".join(f"{k} {v:g}" for k, v in trial.items() if k != metric)
            + " (chosen)" * (number == best),
            f"{trial[metric]:.3f}",
        ]
        for number, trial in enumerate(trials)
    ]
    return table(["setting", f"{metric} on the validation split"], rows)
