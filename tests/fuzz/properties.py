"""The settings of Hypothesis: the same examples in every run."""

import hypothesis

SETTINGS = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "print_blob": False,
    "suppress_health_check": list(hypothesis.HealthCheck),
}


def examples(number: int, shrink: bool = True):
    """A decorator that tries a number of examples.

    Args:
        number: int.
        shrink: bool, whether a failing example is made smaller, which takes
            many more. Defaults to `True`.
    """
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    if shrink:
        phases.append(hypothesis.Phase.shrink)
    return hypothesis.settings(max_examples=number, phases=phases, **SETTINGS)
