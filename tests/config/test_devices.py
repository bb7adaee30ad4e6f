"""Options of devices and processes that contradict each other are refused."""

import pytest

from layerlock.config import OptionError, PretrainConfig

MEETING = {"coordinator": "10.0.0.1:8476", "num_processes": 2, "process_id": 1}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mesh": (2,)}, "Pass `distribution`"),
        ({"distribution": "data", "mesh": (2, 2)}, "no model axis"),
        ({"distribution": "fsdp", "mesh": (2, 2, 2)}, "such as 4,2"),
        ({"distribution": "fsdp", "mesh": (0, 2)}, "such as 4,2"),
        ({"distribution": "rows"}, "Expected one of"),
        ({"distribution": "data", "process_id": 1}, "Missing: `coordinator`"),
        ({**MEETING}, "only under a `distribution`"),
        ({**MEETING, "process_id": 2, "distribution": "data"}, "from 0 to 1"),
        ({**MEETING, "coordinator": "me", "distribution": "data"}, "8476"),
    ],
)
def test_what_makes_no_sense_is_refused(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        PretrainConfig.of(**options).resolve()


@pytest.mark.parametrize(
    "options",
    [
        {"distribution": "data", "mesh": (4, 1)},
        {"distribution": "fsdp", "mesh": (4, 2)},
        {"distribution": "none", "mesh": ()},
        {"distribution": "model", **MEETING},
        {"coordinator": "me:1", "num_processes": 1, "process_id": 0},
    ],
)
def test_what_makes_sense_is_accepted(options):
    devices = PretrainConfig.of(**options).resolve().devices

    assert {name: getattr(devices, name) for name in options} == options
