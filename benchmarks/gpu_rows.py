"""The rows of `gpu.py`: what is measured on a GPU, most wanted first."""

import dataclasses

PUBLISHED_CLIPS = 13.2  # per second: V-JEPA 2's ViT-g, 24 clips in 1,825 ms
BACKENDS = ("torch", "jax")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table.

    Args:
        kind: `"step"`, our step beside the one by hand; `"memory"`, of one
            step of ours; `"remat"`, clips that fit; `"loop"`, clips per second
            of V-JEPA with its own masks.
        backend: `"torch"` or `"jax"`.
        size: str, of the encoder.
        stage: int, frozen layers. Defaults to `0`.
        batch_size: int, clips; of the first try, where the largest batch is
            searched. Defaults to `8`.
        seconds: int, limit of its process. Defaults to `150`.
        float8: bool, whether ours multiplies in float8; the step by hand
            stays in bfloat16. Defaults to `False`.
        is_tiny: bool, a rehearsal on a CPU, with the smallest encoder and in
            float32. Defaults to `False`.
    """

    kind: str
    backend: str
    size: str
    stage: int = 0
    batch_size: int = 8
    seconds: int = 150
    float8: bool = False
    is_tiny: bool = False

    @property
    def name(self) -> str:
        """What its result is filed under."""
        name = f"{self.kind}-{self.backend}-{self.size}-{self.stage}"
        return f"{name}-float8" if self.float8 else name

    @property
    def preset(self) -> str:
        """The preset that is trained."""
        return f"video_vit_{self.size}"

    @property
    def mixed_precision(self) -> str:
        """The precision that is trained in."""
        if self.float8:
            return "float8"
        return "none" if self.is_tiny else "bfloat16"

    def rehearsal(self):
        """A row of that kind so small that a CPU does it in seconds."""
        return dataclasses.replace(
            self,
            size="nano",
            stage=4 if self.stage else 0,
            batch_size=2,
            seconds=60,
            is_tiny=True,
        )


def rows() -> list[Row]:
    """All rows, in the order in which they are measured."""

    def step(size, *stages, **keywords):
        return [
            Row("step", backend, size, stage, **keywords)
            for stage in stages
            for backend in BACKENDS
        ]

    def enormous(stage):
        return Row("memory", "torch", "enormous", stage, 1, 240)

    return [
        *step("large", 0),
        *step("gigantic", 0, seconds=240),
        enormous(0),
        *(Row("loop", name, "giant", 0, 24, 200) for name in BACKENDS),
        *step("large", 13),
        *step("base", 0, 5),
        *step("gigantic", 29, seconds=240),
        enormous(32),
        *(Row("remat", name, "large") for name in BACKENDS),
        *step("large", 0, float8=True),
        *step("gigantic", 0, seconds=240, float8=True),
    ]
