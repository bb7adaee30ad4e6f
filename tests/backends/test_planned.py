"""What a device sends in an exchange."""

import pytest

from layerlock.backends.planned import Collective, PlannedStep


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("all-gather", 750),
        ("reduce-scatter", 750),
        ("all-to-all", 750),
        ("all-reduce", 1500),  # a reduce-scatter, then an all-gather
        ("collective-permute", 1000),
    ],
)
def test_a_device_sends_all_but_its_own_part(kind, sent):
    assert Collective(kind, 1000, 4, "block_1").bytes_sent == sent


def test_a_step_adds_up_its_exchanges():
    exchanges = (
        Collective("all-gather", 1000, 4, "block_1"),
        Collective("all-gather", 200, 2, "block_2"),
        Collective("all-reduce", 400, 2, "block_2"),
    )

    step = PlannedStep(5, 7, 11, exchanges)

    assert step.state_bytes == 12
    assert step.bytes_sent("all-gather") == 750 + 100
    assert step.bytes_sent() == 750 + 100 + 400
