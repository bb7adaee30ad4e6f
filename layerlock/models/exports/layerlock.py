"""LayerLock's own format: every job reads it, on every backend."""

from layerlock.models import stored_predictor, stored_readout
from layerlock.models.exports.base import STUDENT, Export, keras_features
from layerlock.models.video_encoder import VideoEncoder


class LayerLockExport(Export):
    """A folder with `config.json` and `encoder.weights.h5`.

    It holds the trained encoder too, as `student/`, where the encoder is its
    moving average, a predictor, and a readout.

    Example:

    >>> LayerLockExport().usage("mine", None, ["block_8"]).splitlines()[-1]
    'encoder = layerlock.VideoEncoder.from_preset("mine")'
    """

    holds = ("student", "predictor", "readout")

    def write(self, networks, path, layers, dtype):
        networks.encoder.save_to_preset(path)
        if networks.student is not None:
            networks.student.save_to_preset(path / STUDENT)
        if networks.predictor is not None:
            stored_predictor.save(networks.predictor, path)
        if networks.readout is not None:
            encoder = networks.encoder
            shape = (*encoder.grid(), encoder.hidden_dim)
            stored_readout.save(networks.readout, shape, path)
        return []

    def features(self, path, clips, layers):
        return keras_features(VideoEncoder.from_preset(path), clips, layers)

    def usage(self, name, encoder, layers):
        return (
            "import layerlock\n\n"
            f'encoder = layerlock.VideoEncoder.from_preset("{name}")'
        )
