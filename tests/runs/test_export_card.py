"""The card of a converted encoder has its code, its facts and its run."""

from layerlock.runs import export_card
from tests.models.exports import written
from tests.runs.test_model_card import run as run  # a fixture


def test_a_card_has_code_sizes_facts_and_notes():
    encoder = written.encoder(pixel_mean=(0.1, 0.2, 0.3))

    card = export_card.describe(
        "mine", encoder, "import x", {"from": "runs/a"}, ["A note."]
    )

    assert "```python\nimport x\n```" in card
    assert "| from | runs/a |" in card and "- A note." in card
    assert "| clips | 4 frames of 16x16 |" in card
    assert "mean 0.1, 0.2, 0.3 is subtracted" in card
    assert "## Training" not in card


def test_a_card_has_data_and_options_of_a_run(run):
    card = export_card.describe("mine", written.encoder(), "x", {}, [], run)

    training = card.partition("## Training")[2]
    assert "1,234 videos" in training and '"steps": 2000' in training
