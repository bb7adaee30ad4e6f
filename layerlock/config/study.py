"""Options of the studies, beside those of the runs that they train."""

from layerlock.config.option import option
from layerlock.config.section import Section, section


@section
class ConvergenceStudyConfig(Section):
    """The pairs of layer and step that are compared."""

    title = "Study"

    layers: tuple | None = option(
        None,
        "Numbers of layers that are frozen together; not set: up to four, "
        "spread over all that may freeze.",
        items=int,
    )
    freeze_at: tuple | None = option(
        None,
        "Steps at which they freeze; not set: 10, 20, 40, 60 and 80 % of "
        "steps.",
        items=int,
    )
    tolerance: float = option(
        0.01, "Share by which the final loss may rise.", low=0
    )
    quick: bool = option(
        False,
        "60 steps and 2 x 2 pairs: a test of the installation, too short to "
        "compare layers.",
    )
    mini_warmup_steps: int | None = option(
        None,
        "Steps over which the learning rate rises again after the freeze; "
        "not set: as for pretrain.",
        low=0,
    )
