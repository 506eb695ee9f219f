"""Fixtures of all tests of the simulation."""

from functools import partial

import pytest

from metabit.sim import simulate, stored
from metabit.sim.verilate import build


@pytest.fixture(autouse=True)
def quick_models(monkeypatch):
    """Compile without optimisation: here that takes longer than the simulations do."""
    for module in (simulate, stored):
        monkeypatch.setattr(module, "build", partial(build, optimise="-O0"))
