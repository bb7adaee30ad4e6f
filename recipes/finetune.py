"""Trains an encoder and a readout end to end on a labelled task.

    KERAS_BACKEND=jax python recipes/finetune.py --encoder=runs/scenes
    KERAS_BACKEND=torch python recipes/finetune.py --encoder=runs/mine \\
        --task=folder --data=/videos --schedule=linear --layer_decay=1

Lower blocks learn more slowly (layer-wise learning-rate decay, arXiv
2003.10555), or freeze one after the other with --schedule. The supervised
reference is --encoder=random:PRESET. Nothing is chosen: the validation split is
watched, and the last step is measured on the test split, with a 95 % bootstrap
interval. `encoder/`, once it is trained, `finetune.json` and `report.html` go
to --out.
"""

import sys
import time

from common import (
    components,
    evaluation_options,
    options,
    results,
    settings,
    tasks,
)

import keras
from absl import flags

from layerlock.core.freezing.learning_rate import WarmupCosine
from layerlock.evaluation import encoders, finetuning, probes
from layerlock.report import canvas, templates

FLAGS = flags.FlagValues()
evaluation_options.define_finetune(FLAGS)
PACE = (0.1, 0.8)  # of a run, before the first freeze and from it to the last


def main(argv):
    """Checks everything that can be wrong, and only then computes."""
    options.parse(FLAGS, argv, __doc__)
    try:
        probes.require_scikit_learn()
        canvas.require_matplotlib()
        templates.require_jinja2()
        if not FLAGS.encoder:
            raise ValueError("--encoder is missing: a run directory, say.")
        encoder = encoders.load(FLAGS.encoder, FLAGS.seed, FLAGS.student)
        chosen = resolve(encoder)
        schedule = components.build_schedule(
            chosen, encoder.num_layers, "blocks of this encoder may freeze"
        )
        optimizer = build_optimizer(chosen, encoder)
        task = tasks.build_task(FLAGS, encoder)
        finetuning.check(
            encoder, task, FLAGS.readout, schedule, FLAGS.batch_size
        )
        out = tasks.choose_folder(FLAGS, "finetuned")
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"finetune: {error}")
    print(tasks.describe_clips(task, FLAGS))
    for sentence in task.problems:
        print(f"Note: {sentence}")
    start = time.monotonic()

    def save():
        encoder.save_to_preset(out / "encoder")
        print(f"Encoder: {out / 'encoder'}", flush=True)

    with tasks.made(out):
        try:
            result = finetuning.finetune(
                encoder,
                task,
                FLAGS.readout,
                optimizer,
                schedule,
                steps=FLAGS.steps,
                batch_size=FLAGS.batch_size,
                validate_every=chosen["validate_every"],
                seed=FLAGS.seed,
                verbose=int(sys.stdout.isatty()),
                on_trial=results.tell,
                on_trained=save,
            )
        except ValueError as error:
            sys.exit(f"finetune: {error}")
        results.write(
            out / "finetune.json",
            FLAGS,
            encoder,
            task,
            result,
            time.monotonic() - start,
            "fine-tuning",
            flags=chosen,
            history=result.trials,
        )


def resolve(encoder) -> dict:
    """Every flag's value, with defaults that depend on others."""
    finetuning.check_encoder(encoder)
    chosen = options.finite(FLAGS)
    settings.derive_learning_rate(
        chosen, 0.2 / encoder.hidden_dim, chosen["batch_size"]
    )
    settings.derive_schedule(chosen, encoder.num_layers, PACE)
    settings.default(chosen, "warmup_steps", chosen["steps"] // 20)
    settings.default(chosen, "validate_every", max(1, chosen["steps"] // 10))
    return chosen


def build_optimizer(chosen, encoder) -> keras.Optimizer:
    """AdamW, its rate rising and then falling along half a cosine."""
    rate = WarmupCosine(
        chosen["learning_rate"], chosen["steps"], chosen["warmup_steps"]
    )
    return finetuning.adamw(
        encoder,
        rate,
        chosen["weight_decay"],
        chosen["layer_decay"],
        chosen["gradient_clip"],
    )


if __name__ == "__main__":
    main(sys.argv)
