"""The engines that train a network: NumPy, which is the truth, and compiled code, its equal."""

from typing import TYPE_CHECKING, Literal

from .errors import ConfigurationError
from .learner import GoldenLearner
from .network import Network

if TYPE_CHECKING:
    from .compiled.engine import Engine

EngineName = Literal["numpy", "numba"]

ENGINES = ("auto", "numpy", "numba")
"""What may be asked for."""

WORTHWHILE = 50_000
"""Samples from which on ``auto`` compiles; see docs/performance.md."""


def choose_engine(wanted: str, samples: int) -> EngineName:
    """Return the engine to use; both give the same result, to the last bit.

    Parameters
    ----------
    wanted : {"auto", "numpy", "numba"}
        ``auto``: the compiled engine if it is installed and saves more time than it takes to
        load.
    samples : int
        Samples that will be trained on, those of all epochs counted.

    Raises
    ------
    ConfigurationError
        If there is no such engine, or it is asked for and not installed.
    """
    if wanted not in ENGINES:
        raise ConfigurationError(f"engine must be one of {', '.join(ENGINES)}, not {wanted!r}")
    if wanted == "numpy" or (wanted == "auto" and samples < WORTHWHILE):
        return "numpy"
    try:
        import numba  # noqa: F401
    except ImportError as error:
        if wanted == "auto":
            return "numpy"
        # A Numba that does not go with the installed NumPy says so itself.
        missing = isinstance(error, ModuleNotFoundError) and error.name == "numba"
        from ..installation import install_command

        raise ConfigurationError(
            f"engine numba needs the package numba; run: {install_command('fast')}"
            if missing
            else f"engine numba cannot be used: {error}"
        ) from error
    return "numba"


def make_learner(network: Network, engine: EngineName) -> "GoldenLearner | Engine":
    """Return a network as a learner of an engine.

    Parameters
    ----------
    network : Network
        Where to start; belongs to the learner from then on.
    engine : {"numpy", "numba"}
        From :func:`choose_engine`.
    """
    if engine == "numpy":
        return GoldenLearner(network)
    # Numba is an extra, and takes a while to load.
    from .compiled.engine import Engine

    return Engine(network)
