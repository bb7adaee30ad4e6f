"""Fine-tuning as a command."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from layerlock.evaluation import encoders
from tests.marks import slow_but_thorough_on
from tests.recipes import running

pytestmark = slow_but_thorough_on("jax", "tensorflow")
ONE_BACKEND = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
FEW = "num_train=40,num_validation=20,num_test=30"


def finetune(*flags):
    recipe = running.ROOT / "recipes" / "finetune.py"
    return subprocess.run(
        [sys.executable, str(recipe), *flags],
        env=running.environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture
def encoder(small):
    return small[0].replace("--init_from", "--encoder")


def test_it_leaves_numbers_a_page_and_an_encoder_for_other_recipes(
    encoder, tmp_path
):
    pytest.importorskip("sklearn")
    out = tmp_path / "out"
    finished = finetune(
        encoder,
        "--task=scenes_depth",
        f"--task_args={FEW},single_frame=True",
        "--steps=6",
        "--batch_size=8",
        "--validate_every=3",
        "--schedule=linear",
        "--start_step=3",
        "--interval=3",
        "--max_frozen_layers=2",
        f"--out={out}",
    )

    assert finished.returncode == 0, finished.stderr[-3000:]
    found = json.loads((out / "finetune.json").read_text())
    for metric in found["metrics"].values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    history = found["history"]
    assert [look["step"] for look in history] == [3, 6]
    assert [look["frozen_layers"] for look in history] == [1, 2]
    assert found["examples"] == {"train": 40, "validation": 20, "test": 30}
    assert sorted(path.name for path in out.iterdir()) == [
        "encoder",
        "finetune.json",
        "report.html",
    ]
    page = (out / "report.html").read_text()
    assert "http://" not in page and "https://" not in page
    before, after = (
        encoders.load(path)  # as recipes/probe.py does
        for path in (encoder.removeprefix("--encoder="), out)
    )
    # What was frozen can be trained again.
    assert len(after.trainable_variables) == len(after.variables)
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(
            before.blocks[-1].get_weights(),
            after.blocks[-1].get_weights(),
            strict=True,
        )
    )


NANO = "--encoder=random:video_vit_nano"


@ONE_BACKEND
@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "--encoder is missing"),
        (["--encoder=pixels:video_vit_nano"], "no weights to fine-tune"),
        (["--encoder=/nowhere"], "no encoder at"),
        ([NANO, "--readout=knn"], "one of ['attentive', 'linear', 'vjepa2']"),
        (
            [NANO, "--schedule=converged"],
            "one of ['linear', 'never', 'piecewise']",
        ),
        ([NANO, "--interval=5"], "--interval is not an argument"),
        ([NANO, "--schedule=linear", "--start_step=1000"], "Nothing would"),
        (
            [NANO, "--schedule=linear", "--max_frozen_layers=9"],
            "At most 8 blocks",
        ),
        ([NANO, "--layer_decay=0"], "above 0 and at most 1"),
        ([NANO, "--learning_rate=nan"], "--learning_rate must be finite"),
        ([NANO, "--learning_rate=0"], "--learning_rate must be above 0"),
        ([NANO, "--warmup_steps=1000"], "warmup_steps"),
        (
            [NANO, f"--task_args={FEW}", "--batch_size=41"],
            "the 40 training examples",
        ),
        ([NANO, "--frames=3"], "3"),
        ([NANO, "--data=/videos"], "reads no files"),
        ([NANO, "--layer=3"], "Unknown command line flag"),
        *(
            (
                [NANO, f"--readout_args={name}={value}"],
                f"{name}={value}. Leave it out there, and set --{option} of",
            )
            for name, value, option in (
                ("steps", 7, "steps"),
                ("batch_size", 3, "batch_size"),
                ("learning_rates", (5.0,), "learning_rate"),
                ("weight_decay", 0.9, "weight_decay"),
            )
        ),
    ],
)
def test_mistakes_end_with_one_sentence(flags, message, monkeypatch, tmp_path):
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)

    said = running.refusal("finetune", *flags)

    assert message in said
    assert list(tmp_path.iterdir()) == []
