"""Options of the encoder that is pre-trained."""

from layerlock.config import facts
from layerlock.config.option import OptionError, option
from layerlock.config.section import Section, section

PRECISIONS = ("none", "bfloat16", "float16", "float8")
STORED = PRECISIONS[:3]  # of an exported encoder
REMAT = ("none", "blocks", "attention", "every_2", "every_3", "every_4")
POSITIONS = ("rotary", "rotary_qk", "learned", "sincos", "none")


def _preset(config):
    """video_vit_nano; none where init_from brings an encoder of its own size"""
    return None if config.encoder.init_from else "video_vit_nano"


def _patch_size(config):
    """that of another encoder as teacher; else the encoder's own"""
    return None if config.encoder.init_from else facts.teacher_patches(config)


@section
class EncoderConfig(Section):
    """The encoder: its size, weights and precision; and its teacher."""

    title = "Encoder"

    init_from: str | None = option(
        None,
        "Start from an exported encoder, or from a run: then its moving "
        "average and its predictor go on, too, where they fit; of the folder "
        "encoder/ of a run, only the encoder.",
    )
    preset: str | None = option(
        rule=_preset,
        choices=facts.presets,
        replaced_by="init_from",
        help="Size of the encoder.",
    )
    positions: str | None = option(
        None,
        "Kind of position embedding; not set: the encoder's own, rotary for a "
        "preset.",
        choices=POSITIONS,
        replaced_by="init_from",
    )
    patch_size: tuple | None = option(
        rule=_patch_size,
        items=int,
        replaced_by="init_from",
        help="Frames, rows and columns of a patch, such as 2,16,16.",
    )
    mixed_precision: str = option(
        "none",
        "Precision of the networks; weights and losses stay in float32. "
        "float8: bfloat16, with the linear maps of blocks in float8.",
        choices=PRECISIONS,
    )
    remat: str = option(
        "none",
        "Activations that the backward pass computes again, to save memory: "
        "of whole blocks, of their attention, or of every second, third or "
        "fourth block, in the encoder and in V-JEPA's predictor. On JAX only a "
        "GPU or a TPU saves any. Without a value: blocks. `memory_gigabytes` "
        "helps to choose.",
        choices=REMAT,
        booleans=("none", "blocks"),
    )
    jit_compile: bool | None = option(
        None,
        "Compile blocks and loss on PyTorch, the step with XLA on TensorFlow; "
        "not set: PyTorch compiles on a GPU and not on a CPU, TensorFlow as "
        "Keras chooses. JAX compiles.",
    )

    teacher: str | None = option(
        None,
        "vjepa: where targets come from: a moving average (ema), the frozen "
        "layers, the encoder itself (self), which can collapse, or another "
        "encoder, which never changes: a run or an exported encoder; not set: "
        "the objective's own, ema.",
        argument_of="objective",
        may_change=True,
    )
    teacher_precision: str | None = option(
        None,
        "Precision in which an encoder as `teacher` computes; not set: its "
        "own, that of its training.",
        choices=STORED,
    )

    def check_together(self, config):
        if self.teacher_precision and facts.teacher_folder(config) is None:
            raise OptionError(
                "`teacher_precision` is that of another encoder as `teacher`. "
                f"Received: teacher={self.teacher}. Leave it out."
            )
        if self.init_from:
            for name in ("preset", "patch_size", "positions"):
                if name in self.given:
                    raise OptionError(
                        f"`{name}` contradicts `init_from`, which brings an "
                        "encoder of its own size. Leave one of them out."
                    )
        if self.patch_size is None:
            return
        if len(self.patch_size) != 3 or min(self.patch_size) < 1:
            raise OptionError(
                "`patch_size` is frames,rows,columns, such as 2,16,16. "
                f"Received: {','.join(map(str, self.patch_size))}."
            )

    @property
    def dtype(self):
        """The precision policy, or its name."""
        return facts.policy(self.mixed_precision)

    @property
    def name(self) -> str:
        """What a person calls the encoder."""
        return self.preset or self.init_from
