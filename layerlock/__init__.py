"""Pre-trains video encoders by progressive freezing, on any Keras backend."""

from layerlock import commands, environment

environment.choose_backend()
environment.avoid_onednn()
environment.import_keras()

# ruff: noqa: E402 - Keras reads its backend when it is imported.
from layerlock.backends.layerwise import (
    LayerwiseAdamW as LayerwiseAdamW,
    layer_multipliers as layer_multipliers,
)
from layerlock.core.freezing.adaptive import (
    FreezeWhenConverged as FreezeWhenConverged,
)
from layerlock.core.freezing.callback import LayerLock as LayerLock
from layerlock.core.freezing.learning_rate import (
    MiniWarmup as MiniWarmup,
    PerUpdate as PerUpdate,
    WarmupCosine as WarmupCosine,
)
from layerlock.core.freezing.scheduler import (
    FreezableModel as FreezableModel,
    FreezeScheduler as FreezeScheduler,
)
from layerlock.core.freezing.schedules import (
    ConvergedFreezeSchedule as ConvergedFreezeSchedule,
    FreezeSchedule as FreezeSchedule,
    LinearFreezeSchedule as LinearFreezeSchedule,
    NeverFreezeSchedule as NeverFreezeSchedule,
    PiecewiseFreezeSchedule as PiecewiseFreezeSchedule,
)
from layerlock.core.monitoring.drift import LayerDrift as LayerDrift
from layerlock.core.monitoring.monitors import Monitors as Monitors
from layerlock.core.pretraining.masks import (
    Mask as Mask,
    MultiBlockMask as MultiBlockMask,
    RandomMask as RandomMask,
    TubeMask as TubeMask,
)
from layerlock.core.pretraining.model import (
    MaskedPretraining as MaskedPretraining,
)
from layerlock.core.pretraining.objectives import Objective as Objective
from layerlock.core.pretraining.objectives.lejepa import LeJEPA as LeJEPA
from layerlock.core.pretraining.objectives.mae import (
    MaskedAutoencoding as MaskedAutoencoding,
)
from layerlock.core.pretraining.objectives.mae_latent import (
    MaskedAutoencodingWithLatents as MaskedAutoencodingWithLatents,
)
from layerlock.core.pretraining.objectives.vjepa import VJEPA as VJEPA
from layerlock.models.decoder import PatchwiseDecoder as PatchwiseDecoder
from layerlock.models.deep_readout import (
    DeepAttentiveReadout as DeepAttentiveReadout,
)
from layerlock.models.float8 import Float8Policy as Float8Policy
from layerlock.models.linear_readout import LinearReadout as LinearReadout
from layerlock.models.predictor import LatentPredictor as LatentPredictor
from layerlock.models.projector import Projector as Projector
from layerlock.models.readout import AttentiveReadout as AttentiveReadout
from layerlock.models.rope import RotaryEmbedding3D as RotaryEmbedding3D
from layerlock.models.video_encoder import VideoEncoder as VideoEncoder

__version__ = "0.1.0"


def __getattr__(name):
    """Finds the jobs: `layerlock.pretrain(steps=60)`, and the others."""
    if name in commands.NAMES:
        return commands.find(name)
    raise AttributeError(f"module 'layerlock' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *commands.NAMES})
