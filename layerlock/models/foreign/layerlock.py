"""LayerLock's own exports as safetensors, and to transformers."""

from layerlock import json_files
from layerlock.models import portable, stored
from layerlock.models.foreign import _arrays
from layerlock.models.foreign.base import Family, Network, Plan

MODEL_TYPE = "layerlock"
PREFIX = "encoder."


class LayerLockFamily(Family):
    """Folders of `layerlock convert --to=safetensors` and `transformers`."""

    def recognises(self, checkpoint):
        return checkpoint.config.get("model_type") == MODEL_TYPE

    def plan(self, checkpoint):
        if not self.recognises(checkpoint):
            raise ValueError(
                f"{checkpoint.place} is no export of LayerLock. Received: "
                f"{checkpoint.summary()}. Expected a folder with a config.json "
                f"of `model_type` {MODEL_TYPE!r}."
            )
        place = f"config.json of {checkpoint.place}"
        config = checkpoint.config.get("encoder")
        stored.check_config(config, place)
        config = {
            name: value
            for name, value in config.items()
            if name not in portable.OF_TRAINING
        }
        stored.check_size(
            config,
            sum(file.stat().st_size for file in checkpoint.files),
            checkpoint.place,
        )
        json_files.check(
            checkpoint.config, {"num_decoder_layers": json_files.WHOLE}, place
        )
        arrays = {
            path: _array(path, PREFIX + portable.portable_name(path))
            for path in portable.paths(config)
        }
        if "num_decoder_layers" in checkpoint.config:
            number = checkpoint.config["num_decoder_layers"]
            config = {**config, "num_decoder_layers": number}
        return Plan(Network(config, arrays))


def _array(path, name):
    if portable.is_kernel(path):
        return _arrays.transposed(name)
    return _arrays.same(name)
