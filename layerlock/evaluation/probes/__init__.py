"""Ways to read frozen features, one file each."""

import importlib.util

from layerlock import plugins
from layerlock.evaluation.probes.base import Probe as Probe


def require_scikit_learn():
    """Raises if scikit-learn, or SciPy which it brings, is not installed."""
    for name in ("sklearn", "scipy"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                "Features are judged with scikit-learn and SciPy, which are "
                "not both installed. To install them: "
                'pip install "layerlock[evaluation]"'
            )


def get(spec, **arguments) -> Probe:
    """Returns a probe from an instance or a name such as `"attentive"`.

    Args:
        spec: a `Probe`, or the name of one.
        **arguments: of its constructor. Those that only other probes have are
            left out, so that one set of arguments serves all of them.
    """
    if isinstance(spec, Probe):
        return spec
    found = plugins.find(__name__, spec, Probe)
    accepted = plugins.argument_names(found)
    return found(**{k: v for k, v in arguments.items() if k in accepted})
