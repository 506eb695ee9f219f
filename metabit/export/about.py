"""What an exported graph keeps besides the network, so that new samples can be read and encoded."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from ..golden.checkpoints.hardware import Checkpoint
from ..golden.data.class_names import real_names
from ..golden.data.options import DataOptions
from ..golden.data.seen import Seen
from ..golden.data.trained import Trained
from ..golden.encoding.comparisons import Comparison
from ..golden.encoding.distributive import numbers_of_encoder
from ..golden.encoding.encoders import Encoder


class About(BaseModel):
    """Encoder, columns, names and data set of a network; see :class:`.RunRecord`.

    Attributes
    ----------
    encoder : str
        How samples become bits.
    median, thresholds, selection, comparisons
        Fitted state of the encoder.
    dataset, split : str
        What was trained on.
    seed : int
        Of the split.
    columns, class_names : tuple of str
        Of a table: names of its columns and classes.
    data_options : DataOptions or None
        How the data set was read.
    seen : Seen or None
        Shape and range of the training samples.
    state_sha256 : str
        Hash of the training state.
    """

    model_config = ConfigDict(frozen=True)

    encoder: str
    median: float | None = None
    thresholds: tuple[tuple[float, ...], ...] | None = None
    selection: tuple[int, ...] | None = None
    comparisons: tuple[Comparison, ...] | None = None
    dataset: str
    split: str
    seed: int
    columns: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    data_options: DataOptions | None = None
    seen: Seen | None = None
    state_sha256: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """Return what an export keeps of a checkpoint."""
        record, config = checkpoint.record, checkpoint.config
        shared = set(cls.model_fields) - {"encoder", "seed"}
        kept = {name: getattr(record, name) for name in shared}
        kept["class_names"] = real_names(record.dataset, config.classes, record.class_names)
        return cls(encoder=config.encoder, seed=config.seed, **kept)

    def fitted_encoder(self) -> Encoder:
        """Return the encoder as it was fitted in training."""
        return Encoder(self.encoder, self.median, self.thresholds, self.selection, self.comparisons)

    def trained(self) -> Trained:
        """Return what new samples must be like."""
        numbers = numbers_of_encoder(self.fitted_encoder().parts, len(self.columns))
        options = self.data_options or DataOptions()
        return Trained(self.dataset, self.columns, numbers, options, self.seen)
