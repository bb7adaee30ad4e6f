import pytest

from layerlock.runs import contents
from tests.runs import synthetic

FILES = {
    "num_files": 1,
    "files": [{"position": 0, "path": "a.mp4", "fps": 8.0}],
    "unreadable": [],
}
RECORD = {
    "task": "scenes_motion",
    "readout": "knn",
    "metrics": {"top1": {"value": 0.5, "low": None, "high": None}},
}
FORMS = {
    "config": (contents.check_config, synthetic.CONFIG),
    "metrics": (contents.check_metrics, synthetic.metrics_lines()[-1]),
    "failure": (contents.check_failure, synthetic.FAILURE),
    "files": (contents.check_files, FILES),
    "state": (
        contents.check_state,
        {"step": 9, "frozen_layers": 1, "events": [[5, 1]], "lock": {}},
    ),
    "record": (contents.check_record, RECORD),
}


@pytest.mark.parametrize("check, values", FORMS.values(), ids=FORMS)
def test_what_a_run_writes_is_accepted(check, values):
    check(values, "a file")


@pytest.mark.parametrize(
    "form, change, named",
    [
        ("config", {"flags": []}, "flags"),
        ("config", {"flags": {"steps": "9"}}, "flags"),
        ("config", {"flags": {"sampling": 9}}, "flags"),
        ("config", {"resumes": [{}]}, "resumes"),
        ("config", {"devices": "cpu"}, "devices"),
        ("metrics", {"step": -1}, "step"),
        ("metrics", {"loss": "0.5"}, "loss"),
        ("metrics", {"flops": 10**400}, "flops"),
        ("metrics", {"frozen_layers": 10**9}, "frozen_layers"),
        ("metrics", {"cka": [["a"]]}, "cka"),
        ("failure", {"clips": None}, "clips"),
        ("files", {"files": [{"position": 0}]}, "files"),
        ("files", {"num_files": -1}, "num_files"),
        ("state", {"frozen_layers": None}, "frozen_layers"),
        ("state", {"events": [5, 1]}, "events"),
        ("record", {"metrics": {"top1": 0.5}}, "top1"),
    ],
)
def test_a_wrong_entry_is_named(form, change, named):
    check, values = FORMS[form]

    with pytest.raises(ValueError, match=f"'{named}' in a file must be"):
        check(values | change, "a file")


def test_a_broken_number_is_a_metric():
    contents.check_metrics({"step": 1, "loss": float("nan")}, "a line")


def test_a_line_without_a_step_is_refused():
    with pytest.raises(ValueError, match="has no 'step'"):
        contents.check_metrics({"loss": 0.5}, "a line")
