"""Which class a network of a configuration is of."""

from ..engines import EngineName
from .config import BepConfig, PaperConfig
from .network import PaperNetwork
from .propagation import BepNetwork


def paper_network(config: PaperConfig, engine: EngineName = "numpy") -> PaperNetwork:
    """Return a network of an engine; the results are the same.

    Parameters
    ----------
    config : PaperConfig
        Its configuration.
    engine : {"numpy", "numba"}
        From :func:`~metabit.golden.engines.choose_engine`.
    """
    if isinstance(config, BepConfig):
        # There is none but NumPy's, which takes about twice as long as compiled code would.
        return BepNetwork(config)
    if engine == "numpy":
        return PaperNetwork(config)
    # Numba is an extra, and takes a while to load.
    from ..compiled.paper_engine import CompiledPaperNetwork

    return CompiledPaperNetwork(config)
