"""Pre-trains a video encoder, freezing its layers in the order of their depth.

    KERAS_BACKEND=jax python recipes/pretrain.py --run_dir=runs/scenes
    KERAS_BACKEND=torch python recipes/pretrain.py --data=/videos --fps=8

LayerLock (arXiv 2509.10156), section 3. A small encoder on procedural clips: a
few minutes on two CPU cores, four freezes. Flags change the configuration.
Every default that depends on other options is written to config.json of the
run directory; --plan shows all of them, and what the run costs.
"""

from layerlock import cli
from layerlock.config import PretrainConfig

CONFIG = PretrainConfig.of(
    data="scenes",
    objective="mae",
    target="latents",
    schedule="linear",  # first freeze after 60 % of the steps
    steps=1000,
    batch_size=32,
    seed=0,
)

if __name__ == "__main__":
    cli.run("pretrain", config=CONFIG, doc=__doc__)
