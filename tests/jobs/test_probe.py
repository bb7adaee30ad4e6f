"""The trace of a probe."""

import pytest

import layerlock

pytest.importorskip("sklearn")
FEW = "num_train=20,num_validation=10,num_test=10"
TINY = {"encoder": "random:video_vit_nano", "frames": 4, "size": 16}
STEPS = "batch_size=2,learning_rates=(1e-3,1e-2),steps="


def probe(tmp_path, readout, arguments, **more):
    return layerlock.probe(
        **TINY,
        task_args=FEW,
        readout=readout,
        readout_args=arguments,
        out=tmp_path / "out",
        trace=tmp_path / "trace",
        **more,
    )


def test_the_first_training_of_a_readout_can_be_traced(tmp_path, capsys):
    judgement = probe(tmp_path, "linear", f"{STEPS}15")

    assert len(judgement.trials) == 2
    files = [path for path in (tmp_path / "trace").rglob("*") if path.is_file()]
    assert files
    assert capsys.readouterr().out.count("Trace: ") == 1


@pytest.mark.parametrize("plan", [True, False])
@pytest.mark.parametrize(
    "readout, arguments, message",
    [
        ("linear", f"{STEPS}14", "`trace` records.*Received: 14 batches"),
        ("knn", "", "NearestNeighbours has no training steps"),
    ],
)
def test_a_readout_with_too_few_steps_for_a_trace_is_refused(
    tmp_path, readout, arguments, message, plan
):
    with pytest.raises(ValueError, match=message):
        probe(tmp_path, readout, arguments, plan=plan)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("plan", [True, False])
def test_a_folder_that_is_not_empty_is_refused(tmp_path, plan):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")

    with pytest.raises(ValueError, match="not empty"):
        probe(tmp_path, "linear", f"{STEPS}15", plan=plan)


def test_a_plan_makes_no_folder(tmp_path):
    probe(tmp_path, "linear", f"{STEPS}15", plan=True)

    assert list(tmp_path.iterdir()) == []
