"""Judges a frozen encoder by what a small network reads from its features.

    KERAS_BACKEND=jax python recipes/probe.py --encoder=runs/scenes
    KERAS_BACKEND=torch python recipes/probe.py --encoder=runs/mine \\
        --task=folder --data=/videos --readout=knn

LayerLock (arXiv 2509.10156), section 4. Settings are chosen by a validation
split; what is reported is measured on the test split, with a 95 % bootstrap
interval. `probe.json` and `report.html` go to --out.
"""

import sys
import time

from common import evaluation_options, options, results, tasks

import keras
from absl import flags

from layerlock import evaluation, plugins
from layerlock.evaluation import encoders, probes
from layerlock.report import templates

FLAGS = flags.FlagValues()
evaluation_options.define_probe(FLAGS)


def main(argv):
    """Checks everything that can be wrong, and only then computes."""
    options.parse(FLAGS, argv, __doc__)
    try:
        probes.require_scikit_learn()
        templates.require_jinja2()
        if not FLAGS.encoder:
            raise ValueError("--encoder is missing: a run directory, say.")
        encoder = encoders.load(FLAGS.encoder, FLAGS.seed, FLAGS.student)
        layer = evaluation_options.layer_number(FLAGS, encoder)
        readout = build_readout()
        task = tasks.build_task(FLAGS, encoder)
        evaluation.check(readout, task, encoder)
        out = tasks.choose_folder(FLAGS, "probes")
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"probe: {error}")
    print(tasks.describe_clips(task, FLAGS))
    for sentence in task.problems:
        print(f"Note: {sentence}")
    start = time.monotonic()
    with tasks.made(out) as folder:
        try:
            result = evaluation.probe(
                encoder,
                task,
                readout,
                layer,
                folder,
                max_bytes=FLAGS.cache_gigabytes * 1e9,
                progress=Progress(),
                print_fn=print,
                on_trial=results.tell,
            )
        except ValueError as error:
            sys.exit(f"probe: {error}")
        results.write(
            out / "probe.json",
            FLAGS,
            encoder,
            task,
            result,
            time.monotonic() - start,
            "probe",
            readout_args=result.probe.get_config(),
            trials=result.trials,
        )


def build_readout():
    """The readout that the flags ask for."""
    found = plugins.find(probes.__name__, FLAGS.readout, probes.Probe)
    arguments = plugins.parse_arguments(FLAGS.readout_args, found)
    accepted = plugins.argument_names(found)
    defaults = {"seed": FLAGS.seed, "verbose": int(sys.stdout.isatty())}
    for name in set(defaults) & set(accepted):
        arguments.setdefault(name, defaults[name])
    return found(**arguments)


class Progress:
    """A bar for each split's pass through the encoder."""

    def __init__(self):
        self.split = None

    def __call__(self, split, done, total):
        if split != self.split:
            self.split = split
            print(f"Features of the {split} split: {total} examples")
            self.bar = keras.utils.Progbar(total)
        if sys.stdout.isatty():
            self.bar.update(done)


if __name__ == "__main__":
    main(sys.argv)
