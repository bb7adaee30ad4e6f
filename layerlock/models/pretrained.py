"""Builds an encoder from released weights, or from LayerLock's own."""

from layerlock import json_files, plugins
from layerlock.models.stored import CLASS_NAME


class PretrainedMethods:
    """Mixin of `VideoEncoder`: loads weights, whoever wrote them."""

    @classmethod
    def from_pretrained(cls, path, family=None, **arguments):
        """Loads an encoder from released weights; runs no code from files.

        Where a file has a moving average of the encoder, it is loaded: the
        originals evaluate it. `layerlock.models.foreign.read` gives both, and
        the predictor.

        Args:
            path: a folder as transformers writes it; a file `.safetensors`,
                `.npz`, `.pt` or `.pth`; `hf://USER/NAME`; a folder written by
                `save_to_preset`, or a run.
            family: str, one of `layerlock.models.foreign.names()`. Defaults
                to `None`: it is recognised.
            **arguments: of the encoder, in place of the file's, such as
                `num_heads`, `clip_shape` or `dtype="mixed_bfloat16"`.

        Example:

        ```python
        encoder = VideoEncoder.from_pretrained(
            "hf://facebook/vjepa2-vitl-fpc64-256"
        )
        features = encoder.features(clips, layers=["final_norm"])
        ```
        """
        # Families build encoders: this module cannot import them.
        foreign = plugins.load("layerlock.models.foreign")
        local = foreign.local_path(str(path))
        if family is None:
            for folder in (local, local / "encoder"):
                if _is_exported(folder):
                    return cls.from_preset(folder, **arguments)
        return foreign.read_encoder(path, family, **arguments)


def _is_exported(folder) -> bool:
    """Whether `save_to_preset` wrote a folder."""
    try:
        content = json_files.read(folder / "config.json")
    except (OSError, ValueError):
        return False
    return content.get("class_name") == CLASS_NAME
