"""The networks: an encoder of video patches and its predictors."""

from layerlock.models.decoder import PatchwiseDecoder
from layerlock.models.deep_readout import DeepAttentiveReadout
from layerlock.models.float8 import Float8Policy
from layerlock.models.linear_readout import LinearReadout
from layerlock.models.patches import patchify, unpatchify
from layerlock.models.positions import LearnedPositions, SinCosPositions
from layerlock.models.predictor import LatentPredictor
from layerlock.models.projector import Projector
from layerlock.models.readout import AttentiveReadout
from layerlock.models.rope import RotaryEmbedding3D
from layerlock.models.transformer import TransformerBlock
from layerlock.models.video_encoder import VideoEncoder

__all__ = [
    "AttentiveReadout",
    "DeepAttentiveReadout",
    "Float8Policy",
    "LatentPredictor",
    "LearnedPositions",
    "LinearReadout",
    "PatchwiseDecoder",
    "Projector",
    "RotaryEmbedding3D",
    "SinCosPositions",
    "TransformerBlock",
    "VideoEncoder",
    "patchify",
    "unpatchify",
]
