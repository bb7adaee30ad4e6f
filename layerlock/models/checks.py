"""Checks of arguments that several networks share."""


def check_counts(**counts):
    """Raises if one of the named numbers is below 1.

    >>> check_counts(num_heads=4, hidden_dim=96)
    """
    for name, value in counts.items():
        if value < 1:
            raise ValueError(
                f"`{name}` must be at least 1. Received: {name}={value}."
            )
