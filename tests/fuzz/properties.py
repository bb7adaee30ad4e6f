"""The settings of Hypothesis: the same examples in every run."""

import hypothesis

SETTINGS = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "print_blob": False,
    "suppress_health_check": list(hypothesis.HealthCheck),
}


def examples(number: int):
    """A decorator that tries a number of examples."""
    return hypothesis.settings(max_examples=number, **SETTINGS)
