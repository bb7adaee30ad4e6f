"""Probes of frozen features, one file each."""

import importlib.util

from layerlock import plugins
from layerlock.evaluation.probes.base import Probe as Probe


def require_scikit_learn():
    """Raises if scikit-learn or SciPy is not installed."""
    for name in ("sklearn", "scipy"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                "Probes need scikit-learn and SciPy, which are not both "
                "installed. To install them: "
                'pip install "layerlock[evaluation]"'
            )


def get(spec, **arguments) -> Probe:
    """Returns a probe from an instance or a name such as `"attentive"`.

    Args:
        spec: a `Probe`, or the name of one.
        **arguments: of its constructor. Arguments that only other probes have
            are ignored.
    """
    if isinstance(spec, Probe):
        return spec
    probe_class = plugins.find(__name__, spec, Probe)
    accepted = plugins.argument_names(probe_class)
    return probe_class(**{k: v for k, v in arguments.items() if k in accepted})
