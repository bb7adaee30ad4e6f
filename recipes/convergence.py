"""In which order do layers converge? When may which of them be frozen?

    KERAS_BACKEND=jax python recipes/convergence.py --run_dir=runs/convergence
    KERAS_BACKEND=jax python recipes/convergence.py --quick

Trains a masked auto-encoder once without a freeze, and from its checkpoints
once more for every pair of --layers and --freeze_at: layers up to L are frozen
at step T, and the run continues to its end, predicting pixels. Draws the final
loss over T, a line for every L, and prints the schedule that follows: for
every L the first T from which on freezing costs no more than --tolerance.

Takes the options of `recipes/pretrain.py`. `convergence.png` and
`convergence.json` are written to --run_dir. A complete run there is not
repeated, and one that was stopped continues; runs of other options, or of
another backend, are refused.

LayerLock (arXiv 2509.10156), section 3.1 and Figure 1.
"""

from layerlock import cli
from layerlock.config import ConvergenceConfig

CONFIG = ConvergenceConfig.of(
    tolerance=0.01,
)

if __name__ == "__main__":
    cli.run("convergence", config=CONFIG, doc=__doc__)
