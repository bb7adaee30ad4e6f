"""A run of which one process, the last, gets SIGTERM in the middle of a step.

Run as `python -m tests.recipes.signalled STEP FLAG...`; with step 0, none does.
"""

import os
import signal
import sys

from layerlock import backends, cli
from layerlock.runs.callbacks.metrics_log import MetricsLog


def main(step, *flags):
    on_train_batch_end = MetricsLog.on_train_batch_end

    def signalled(self, batch, logs=None):
        is_last = backends.process_index() == backends.process_count() - 1
        if is_last and self.counter.step + 1 == int(step):
            os.kill(os.getpid(), signal.SIGTERM)
        on_train_batch_end(self, batch, logs)

    MetricsLog.on_train_batch_end = signalled
    cli.run("pretrain", list(flags))


if __name__ == "__main__":
    main(*sys.argv[1:])
