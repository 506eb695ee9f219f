"""Fixtures of the tests of the live page."""

import threading

import pytest

from metabit.golden import schedule
from metabit.watch import pace
from tests.watch.watching import SPAN

pytest.importorskip("starlette", reason="the extra 'watch' is not installed")


@pytest.fixture(autouse=True)
def short_spans(monkeypatch):
    """Several spans an epoch."""
    monkeypatch.setattr(schedule, "SPAN", SPAN)


@pytest.fixture
def often(monkeypatch):
    """Look after every span."""
    monkeypatch.setattr(pace, "INTERVAL", 0.0)
    monkeypatch.setattr(pace, "SHARE", 1.0)


@pytest.fixture
def start():
    """Start the training of a session in a thread of its own, that must end with the test."""
    threads = []

    def begin(session):
        thread = threading.Thread(target=session.train, daemon=True)
        threads.append((thread, session))
        thread.start()
        return thread

    yield begin
    for thread, session in threads:
        session.stop()
        thread.join(60)
        assert not thread.is_alive()
