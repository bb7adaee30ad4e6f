"""Options of the clips of a pre-training run."""

from layerlock import plugins
from layerlock.config import facts
from layerlock.config.option import OptionError, option
from layerlock.config.section import Section, section

SMALL_WIDTH = 384  # narrower encoders get small clips


def _frames(config):
    """8 for scenes, 16 for videos; with init_from, the encoder's"""
    if config.encoder.init_from:
        return facts.encoder_sizes(config.encoder)["clip_shape"][0]
    return facts.source_default(config.data.data, "frames")


def _size(config):
    """32 for scenes; for videos 64 under nano and tiny, 224 under the other
    presets; with init_from, the encoder's"""
    sizes = facts.encoder_sizes(config.encoder)
    if config.encoder.init_from:
        return sizes["clip_shape"][1]
    small = sizes["hidden_dim"] < SMALL_WIDTH
    usual = facts.source_default(config.data.data, "size")
    return usual or (64 if small else 224)


def _workers(config):
    """0 for scenes, 2 for videos"""
    return facts.source_class(config.data.data).default_workers


@section
class DataConfig(Section):
    """The clips that a run learns from."""

    title = "Data"

    data: str = option(
        "scenes",
        "scenes, or a folder, a glob, or a .txt or .csv list of videos, or "
        "shards of prepare; or a mixture, NAME:WEIGHT=PLACE,...",
        plugin=True,
    )
    frames: int = option(rule=_frames, low=1, help="Frames of a clip.")
    size: int = option(
        rule=_size, low=1, help="Height and width of a clip, pixels."
    )
    fps: float | None = option(
        None,
        "Frames per second to read videos at; not set: 8, or the video's own "
        "rate if it is lower.",
        above=0,
    )
    sampling: str = option(
        "rate",
        "rate: a clip is a part of a video, at `fps`; whole: it has a random "
        "frame of each of `frames` equal segments of the video.",
        choices=("rate", "whole"),
    )
    workers: int = option(
        rule=_workers,
        low=0,
        may_change=True,
        help="Processes that read clips; 0 reads in a thread.",
    )
    validation: str | None = option(
        None,
        "Held-out clips for a loss on fixed clips and masks, named as data is.",
        plugin=True,
    )

    def check_together(self, config):
        for name in ("frames", "size"):
            length = getattr(self.data, name, None)
            if length is not None and length != getattr(self, name):
                raise OptionError(
                    f"The source of clips has `{name}={length}`. Received: "
                    f"`{name}={getattr(self, name)}`. Leave it out."
                )
        source = facts.source_class(self.data)
        accepted = set()
        if self.validation is not None:
            held_out = facts.source_class(self.validation)
            accepted = set(plugins.argument_names(held_out))
        is_whole = self.sampling == "whole"
        for name, is_set in (("fps", self.fps), ("sampling", is_whole)):
            if is_set and name not in accepted:
                self._check_reads_videos(name, source)
        if self.fps and is_whole:
            raise OptionError(
                "`fps` is the rate of `sampling=rate`; `sampling=whole` "
                "spreads the frames over the whole video. Received: "
                f"fps={self.fps:g}, sampling=whole. Leave one of them out."
            )

    def _check_reads_videos(self, name: str, source: type):
        """Raises if an option for videos would do nothing."""
        if not isinstance(self.data, str):
            raise OptionError(
                f"`{name}` is for videos that `data` names. Received: a "
                f"source, {type(self.data).__name__}. Pass `{name}` to its "
                "constructor."
            )
        if name not in plugins.argument_names(source):
            raise OptionError(
                f"`{name}` is for videos; `data={self.data}` has no time."
            )
