"""Runs that never happened, for tests of what reads a run directory."""

import numpy as np

from layerlock.runs import pictures
from layerlock.runs.directory import RunDirectory

CONFIG = {
    "command": "KERAS_BACKEND=jax python recipes/pretrain.py --steps=600",
    "backend": "jax",
    "devices": ["cpu:0"],
    "git_revision": "0123abc",
    "versions": {"python": "3.11.7", "keras": "3.15.1", "layerlock": "0.1.0"},
    "started": "2026-01-02 03:04:05 +0000",
    "model": {"num_layers": 8, "num_parameters": 973_000},
    "flags": {
        "objective": "mae",
        "schedule": "linear",
        "preset": "video_vit_nano",
        "data": "scenes",
        "steps": 600,
        "batch_size": 32,
    },
}
UNFROZEN_STEP = 2.4e10  # FLOPs
BLOCKS = CONFIG["model"]["num_layers"]
NEW_KEYS = (
    "feature_std_min",
    "raw_feature_std",
    "prediction_cosine",
    "clip_cosine",
    "weight_norms",
    "weight_norm_rates",
    "verdict",
    "verdict_reason",
    "cka",
    "monitor_seconds",
)
FAILURE = {
    "step": 600,
    "batch": 599,
    "loss": "nan",
    "frozen_layers": 5,
    "target_layers": [5],
    "learning_rate": 1e-3,
    "clips": [f"clip {index}.mp4" for index in range(32)],
}


def frozen_layers(step: int, start: int = 200, interval: int = 80) -> int:
    """One more layer every `interval` steps, at most 5."""
    return min(max((step - start) // interval + 1, 0), 5)


def metrics_lines(steps: int = 600, log_every: int = 10, target="latents"):
    """Lines as a healthy run writes them."""
    random = np.random.default_rng(0)
    lines, flops = [], 0.0
    for step in range(log_every, steps + 1, log_every):
        frozen = frozen_layers(step - 1)  # an event follows its line
        since = step - (200 + 80 * (frozen - 1)) if frozen else step
        latent = frozen and target == "latents"
        share = 1 - 0.09 * frozen + (0.13 * frozen if latent else 0)
        flops += UNFROZEN_STEP * share * log_every
        scale = 0.5 + 0.05 * frozen if latent else 1.0
        lines.append(
            {
                "step": step,
                "loss": scale * (0.35 + 0.6 * np.exp(-since / 60))
                + 0.01 * random.standard_normal(),
                "frozen_layers": frozen,
                "target_layer": frozen if latent else None,
                "learning_rate": 1e-3 * min(1, (since + 5) / 30),
                "clips_per_second": 310 * (1 + 0.1 * frozen)
                + 8 * random.standard_normal(),
                "input_wait": 0.02,
                "seconds": step * 0.1,
                "flops": flops,
                "flops_unfrozen": UNFROZEN_STEP * step,
                "peak_memory_bytes": int(6.4e8 * (1 - 0.11 * frozen)),
                "stall_seconds": 1.7 if frozen and since <= 10 else None,
                "feature_std": 0.62 + 0.02 * random.standard_normal(),
                "effective_rank": 22 + step / 40 + random.standard_normal(),
                "target_std": 0.8 + 0.02 * random.standard_normal(),
                "grad_norm": 2 * np.exp(-since / 90)
                + 0.1 * abs(random.standard_normal()),
                **health(step, frozen, random),
            }
        )
        if step % (3 * log_every) == 0 and step > 3 * log_every:
            lines[-1] |= drift(step, frozen, random)
    return lines


def health(step: int, frozen: int, random) -> dict:
    """What monitors measure of a run that learns; frozen blocks keep still."""
    blocks = np.arange(BLOCKS)
    ages = np.minimum(step, np.where(blocks < frozen, 190 + 80 * blocks, step))
    norms = 30 + (1 + blocks / 4) * (1 - np.exp(-ages / 200))
    return {
        "feature_std_min": 0.15 + 0.02 * random.standard_normal(),
        "raw_feature_std": 2 + step / 200 + 0.1 * random.standard_normal(),
        "prediction_cosine": 0.9 * (1 - np.exp(-step / 150)),
        "clip_cosine": 0.6 + 0.05 * random.standard_normal(),
        "weight_norms": norms.tolist(),
        "weight_norm_rates": [1e-5] * BLOCKS if step > 10 else None,
        "verdict": "healthy",
        "verdict_reason": "Spread of features 0.62, of targets 0.80.",
    }


def drift(step: int, frozen: int, random) -> dict:
    """What `LayerDrift` adds on some lines."""
    changed = 0.3 * np.exp(-step / 120) * random.uniform(0.5, 1.5, BLOCKS)
    changed[:frozen] = -1e-16  # rounding
    return {"cka": (1 - changed).tolist(), "monitor_seconds": 0.04}


def judged(lines: list[dict], label: str, first: int) -> list[dict]:
    """The same lines, called `label` from line `first` on."""
    verdict = {"verdict": label, "verdict_reason": f"It looks {label}."}
    return lines[:first] + [line | verdict for line in lines[first:]]


def old_lines() -> list[dict]:
    """Lines of a run from before there were verdicts."""
    return [
        {key: value for key, value in line.items() if key not in NEW_KEYS}
        for line in metrics_lines()
    ]


def clips(count: int = 2, frames: int = 8, size: int = 32):
    """A bright square that moves over a gradient."""
    rows, columns = np.mgrid[:size, :size]
    ground = np.stack(
        [rows * 255 // size, columns * 200 // size, rows * 0 + 90], -1
    )
    video = np.repeat(ground[None, None], count * frames, 0)
    video = video.reshape(count, frames, size, size, 3).astype("uint8")
    for clip in range(count):
        for frame in range(frames):
            left = (frame * size // frames + clip * 7) % (size - 8)
            video[clip, frame, 10 : 18 + clip, left : left + 8] = 240
    return video


def add_pictures(run: RunDirectory, step: int = 190, layer: str = "block_7"):
    """Reconstructions and features that belong to `clips`."""
    original = clips()
    random = np.random.default_rng(0)
    hidden = random.random((2, 4, 4, 4)) < 0.8
    for axis, factor in ((1, 2), (2, 8), (3, 8)):
        hidden = hidden.repeat(factor, axis)
    masked = np.where(hidden[..., None], 128, original).astype("uint8")
    guess = (original * 0.8 + 30).astype("uint8")
    pictures.save_reconstruction(
        run,
        original,
        masked,
        np.where(hidden[..., None], guess, original),
        step,
    )
    patches = original.reshape(2, 4, 2, 4, 8, 4, 8, 3).mean(axis=(2, 4, 6))
    features = patches @ random.standard_normal((3, 24))
    pictures.save_features(run, original, features, layer, step)


def synthetic_run(path, lines=None, config=None, files=None) -> RunDirectory:
    """A run directory with everything but pictures."""
    run = RunDirectory.create(path, config or CONFIG, files)
    for line in metrics_lines() if lines is None else lines:
        run.append_metrics(line)
    return run
