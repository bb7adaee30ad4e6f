"""What freezing saves: FLOPs, memory and time against a run without it.

    KERAS_BACKEND=jax python recipes/savings.py --run_dir=runs/savings
    KERAS_BACKEND=jax python recipes/savings.py --plan --target=pixels \\
        --preset=video_vit_gigantic --start_step=160000 --interval=10000 \\
        --max_frozen_layers=32 --steps=480000

Trains twice, with the options of `recipes/pretrain.py`: once with layers that
freeze, predicting pixels unless --target is set, and once without.
`savings.png` and `savings.json` are written to --run_dir. A complete run there
is not repeated, and one that was stopped continues; runs of other options, or
of another backend, are refused.

--plan trains nothing: it counts the cost of a job of any size, with latent
targets unless --target is set. Clips have the shape of the preset, unless
--data, --frames or --size is set.

LayerLock (arXiv 2509.10156), section 4.1 and Figure 3.
"""

from layerlock import cli
from layerlock.config import SavingsConfig

CONFIG = SavingsConfig.of(
    objective="mae",
    schedule="linear",
    steps=1000,
    batch_size=32,
)

if __name__ == "__main__":
    cli.run("savings", config=CONFIG, doc=__doc__)
