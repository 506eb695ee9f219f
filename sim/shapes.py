"""The device that a network is simulated on."""

from ..errors import MetabitError
from ..golden.config import Config
from ..hdl.placement import CapacityError, Placement
from ..hdl.shape import SHAPES, Shape


def find_shape(name: str) -> Shape:
    """Return the named shape.

    Raises
    ------
    MetabitError
        If there is none.
    """
    if name not in SHAPES:
        raise MetabitError(f"device must be one of {', '.join(SHAPES)}, not {name!r}")
    return SHAPES[name]


def smallest_shape(config: Config) -> Shape:
    """Return the named shape with the fewest elements that holds a network.

    Parameters
    ----------
    config : Config
        The network.

    Raises
    ------
    MetabitError
        If none does; says what each of them lacks.
    """
    reasons = []
    for shape in sorted(SHAPES.values(), key=lambda shape: shape.elements * shape.samples):
        try:
            Placement(config, shape)
        except CapacityError as error:
            reasons.append(str(error))
        else:
            return shape
    raise MetabitError("no device holds this network: " + "; ".join(reasons))
