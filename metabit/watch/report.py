"""A training that is watched, as a report: sections of the live page, and its static export."""

import threading
import time
from pathlib import Path

import numpy as np

from ..plots.maps import FeatureMap, feature_maps
from ..report.collect import SHOWN, Contents, Hard, Sample, moved_in, picture_of, predictions_of
from ..report.looks import Look, look_of
from ..report.render import report, sections
from .session import Session

_PATIENCE = 20
"""Times as long as it took to draw sections, before they are drawn anew while a training runs."""


class SessionReport:
    """Draws what is known of a session; any thread but that of its training may do that.

    Parameters
    ----------
    session : Session
        What is shown.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        run = session.source.run
        self._shape = run.data.split.images.shape[1:]
        self.maps: list[FeatureMap] = feature_maps(run.data.encoder, self._shape)
        self._codes = session.source.network.neuron_codes()
        self._lock = threading.Lock()
        self._drawn = ""
        self._version = -1
        self._again = 0.0

    def look(self, layer: int, first: int = 0) -> Look:
        """Return what the neurons of a layer look for, by the newest copy of the weights.

        Raises
        ------
        IndexError
            If there is no such layer.
        """
        return look_of(self._session.want_weights().hidden, self._codes, self.maps, layer, first)

    def contents(self) -> Contents:
        """Return what a report of the session holds, now."""
        session, after = self._session, self._session.after
        run, weights, names = session.source.run, session.weights, session.names
        config, data = run.network.config, run.data
        network = {
            "config": config.model_dump(mode="json"),
            "dataset": data.dataset,
            "split": data.split.name,
        }
        predictions = None
        if after.predictions is not None:
            predictions = predictions_of(data.split, after.predictions, names, network)
        simulated = after.device if "bit_exact" in after.device else None
        layers = range(len(weights.hidden))
        return Contents(
            title=f"{session.name}, {session.source.place}",
            train=after.results,
            simulate=None if simulated is None else {**network, **simulated},
            predictions=predictions,
            moved=moved_in(config, after.observations, run.schedule.samples),
            looks=[look_of(weights.hidden, self._codes, self.maps, layer) for layer in layers],
            hard=self._hard(),
        )

    def _hard(self) -> Hard:
        """Return the hardest training samples."""
        session, split = self._session, self._session.source.run.data.split
        found = [
            Sample(
                picture_of(split.images[missed.sample]),
                int(split.labels[missed.sample]),
                missed.taken_for,
                f"missed {missed.misses}/{missed.passes}",
            )
            for missed in session.tally.hardest(SHOWN)
        ]
        return Hard(found, session.tally.passes, session.names)

    def sections(self) -> tuple[str, int]:
        """Return the sections of the report, as HTML, and the version of what they are of.

        They are drawn anew when an epoch is over, but not so often that drawing would take a
        noticeable share of what the machine can do.
        """
        with self._lock:
            version, now = self._session.after.version, time.monotonic()
            if version != self._version and (now >= self._again or self._session.state.at_rest):
                self._drawn = sections(self.contents())
                self._version = version
                self._again = time.monotonic() + _PATIENCE * (time.monotonic() - now)
            return self._drawn, self._version

    def page(self) -> str:
        """Return the report as a page that needs nothing else, as ``metabit report`` makes it."""
        return report(self.contents())

    def write(self, file: Path) -> None:
        """Write the page."""
        file.write_text(self.page(), encoding="utf-8")

    def image(self, part: str, number: int) -> np.ndarray:
        """Return a sample in two dimensions.

        Parameters
        ----------
        part : {"train", "test"}
            Of which samples.
        number : int
            Which.

        Raises
        ------
        IndexError
            If there is none.
        """
        split = self._session.source.run.data.split
        images = split.images if part == "train" else split.test_images
        if not 0 <= number < len(images):
            raise IndexError(f"there is no sample {number} among {len(images)}")
        return picture_of(images[number])
