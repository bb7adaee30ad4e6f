"""The job that converts encoders, as people call it."""

import json

import keras
import pytest

import layerlock
from layerlock.jobs.conversion import checking, hub
from layerlock.jobs.job import JobError
from layerlock.models import (
    DeepAttentiveReadout,
    LatentPredictor,
    VideoEncoder,
    exports,
    stored_predictor,
    stored_readout,
)
from layerlock.models.foreign import Readout
from tests.models.exports import written
from tests.models.foreign import vjepa_files
from tests.recipes import running

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with an encoder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    written.encoder().save_to_preset("mine")
    return tmp_path


def convert(*flags):
    return running.call("convert", *flags)


def test_an_encoder_goes_to_another_program_and_back(folder, capsys):
    pytest.importorskip("safetensors")

    convert("--from=mine", "--to=safetensors", "--out=there")
    convert("--from=there", "--out=back")

    assert "there: the features in LayerLock differ by 0.0e+00" in (
        capsys.readouterr().out
    )
    written.assert_same_weights(
        VideoEncoder.from_preset("mine"), VideoEncoder.from_preset("back")
    )
    card = (folder / "there" / "README.md").read_text()
    assert 'load_file("there/model.safetensors")' in card
    assert "library_name: safetensors" in card and "| from | mine |" in card
    assert "layerlock weights, there" in (folder / "back/README.md").read_text()


def test_what_lies_beside_imported_weights_goes_along(folder):
    student = written.encoder(name="other")
    student.blocks[0].qkv[1].assign(student.blocks[0].qkv[1] + 1)
    predictor = LatentPredictor(24, 384, 1, 2, 24, name="predictor")
    written.write(
        "layerlock",
        folder / "both",
        written.encoder(),
        student=student,
        predictor=predictor,
    )

    layerlock.convert(from_="both", out="copy")
    layerlock.convert(from_="both", out="alone", student=True)

    written.assert_same_weights(predictor, stored_predictor.load("copy"))
    for path in ("copy/student", "alone"):
        found = VideoEncoder.from_preset(path)
        written.assert_same_weights(student, found)
    assert not (folder / "alone" / "student").exists()


def test_a_readout_is_kept_beside_its_encoder(folder, capsys):
    readout = DeepAttentiveReadout(3, num_blocks=1, num_heads=2, name="readout")
    readout.build((None, 2, 2, 2, 24))
    found = Readout("final_norm", readout, type(readout), ("a", "b", "c"))
    written.write(
        "layerlock", folder / "with", written.encoder(), readout=found
    )

    layerlock.convert(from_="with", out="copy")
    layerlock.convert(from_="with", out="there", to="safetensors")

    copy = stored_readout.load("copy")
    written.assert_same_weights(readout, copy.network)
    assert copy.class_names == ("a", "b", "c")
    assert "Note: The readout is left out: an export for" in (
        capsys.readouterr().out
    )


def test_a_student_has_no_readout_of_its_teacher(folder, capsys):
    readout = DeepAttentiveReadout(3, num_blocks=1, num_heads=2, name="readout")
    readout.build((None, 2, 2, 2, 24))
    found = Readout("final_norm", readout, type(readout), ("a", "b", "c"))
    written.write(
        "layerlock",
        folder / "with",
        written.encoder(),
        student=written.encoder(name="other"),
        readout=found,
    )

    layerlock.convert(from_="with", out="alone", student=True)

    assert stored_readout.load("alone") is None
    assert "it reads the moving average" in capsys.readouterr().out
    message = running.refusal(
        *("convert", "--from=with", "--student", "--out=b", "--readout=x.pt")
    )
    assert "trained on the moving average" in message


def test_a_probe_of_others_is_added_to_its_encoder(folder, capsys):
    torch = pytest.importorskip("torch")
    weights = vjepa_files.probe(0, width=24, mlp=32)
    tensors = {k: torch.from_numpy(v) for k, v in weights.items()}
    torch.save({"classifiers": [tensors]}, folder / "ssv2.pt")
    written.encoder(final_norm=True).save_to_preset("normed")

    convert(
        "--from=normed",
        "--readout=ssv2.pt",
        "--family_args=readout_heads=2",
        "--out=both",
    )

    readout = stored_readout.load("both")
    assert (readout.layer, readout.network.num_heads) == ("final_norm", 2)
    assert "The readout is that of ssv2.pt." in capsys.readouterr().out


def test_an_encoder_of_half_precision_is_exported_in_float32(folder):
    written.encoder(dtype="mixed_bfloat16").save_to_preset("half")

    layerlock.convert(from_="half", out="out")

    assert VideoEncoder.from_preset("out").dtype_policy.name == "float32"


def test_a_plan_writes_nothing(folder, capsys):
    convert("--from=mine", "--out=out", "--plan")

    output = capsys.readouterr().out
    assert "2 blocks, " in output and "out would have all layers" in output
    facts = json.loads(output.splitlines()[-1])
    assert facts["layers"] == ["embedding", "block_1", "block_2"]
    assert [p.name for p in folder.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--from=mine --out=mine", "The folder is not empty"),
        ("--from=mine --out=a --to=onnx", "must end in .onnx"),
        ("--from=mine --out=a --layers=block_1", "--layers is for formats"),
        ("--from=mine --out=a --clip_type=uint8", "--clip_type is for"),
        ("--from=mine --out=a --push_to_hub=me", "USER/NAME"),
        ("--from=mine --out=a --to=word", "Unknown --to: 'word'"),
        ("--from=none --out=a", "There are no weights at 'none'"),
        ("--from=pixels:video_vit_nano --out=a", "--from=pixels:"),
        ("--from=mine --out=a --student", "Only a run has a student"),
        ("--out=a", "--from is missing"),
        ("--from=mine --out=a --family_args=num_heads=2", "--family_args are"),
        ("--from=mine --out=a --family=dinov9", "Unknown --family: 'dinov9'"),
    ],
)
def test_mistakes_end_with_one_sentence(folder, flags, message):
    assert message in running.refusal("convert", *flags.split())
    assert [p.name for p in folder.iterdir()] == ["mine"]


def test_an_unknown_layer_is_refused(folder):
    pytest.importorskip("torch")

    flags = ("--from=mine", "--to=torch", "--out=a.pt2", "--layers=block_9")

    said = running.refusal("convert", *flags)

    assert "Unknown layer 'block_9' in --layers" in said


def test_an_export_that_differs_is_not_written(folder, monkeypatch):
    monkeypatch.setattr(checking, "largest_difference", lambda *_: 2e-4)

    with pytest.raises(JobError, match="differ by 2.0e-04"):
        layerlock.convert(from_="mine", out="out")

    assert [p.name for p in folder.iterdir()] == ["mine"]


def test_an_error_of_another_program_is_a_sentence(folder, notes, monkeypatch):
    def fail(*arguments):
        raise ZeroDivisionError("in its graph")

    monkeypatch.setattr(Notes, "write", fail)

    with pytest.raises(JobError, match="LayerLock failed: ZeroDivisionError"):
        layerlock.convert(from_="mine", to="onnx", out="a.txt")

    assert [p.name for p in folder.iterdir()] == ["mine"]


def test_a_folder_is_pushed_once_it_is_written(folder, monkeypatch):
    pushed = []
    monkeypatch.setattr(hub, "check_ready", lambda: None)
    monkeypatch.setattr(hub, "push", lambda *found: pushed.append(found))

    out = layerlock.convert(from_="mine", out="out", push_to_hub="me/mine")

    assert pushed == [(out, [], "me/mine")]
    assert (out / "README.md").exists()


class Notes(exports.Export):
    """A file with the name of the layers: a format without a library."""

    suffix = ".txt"
    is_program = True

    def write(self, networks, path, layers, dtype):
        path.write_text(f"{layers} {dtype}")
        self.encoder = networks.encoder
        return ["A note."]

    def features(self, path, clips, layers):
        return exports.keras_features(self.encoder, clips, layers)

    def usage(self, name, encoder, layers):
        return f'open("{name}")'


@pytest.fixture
def notes(monkeypatch):
    monkeypatch.setattr(exports, "get", lambda name: Notes())


def test_a_program_has_the_last_layer_and_a_card(folder, notes, capsys):
    out = layerlock.convert(from_="mine", to="onnx", out="a.txt")

    assert out.read_text() == "['block_2'] uint8"
    card = (folder / "a.md").read_text()
    assert "- A note." in card
    assert "of any batch, frames, height, width" in card
    assert (
        "| output | block_2: shape (batch, frames, rows, columns, 24)" in card
    )
    assert "Note: A note." in capsys.readouterr().out


def test_a_file_is_pushed_with_its_card(folder, notes, monkeypatch):
    pushed = []
    monkeypatch.setattr(hub, "check_ready", lambda: None)
    monkeypatch.setattr(hub, "push", lambda *found: pushed.append(found))

    layerlock.convert(
        from_="mine",
        to="onnx",
        out="a.txt",
        layers=("block_1", "embedding"),
        clip_type="float32",
        push_to_hub="me/mine",
    )

    assert (folder / "a.txt").read_text() == "['block_1', 'embedding'] float32"
    [(_, files, _)] = pushed
    assert [(p.name, name) for p, name in files] == [
        ("a.txt", "a.txt"),
        ("a.md", "README.md"),
    ]


def test_networks_that_a_format_lacks_are_named(folder, capsys):
    written.write(
        "layerlock",
        folder / "all",
        written.encoder(),
        student=written.encoder(name="other"),
        predictor=LatentPredictor(24, 384, 1, 2, 24, name="predictor"),
    )

    layerlock.convert(from_="all", out="there", to="safetensors")

    said = capsys.readouterr().out
    assert "Note: The encoder that was trained, of which this one is" in said
    assert "Note: The predictor is left out: an export for" in said
