"""The contract of a family of released weights."""

import abc
import dataclasses
import pathlib

from layerlock import disk


@dataclasses.dataclass
class Network:
    """A network to be built, and where its weights come from.

    Attributes:
        config: dict, arguments of the constructor.
        arrays: dict from the path of a variable, without the name of the
            network, such as `"block_1/qkv_kernel"`, to an `Array`.
        initial: tuple of paths of variables that keep their initial values:
            those of LayerLock's own that the original does not have.
    """

    config: dict
    arrays: dict
    initial: tuple = ()


@dataclasses.dataclass
class Readout:
    """A readout that was trained on the features of an encoder.

    Attributes:
        layer: str, the name of these features.
        network: a `Network` in a `Plan`; the layer itself in an `Imported`.
        kind: class of the layer.
        class_names: tuple of str, its classes in order; empty if it has none,
            or if they are unknown.
    """

    layer: str
    network: object
    kind: type
    class_names: tuple = ()


@dataclasses.dataclass
class Plan:
    """What becomes of the arrays of a file.

    Attributes:
        encoder: `Network` of the trained encoder, a `VideoEncoder`.
        predictor: `Network` of its `LatentPredictor`, or `None`. Its
            `num_heads` is `None` if unknown.
        predictor_has_heads_of_encoder: bool, whether it has as many attention
            heads as the encoder.
        teacher: `Network` of its moving average, which is what the original
            evaluates; `None` without one.
        readout: `Readout` that the file has beside the encoder, or `None`.
        left_out: dict from a pattern of names, such as `"opt/*"`, to the
            reason why these arrays are not used.
        notes: list of str, what else the user should know.
    """

    encoder: Network
    predictor: Network | None = None
    predictor_has_heads_of_encoder: bool = False
    teacher: Network | None = None
    readout: Readout | None = None
    left_out: dict = dataclasses.field(default_factory=dict)
    notes: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Source:
    """Where imported weights come from.

    Attributes:
        family: str.
        path: str, as it was asked for.
        files: tuple of the paths of the files of weights.
    """

    family: str
    path: str
    files: tuple[pathlib.Path, ...]

    def facts(self) -> dict:
        """Returns family, path and the SHA-256 of each file; reads them."""
        return {
            "family": self.family,
            "path": self.path,
            "sha256": {file.name: disk.digest(file) for file in self.files},
        }


@dataclasses.dataclass
class Imported:
    """The networks of a file.

    Attributes:
        encoder: the trained `VideoEncoder`.
        predictor: its `LatentPredictor`, or `None`.
        teacher: the moving average of the encoder, which is what the original
            evaluates; `None` without one.
        readout: `Readout` of a task, or `None`.
        notes: list of str, what was left out and why.
        source: `Source`.
    """

    encoder: object
    predictor: object | None
    teacher: object | None
    readout: Readout | None
    notes: list[str]
    source: Source

    @property
    def exported_encoder(self):
        """The encoder that the original evaluates: the teacher, if any."""
        return self.encoder if self.teacher is None else self.teacher


class Family(abc.ABC):
    """A family of released encoders: their arrays, and what they mean."""

    @abc.abstractmethod
    def recognises(self, checkpoint) -> bool:
        """Whether the arrays have the names and shapes of this family.

        Args:
            checkpoint: a `Checkpoint`, of which only `shapes` and `config`
                are looked at.
        """

    @abc.abstractmethod
    def plan(self, checkpoint) -> Plan:
        """Returns what becomes of the arrays.

        Args:
            checkpoint: a `Checkpoint`.

        Raises:
            ValueError: if the file has what LayerLock cannot express.
        """
