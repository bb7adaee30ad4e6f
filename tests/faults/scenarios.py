"""What is broken: small jobs that use every way to write to the disk."""

import json
import os
import signal

import layerlock
from layerlock import backends, cli, report

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
    from layerlock.runs.callbacks.metrics_log import MetricsLog

    on_train_batch_end = MetricsLog.on_train_batch_end

    def signalled(self, batch, logs=None):
        if self.counter.step + 1 == int(step):
            os.kill(os.getpid(), getattr(signal, name))
        on_train_batch_end(self, batch, logs)

    MetricsLog.on_train_batch_end = signalled
    pretrain(*flags)


def with_environment(changes, scenario, *arguments):
    """Runs a scenario with other environment variables."""
    os.environ.update(json.loads(changes))
    globals()[scenario](*arguments)
