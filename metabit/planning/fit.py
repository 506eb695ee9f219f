"""Whether a network fits a device, what is short, and which option would make it fit."""

from collections.abc import Callable, Iterator

from ..golden.config import Config
from ..golden.configurations.named import override
from ..hdl.placement import CapacityError, Placement, Requirement
from ..hdl.shape import SHAPES, Shape

_SELECT = "select:"
_COUNTER_BITS = "counter bits"


def shortages(config: Config, shape: Shape) -> tuple[Requirement, ...]:
    """Return what is short, all of it; empty: the network fits."""
    placement = Placement(config, shape, check=False)
    return tuple(need for need in placement.requirements if not need.met)


def place(config: Config, shape: Shape) -> Placement:
    """Return where a network lies in a device.

    Parameters
    ----------
    config : Config
    shape : Shape

    Raises
    ------
    CapacityError
        If it does not fit; says what is short, and what would make it fit.
    """
    try:
        return Placement(config, shape)
    except CapacityError as error:
        reason = str(error)
        others = [need for need in shortages(config, shape) if need.capacity != error.capacity]
        if others:
            reason += "; also short: " + ", ".join(map(describe, others))
        ways = suggestions(config, shape)
        if ways and (others or error.capacity != _COUNTER_BITS):
            reason += f"; it would fit with {', or with '.join(ways)}"
        raise CapacityError(reason, error.capacity, error.needed, error.available) from None


def describe(need: Requirement) -> str:
    """Return a shortage in words."""
    return f"{need.capacity} ({need.needed:,} of {need.available:,})"


def suggestions(config: Config, shape: Shape) -> list[str]:
    """Return options with which the network would fit, the smallest change of each kind.

    Parameters
    ----------
    config : Config
    shape : Shape
        A device that it does not fit.
    """
    first: list[str] = []
    if config.counter_bits != shape.counter_bits:
        config = override(config, counter_bits=shape.counter_bits)
        first.append(f"--counter-bits {shape.counter_bits}")
        if not shortages(config, shape):
            return first
    ways = [_smallest(config, shape, changes) for changes in (_tiles, _groups, _inputs, _neurons)]
    found = [" ".join([*first, way]) for way in ways if way is not None]
    others = [
        other.name
        for other in SHAPES.values()
        if other.name != shape.name
        and (other.encodes is None) == (shape.encodes is None)
        and not shortages(config, other)
    ]
    if others:
        found.append(" ".join([*first, f"--device {others[0]}"]))
    return found


_Change = tuple[str, dict[str, object]]


def _smallest(
    config: Config, shape: Shape, changes: Callable[[Config, Shape], Iterator[_Change]]
) -> str | None:
    """Return the first change that makes the network fit."""
    for option, fields in changes(config, shape):
        if not shortages(override(config, **fields), shape):
            return option
    return None


def _tiles(config: Config, shape: Shape) -> Iterator[_Change]:
    for tile in range(config.tile - 1, 0, -1):
        yield f"--tile {tile}", {"tile": tile}


def _groups(config: Config, shape: Shape) -> Iterator[_Change]:
    widest = max(config.hidden)
    for number in range(-(-widest // config.group) - 1, 0, -1):
        group = -(-widest // number)
        yield f"--group {group}", {"group": group}


def _inputs(config: Config, shape: Shape) -> Iterator[_Change]:
    """Fewer inputs, in whole visits, where the encoder selects bits."""
    parts = config.encoder.split(":", 2)
    if not config.encoder.startswith(_SELECT) or len(parts) != len(("select", "inputs", "rest")):
        return
    _, comma, steps = parts[1].partition(",")
    for visits in range((config.inputs - 1) // shape.lanes, 0, -1):
        inputs = visits * shape.lanes
        encoder = f"{_SELECT}{inputs}{comma}{steps}:{parts[2]}"
        yield f"--encoder {encoder}", {"inputs": inputs, "encoder": encoder}


def _neurons(config: Config, shape: Shape) -> Iterator[_Change]:
    """Fewer neurons, in all layers alike."""
    widest = max(config.hidden)
    for neurons in range(widest - 1, 1, -1):
        hidden = tuple(max(1, width * neurons // widest) for width in config.hidden)
        groups = -(-widest // config.group)
        group = -(-max(hidden) // groups)
        option = f"--hidden {','.join(map(str, hidden))}"
        if group != config.group:
            option += f" --group {group}"
        yield option, {"hidden": hidden, "group": group}
