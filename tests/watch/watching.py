"""What the tests of the live page share: small trainings, and a client of the page."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from metabit.golden.config import Config
from metabit.golden.data.datasets import Dataset
from metabit.golden.data.training_data import adapt, prepare
from metabit.golden.engines import EngineName
from metabit.golden.runs.run import Run
from metabit.watch.server import Page
from metabit.watch.serving import Serving
from metabit.watch.session import Session
from metabit.watch.source import Source

SAMPLES, TILE, SPAN = 103, 4, 4
"""Of an epoch of the small trainings; six whole spans and a part, whose last tile is short."""

PATIENCE = 60.0


def run_of(
    seed: int = 3, epochs: int = 3, *, lag: int = 1, views: int = 1, engine: EngineName = "numpy"
) -> Run:
    """Return a small training on random images of three classes, at its beginning."""
    rng = np.random.default_rng(1)
    labels = np.arange(SAMPLES + 20) % 3
    images = rng.integers(0, 256, (3, 6, 6))[labels] + rng.integers(-90, 90, (SAMPLES + 20, 6, 6))
    dataset = Dataset(
        "blobs",
        np.clip(images[:SAMPLES], 0, 255).astype(np.uint8),
        labels[:SAMPLES],
        3,
        np.clip(images[SAMPLES:], 0, 255).astype(np.uint8),
        labels[SAMPLES:],
        holdout=20,
        default_split="official",
    )
    small = Config(
        name="small", inputs=1, hidden=(12, 8), group=4, margin=0.5, tile=TILE, lag=lag, seed=seed
    )
    config = adapt(small.model_copy(update={"views": views}), dataset, "thermometer:90,170")
    return Run.start(config, prepare(config, dataset=dataset), epochs, engine=engine)


def session_of(run: Run | Source | None = None, **options: Any) -> Session:
    """Return a session of a small training, or of one that is somewhere else."""
    run = run_of() if run is None else run
    source = run if isinstance(run, Source) else Source(run, f"golden model, {run.engine}")
    return Session(source, **options)


def wait(condition: Callable[[], Any]) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.005)


@contextmanager
def served(*sessions: Session, host: str = "127.0.0.1") -> Iterator["Client"]:
    """Serve a page, and yield a client of it; trainings that are not over are stopped."""
    page = Page(sessions)
    try:
        with Serving(page, host, 0) as serving:
            yield Client(serving, page)
    finally:
        for session in sessions:
            session.stop()


class Client:
    """Talks to a page as a browser does."""

    def __init__(self, serving: Serving, page: Page) -> None:
        self.serving = serving
        self.page = page

    def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Return status, content and headers of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.serving.port, timeout=PATIENCE)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=given)
        answer = connection.getresponse()
        try:
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def get(self, path: str) -> bytes:
        """Return what there must be."""
        status, content, _ = self.ask(path)
        assert status == 200, content
        return content

    def json(self, path: str) -> Any:
        """Return what there must be, read."""
        return json.loads(self.get(path))

    def order(self, order: str, run: int = 0) -> None:
        """Give an order that must be taken."""
        status, content, _ = self.ask(f"/runs/{run}/{order}", "POST")
        assert status == 202, content

    @contextmanager
    def events(self) -> Iterator[Iterator[tuple[str, Any]]]:
        """Yield the events that the page is sent, name and content."""
        connection = http.client.HTTPConnection("127.0.0.1", self.serving.port, timeout=PATIENCE)
        connection.request("GET", "/events")
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("content-type", "").startswith("text/event-stream")

        def read() -> Iterator[tuple[str, Any]]:
            name = ""
            for line in answer:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    yield name, json.loads(text.removeprefix("data: "))

        try:
            yield read()
        finally:
            answer.close()
            connection.close()
