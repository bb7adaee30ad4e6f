"""Pre-trains video encoders by progressive freezing, on any Keras backend."""

from layerlock.backends.layerwise import LayerwiseAdamW as LayerwiseAdamW
from layerlock.backends.layerwise import layer_multipliers as layer_multipliers
from layerlock.core.adaptive import FreezeWhenConverged as FreezeWhenConverged
from layerlock.core.callback import LayerLock as LayerLock
from layerlock.core.drift import LayerDrift as LayerDrift
from layerlock.core.learning_rate import MiniWarmup as MiniWarmup
from layerlock.core.learning_rate import PerUpdate as PerUpdate
from layerlock.core.learning_rate import WarmupCosine as WarmupCosine
from layerlock.core.masks import Mask as Mask
from layerlock.core.masks import MultiBlockMask as MultiBlockMask
from layerlock.core.masks import RandomMask as RandomMask
from layerlock.core.masks import TubeMask as TubeMask
from layerlock.core.monitors import Monitors as Monitors
from layerlock.core.objectives import Objective as Objective
from layerlock.core.objectives.mae import (
    MaskedAutoencoding as MaskedAutoencoding,
)
from layerlock.core.objectives.mae_latent import (
    MaskedAutoencodingWithLatents as MaskedAutoencodingWithLatents,
)
from layerlock.core.objectives.vjepa import VJEPA as VJEPA
from layerlock.core.pretraining import MaskedPretraining as MaskedPretraining
from layerlock.core.scheduler import FreezableModel as FreezableModel
from layerlock.core.scheduler import FreezeScheduler as FreezeScheduler
from layerlock.core.schedules import (
    ConvergedFreezeSchedule as ConvergedFreezeSchedule,
)
from layerlock.core.schedules import FreezeSchedule as FreezeSchedule
from layerlock.core.schedules import (
    LinearFreezeSchedule as LinearFreezeSchedule,
)
from layerlock.core.schedules import NeverFreezeSchedule as NeverFreezeSchedule
from layerlock.core.schedules import (
    PiecewiseFreezeSchedule as PiecewiseFreezeSchedule,
)
from layerlock.models.decoder import PatchwiseDecoder as PatchwiseDecoder
from layerlock.models.predictor import LatentPredictor as LatentPredictor
from layerlock.models.readout import AttentiveReadout as AttentiveReadout
from layerlock.models.readout import LinearReadout as LinearReadout
from layerlock.models.rope import RotaryEmbedding3D as RotaryEmbedding3D
from layerlock.models.video_encoder import VideoEncoder as VideoEncoder

__version__ = "0.1.0"
