"""What `layerlock convert` writes: safetensors, and predictors."""

import json
import shutil

from layerlock.models import (
    DeepAttentiveReadout,
    LatentPredictor,
    foreign,
    portable,
    stored_predictor,
    stored_readout,
)
from tests.fuzz import hostile
from tests.fuzz.targets.target import Target
from tests.models.exports import written
from tests.models.foreign import files


class _Folder(Target):  # without a docstring: it is not attacked itself
    def draw(self, random):
        path = self.folder / "out"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.valid, path)
        name = random.choice(sorted(p.name for p in path.iterdir()))
        content = (path / name).read_bytes()
        if name.endswith(".json"):
            tree = hostile.changed(json.loads(content), random)
            content = hostile.encoded(tree, random)
        else:
            content = hostile.damaged(content, random)
        (path / name).write_bytes(content)
        return lambda: self.read(path)


class ExportedWeights(_Folder):
    """A folder of `--to=safetensors`."""

    name = "exported safetensors"

    def __init__(self, folder):
        super().__init__(folder)
        self.valid = folder / "valid"
        encoder = written.encoder(num_layers=1)
        arrays = portable.to_arrays(encoder)
        config = {
            "model_type": "layerlock",
            "encoder": portable.arguments(encoder),
            "num_decoder_layers": 0,
        }
        arrays = {f"encoder.{name}": array for name, array in arrays.items()}
        files.write_folder(self.valid, arrays, config)

    def read(self, path):
        """Reads the encoder; the family is known."""
        return foreign.read(path, "layerlock")


class StoredPredictor(_Folder):
    """The predictor beside an imported encoder."""

    name = "stored predictor"

    def __init__(self, folder):
        super().__init__(folder)
        self.valid = folder / "valid"
        self.valid.mkdir()
        predictor = LatentPredictor(
            24, 96, num_layers=1, num_heads=2, predictor_dim=12, name="first"
        )
        stored_predictor.save(predictor, self.valid)

    def read(self, path):
        """Reads the predictor."""
        return stored_predictor.load(path)


class StoredReadout(_Folder):
    """The readout beside an imported encoder."""

    name = "stored readout"

    def __init__(self, folder):
        super().__init__(folder)
        self.valid = folder / "valid"
        self.valid.mkdir()
        readout = DeepAttentiveReadout(
            2, num_blocks=2, num_heads=2, name="readout"
        )
        readout.build((None, 2, 2, 2, 12))
        found = foreign.Readout(
            "final_norm", readout, type(readout), ("up", "down")
        )
        stored_readout.save(found, (2, 2, 2, 12), self.valid)

    def read(self, path):
        """Reads the readout."""
        return stored_readout.load(path)
