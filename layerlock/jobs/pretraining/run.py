"""A pre-training run that came to its end."""

import dataclasses
import pathlib

from layerlock.models.video_encoder import VideoEncoder
from layerlock.runs import RunDirectory


@dataclasses.dataclass(frozen=True)
class PretrainedRun:
    """The results of a run, read from its directory.

    Args:
        path: the run directory.

    Attributes:
        metrics: list of dict, the lines of `metrics.jsonl`.
        config: dict, what `config.json` holds.
        encoder: the exported `VideoEncoder`, loaded when it is read.
        report: path of `report.html`.

    Example:

    ```python
    run = layerlock.pretrain(steps=60, run_dir="runs/b")
    features = run.encoder.features(clips)
    ```
    """

    path: pathlib.Path

    @property
    def metrics(self) -> list[dict]:
        """The lines of the log."""
        return RunDirectory.open(self.path).read_metrics()

    @property
    def config(self) -> dict:
        """Options, versions and devices."""
        return RunDirectory.open(self.path).config

    @property
    def encoder(self) -> VideoEncoder:
        """The trained encoder."""
        return VideoEncoder.from_preset(
            RunDirectory.open(self.path).encoder_path
        )

    @property
    def report(self) -> pathlib.Path:
        """The page of the run."""
        return RunDirectory.open(self.path).report_path
