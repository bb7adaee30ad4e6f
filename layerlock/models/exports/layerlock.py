"""LayerLock's own format: every job reads it, on every backend."""

from keras import ops

from layerlock.models.exports.base import Export
from layerlock.models.video_encoder import VideoEncoder


class LayerLockExport(Export):
    """A folder with `config.json` and `encoder.weights.h5`.

    Example:

    >>> LayerLockExport().usage("mine", ["block_8"], "uint8").splitlines()[-1]
    'encoder = layerlock.VideoEncoder.from_preset("mine")'
    """

    def write(self, encoder, path, layers, dtype):
        encoder.save_to_preset(path)

    def features(self, path, clips, layers):
        features = VideoEncoder.from_preset(path).features(clips, layers)
        return {k: ops.convert_to_numpy(v) for k, v in features.items()}

    def usage(self, name, layers, dtype):
        return (
            "import layerlock\n\n"
            f'encoder = layerlock.VideoEncoder.from_preset("{name}")'
        )
