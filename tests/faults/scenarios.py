"""What is broken: small jobs that use every way to write to the disk."""

import json
import os
import pathlib
import signal

import layerlock
from layerlock import backends, cli, report
from layerlock.runs.callbacks.metrics_log import MetricsLog

STEPS = 6
FLAGS = (
    f"--steps={STEPS}",
    "--batch_size=2",
    "--checkpoint_every=2",
    "--keep_checkpoints=2",
    "--log_every=1",
    "--start_step=3",
    "--interval=2",
    "--max_frozen_layers=2",
    "--frames=4",
    "--size=16",
    "--track=",
)


def encoder(path):
    """Writes an encoder so small that a run takes a second."""
    with backends.without_tensorflow():
        layerlock.VideoEncoder(
            num_layers=3,
            num_heads=2,
            hidden_dim=24,
            mlp_dim=24,
            patch_size=(2, 8, 8),
            clip_shape=(4, 16, 16),
            num_decoder_layers=1,
            name="encoder",
        ).save_to_preset(path)


def pretrain(*flags):
    """Runs the job as its command does, with a report of one line."""
    # Its figures take most of the time, and write nothing.
    report.page = lambda run: f"{len(run.read_metrics())} lines"
    cli.run("pretrain", list(flags))


def pretrain_signalled(name, step, *flags):
    """Sends itself a signal, in the middle of a step."""
    number = getattr(signal, name)
    _at_step(int(step), lambda: os.kill(os.getpid(), number))
    pretrain(*flags)


def pretrain_without(folder, kept, step, *flags):
    """Removes, cuts off and replaces videos in the middle of a run.

    Args:
        folder: path of the videos.
        kept: how many stay as they are.
        step: when.
        *flags: of the run.
    """

    def break_videos():
        videos = sorted(pathlib.Path(folder).glob("*.mp4"))[int(kept) :]
        for number, path in enumerate(videos):
            content = path.read_bytes()
            path.unlink()  # not the file that may be open
            if number % 3 == 1:
                path.write_bytes(content[: len(content) // 3])
            elif number % 3 == 2:
                path.write_bytes(b"not a video" * 99)

    _at_step(int(step), break_videos)
    pretrain(*flags)


def _at_step(step, action):
    """Does something in the middle of an optimizer step of the run."""
    on_train_batch_end = MetricsLog.on_train_batch_end

    def acting(self, batch, logs=None):
        if self.counter.step + 1 == step:
            action()
        on_train_batch_end(self, batch, logs)

    MetricsLog.on_train_batch_end = acting


def with_environment(changes, scenario, *arguments):
    """Runs a scenario with other environment variables."""
    os.environ.update(json.loads(changes))
    globals()[scenario](*arguments)
