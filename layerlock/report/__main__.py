"""Writes a run's report again.

KERAS_BACKEND=jax python -m layerlock.report RUN_DIR
"""

import sys

from layerlock import report

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: KERAS_BACKEND=jax python -m layerlock.report RUN_DIR")
    try:
        print(report.write(sys.argv[1]))
    except (ImportError, ValueError) as error:
        sys.exit(f"error: {error}")
