"""The model card beside an exported encoder: a README.md."""

import json
from pathlib import Path

from layerlock.data import names
from layerlock.runs import card_scores, wording, writing
from layerlock.runs.directory import RunDirectory

NAME = "README.md"
_BEGIN = "<!-- Written by LayerLock. Changes between these lines are lost. -->"
_END = "<!-- End of what LayerLock writes. -->"
_HEADER = """---
license: other
library_name: {library}
tags: [layerlock, video, self-supervised]
---
"""
_PLACEHOLDERS = """
## Licence

To be filled in: the licence of these weights. It may depend on the licence of
the training data.

## Intended use and limits

To be filled in.
"""


def write(run: RunDirectory):
    """Writes the card of a run beside its exported encoder, and its student.

    Args:
        run: the run. Nothing is written where no encoder was exported.
    """
    for folder in (run.encoder_path, run.student_path):
        if folder.is_dir():
            place(folder, describe_run(run, folder.name))


def place(folder: Path, text: str, name: str = NAME, library: str = "keras"):
    """Writes a card, and keeps what a person wrote around it.

    Args:
        folder: of the exported encoder.
        text: Markdown, the part that LayerLock writes.
        name: str, of the file. Defaults to `"README.md"`.
        library: str, what loads the encoder, as the Hugging Face Hub names
            it. Defaults to `"keras"`.
    """
    path = Path(folder) / name
    block = f"{_BEGIN}\n{names.encodable(text).strip()}\n{_END}\n"
    before, after = _HEADER.format(library=library), _PLACEHOLDERS
    if path.exists():
        before, after = _read(path), ""
        start, _, rest = before.partition(_BEGIN)
        if _END in rest:
            before, after = start, rest.partition(_END)[2].removeprefix("\n")
        else:  # a lone line would pair with a later one, and lose text
            before = before.replace(_BEGIN, "").replace(_END, "")
            if before and not before.endswith("\n"):
                before += "\n"
    content = f"{before}{block}{after}"
    if not path.exists() or _read(path) != content:
        # A training run and probes of it write the same card.
        writing.replace_file(
            path, content.encode("utf-8", "surrogateescape"), is_shared=True
        )


def _read(path: Path) -> str:
    """The text of a file; what is no UTF-8 comes back as it was."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def describe_run(run: RunDirectory, folder: str = "encoder") -> str:
    """The card of a pre-training run in Markdown.

    Args:
        run: the run.
        folder: str, name of the folder of the encoder. Defaults to
            `"encoder"`.
    """
    return "\n".join(
        [
            f"# {_name(run)}",
            "",
            "A video encoder, pre-trained without labels by LayerLock "
            "(arXiv 2509.10156).",
            "",
            "```python",
            "import layerlock",
            "",
            f'encoder = layerlock.VideoEncoder.from_preset("{folder}")',
            "```",
            "",
            *training(run, folder),
        ]
    )


def training(run: RunDirectory, folder: str | None = None) -> list[str]:
    """Lines on the data, the method and the scores of a run.

    Args:
        run: the run.
        folder: str, name of the folder of the encoder whose scores are
            listed. Defaults to `None`: the scores of all encoders of the run.
    """
    config, options = run.config, run.config.get("flags", {})
    lines = run.read_metrics()
    rows = [
        ("encoder", f"{_name(run)}, {_parameters(config.get('model', {}))}"),
        ("data", _data(run, options)),
        ("clips", _clips(options)),
        ("objective", _plugin(options.get("objective"))),
        *_teacher(config),
        ("mask", _plugin(options.get("mask"))),
        ("freezing", _freezing(options, lines)),
        ("trained", _length(options, lines)),
        ("cost", _cost(lines, config)),
        ("health", lines[-1].get("verdict", "unknown") if lines else "unknown"),
        ("software", _software(config)),
    ]
    return [
        *wording.table(("", ""), rows),
        "",
        *card_scores.lines(run, folder),
        *options_block(options),
    ]


def _name(run) -> str:
    options = run.config.get("flags", {})
    return options.get("preset") or options.get("init_from") or "video encoder"


def describe_finetuning(record: dict) -> str:
    """The card of a fine-tuned encoder in Markdown.

    Args:
        record: what finetune.json holds.
    """
    examples = ", ".join(f"{n} {k}" for k, n in record["examples"].items())
    rows = [
        ("started from", record["encoder"]),
        ("task", f"{record['task']}, {examples} examples"),
        ("readout", record["readout"]),
        ("command", f"`{record['command']}`"),
        *(
            (
                f"test {metric}",
                f"{score['value']:.3f} "
                f"({wording.interval(score)}, 95 % interval)",
            )
            for metric, score in record["metrics"].items()
        ),
    ]
    return "\n".join(
        [
            f"# Fine-tuned on {record['task']}",
            "",
            "A video encoder, trained end to end with a readout by LayerLock.",
            "",
            *wording.table(("", ""), rows),
            "",
            *options_block(record["flags"]),
        ]
    )


def options_block(options: dict) -> list[str]:
    """Lines with all options as JSON."""
    text = json.dumps(writing.plain(options), indent=2)
    return ["## Options", "", "```json", text, "```"]


def _parameters(model) -> str:
    count = model.get("num_parameters")
    if count is None or "num_layers" not in model:
        return "size unknown"
    return f"{model['num_layers']} blocks, {wording.count(count)} parameters"


def _data(run, options) -> str:
    files = run.read_files() or {}
    source = _plugin(options.get("data"))
    if "num_files" in files:
        return f"{source}: {wording.count(files['num_files'])} videos"
    return source


def _clips(options) -> str:
    size, fps = options.get("size"), options.get("fps")
    times = f" at {fps:g} per second" if fps else ""
    if options.get("sampling") == "whole":
        times = " over the whole of a video"
    return f"{options.get('frames')} frames of {size}x{size}{times}"


def _teacher(config) -> list:
    """The row of a fixed teacher, if the run has one."""
    teacher = config.get("teacher")
    if not teacher:
        return []
    name = f"{teacher['path']}, checksum {teacher['sha256'][:12]}"
    return [("fixed teacher", name)]


def _plugin(value) -> str:
    return str(value.get("class") if isinstance(value, dict) else value)


def _freezing(options, lines) -> str:
    frozen = lines[-1].get("frozen_layers", "unknown") if lines else 0
    return f"{_plugin(options.get('schedule'))}, {frozen} layers at the end"


def _length(options, lines) -> str:
    step = lines[-1]["step"] if lines else 0
    batch = options.get("batch_size", 1) * options.get("accumulation", 1)
    steps = wording.count(options.get("steps", step))
    return f"{wording.count(step)} of {steps} steps of {batch} clips"


def _cost(lines, config) -> str:
    if not lines:
        return "unknown"
    flops = wording.scaled(lines[-1].get("flops"), "FLOPs")
    seconds = wording.duration(lines[-1].get("seconds"))
    devices = ", ".join(config.get("devices", []))
    return f"{flops} of matrix products, {seconds} on {devices}"


def _software(config) -> str:
    versions = config.get("versions", {})
    names = ("layerlock", "keras", config.get("backend"))
    return ", ".join(f"{n} {versions[n]}" for n in names if n in versions)
