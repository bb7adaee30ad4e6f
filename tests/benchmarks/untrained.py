"""Rows and runs of a study that look as if they had been trained."""

import json

from layerlock.runs import RunDirectory


def row(method, steps, seed, value, flops=None, column="word"):
    return {
        "method": method,
        "steps": steps,
        "seed": seed,
        "flops": flops,
        "clips": steps * 16,
        "scores": {column: {"value": value}},
        "monitors": {"loss": 1 - value, "effective_rank": 3.0},
    }


def rows(offset):
    """MAE at two lengths, and a dearer method that is `offset` better."""
    found = []
    for seed in range(3):
        noise = 0.001 * seed
        for steps, score in ((100, 0.2), (200, 0.3)):
            found.append(row("MAE", steps, seed, score + noise, steps))
            found.append(
                row("B", steps, seed, score + offset - noise, 2 * steps)
            )
    return found


def complete(study, method, steps, seed, score):
    """A run that looks complete, with the answer to the main question."""
    flags, paths = study.runs_of(method, steps, seed)
    for (_, run_steps), path in zip(flags, paths, strict=True):
        config = {"flags": {"batch_size": 16, "accumulation": 1}}
        run = RunDirectory.create(path, config)
        run.append_metrics(
            {
                "step": run_steps,
                "loss": 0.5,
                "flops": 10 * run_steps,
                "seconds": 2.0,
                "peak_memory_bytes": 7,
            }
        )
        (path / "checkpoints" / f"step_{run_steps:08d}").mkdir(parents=True)
        (path / "report.html").write_text("")
    out = paths[-1] / "probes" / study.main.name
    out.mkdir(parents=True)
    metrics = {"top1": {"value": score, "low": 0.0, "high": 1.0}}
    (out / "probe.json").write_text(json.dumps({"metrics": metrics}))
