"""Where the parts of a network lie in a device, and whether they fit."""

from dataclasses import InitVar, dataclass
from functools import cached_property
from itertools import accumulate

from ..errors import MetabitError
from ..golden.config import Config
from .setup import LAYER_WORD, NETWORK_WORD, RECORD_WORD, pack
from .shape import SHAPES, Shape

CLASS_NUMBERS = 256
"""Numbers of classes that a prediction, a byte, tells apart."""


class CapacityError(MetabitError):
    """A network does not fit a device.

    Attributes
    ----------
    capacity : str
        What is short.
    needed, available : int
        Of it.
    """

    def __init__(self, message: str, capacity: str, needed: int, available: int) -> None:
        self.capacity, self.needed, self.available = capacity, needed, available
        super().__init__(message)


@dataclass(frozen=True)
class Requirement:
    """What a network needs of a device, and what there is.

    Attributes
    ----------
    capacity : str
        What is meant.
    needed, available : int
        Of it.
    exact : bool
        Both must be the same.
    """

    capacity: str
    needed: int
    available: int
    exact: bool = False

    @property
    def met(self) -> bool:
        """There is enough."""
        return self.needed == self.available or (not self.exact and self.needed < self.available)


@dataclass(frozen=True)
class Placement:
    """A network in a device.

    *Sign words.* Inputs of layer ``l`` are taken ``lanes`` at a time, in ``visits[l]`` visits.
    The word of neuron ``n`` in visit ``v`` lies at ``base[l] + v * N_l + n``: forward passes read
    addresses in order, the row of a neuron is a word every N. Element ``e`` holds bits
    ``64 e`` to ``64 e + 63`` of it. Lanes beyond the fan-in hold counters 0, sign 1, and see input
    0, so that their XNOR never counts.

    *Codes.* Bit ``c % code_bits`` of word ``code_base[l] + n * code_words + c // code_bits`` of the
    code memory is ``P[c][n]``.

    *Records.* A sample takes a record of its column's memory: a word with its label, its inputs,
    ``elements * visits[0]`` words, then the activations of every layer but the last, as inputs of
    the next.

    Parameters
    ----------
    config : Config
        The network.
    shape : Shape
        The device.
    check : bool
        Refuse what does not fit. Otherwise :attr:`requirements` tells.

    Raises
    ------
    CapacityError
        If the network does not fit; says what is short.
    """

    config: Config
    shape: Shape
    check: InitVar[bool] = True

    def __post_init__(self, check: bool) -> None:
        if check:
            for requirement in self.requirements:
                if not requirement.met:
                    self._refuse(requirement)

    def _refuse(self, short: Requirement) -> None:
        config, shape = self.config, self.shape
        reason = (
            f"configuration {config.name} needs {short.needed} {short.capacity}, "
            f"device {shape.name} has {short.available}"
        )
        if short.exact:
            reason = (
                f"configuration {config.name} has counters of {short.needed} bits, device "
                f"{shape.name} of {short.available}; use --counter-bits {short.available}"
            )
        raise CapacityError(reason, short.capacity, short.needed, short.available)

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """What the network needs of everything that can be short."""
        config, shape = self.config, self.shape
        needs = [
            Requirement("counter bits", config.counter_bits, shape.counter_bits, exact=True),
            Requirement("layers", config.layers, shape.layers),
            Requirement("neurons of a layer", max(config.hidden), shape.neurons),
            Requirement("inputs of a neuron", max(config.fan_in), shape.inputs),
            Requirement("sign words", self.sign_words, shape.depth),
            Requirement("words of the code memory", self.codes, shape.codes),
            Requirement("code words of a neuron", self.code_words, shape.code_words),
        ]
        numbers = self.class_number(config.classes - 1) + 1
        if config.layers_vote:
            needs.append(Requirement("classes with summed scores", numbers, shape.votes))
        if numbers > CLASS_NUMBERS:
            needs.append(Requirement("numbers of classes", numbers, CLASS_NUMBERS))
        # Two tiles wait at most, every sample with a mark a layer.
        marks = self.groups + config.layers
        return (
            *needs,
            Requirement("words of sample memory", self.record * self.passes, shape.records),
            Requirement("winners of two tiles", 2 * self.passes * marks, shape.winners),
        )

    @cached_property
    def visits(self) -> tuple[int, ...]:
        """Visits of each layer."""
        return tuple(-(-fan_in // self.shape.lanes) for fan_in in self.config.fan_in)

    @cached_property
    def base(self) -> tuple[int, ...]:
        """First sign word of each layer."""
        sizes = (v * n for v, n in zip(self.visits, self.config.hidden, strict=True))
        return tuple(accumulate(sizes, initial=0))[:-1]

    @property
    def sign_words(self) -> int:
        """Sign words of all layers."""
        return sum(v * n for v, n in zip(self.visits, self.config.hidden, strict=True))

    @property
    def code_words(self) -> int:
        """Words of the code memory that a neuron takes."""
        return -(-self.config.classes // self.shape.code_bits)

    def class_number(self, label: int) -> int:
        """Return the number by which the device knows a class: its code word, and where in it.

        The order of classes stays. Where a code word has 2**n bits, the number is the class.
        """
        word, position = divmod(label, self.shape.code_bits)
        return (word << self.shape.position_bits) + position

    @cached_property
    def class_numbers(self) -> tuple[int, ...]:
        """Numbers of all classes."""
        return tuple(self.class_number(label) for label in range(self.config.classes))

    @cached_property
    def code_base(self) -> tuple[int, ...]:
        """First word of each layer's codes."""
        sizes = (self.code_words * n for n in self.config.hidden)
        return tuple(accumulate(sizes, initial=0))[:-1]

    @property
    def codes(self) -> int:
        """Words of the code memory of all layers."""
        return self.code_words * sum(self.config.hidden)

    @property
    def regions(self) -> tuple[int, ...]:
        """Words of each layer's inputs in a record."""
        return tuple(self.shape.elements * visits for visits in self.visits)

    @property
    def record(self) -> int:
        """Words of a record."""
        return 1 + sum(self.regions)

    @property
    def sample_words(self) -> int:
        """Words of a sample as it is sent: its label and its inputs."""
        return 1 + self.regions[0]

    @property
    def passes(self) -> int:
        """Forward passes of a full tile, and the records that it takes in a column."""
        return -(-self.config.tile // self.shape.samples)

    @property
    def groups(self) -> int:
        """Groups of all layers: most winners of a sample."""
        return sum(-(-width // self.config.group) for width in self.config.hidden)

    @property
    def slots(self) -> int:
        """Records that fit a column's memory."""
        return self.shape.records // self.record

    @cached_property
    def setup_words(self) -> tuple[int, ...]:
        """Setup of the device, in words of 64 bits."""
        config = self.config
        shifts = config.reinforcement_shift
        network = pack(
            NETWORK_WORD,
            {
                "layers": config.layers,
                "last_class": self.class_number(config.classes - 1),
                "code_words": self.code_words,
                "group": config.group,
                "head_offset": config.head_offset,
                "three": config.head_offset > 0,
                "rival": config.rival_selection,
                "vote": config.layers_vote,
                "reinforce": shifts is not None,
                "lag": getattr(config, "lag", 1),
                "tile": config.tile,
            },
        )
        record = pack(RECORD_WORD, {"record": self.record, "slots": self.slots})
        layers = [
            pack(
                LAYER_WORD,
                {
                    "neurons": config.hidden[layer],
                    "visits": self.visits[layer],
                    "fan_in": config.fan_in[layer],
                    "margin": -(-config.margin_threshold[layer] // 2),
                    "shift": 0 if shifts is None else shifts[layer],
                    "region": self.regions[layer],
                },
            )
            for layer in range(config.layers)
        ]
        return (network, record, *layers)


def smallest_shape(config: Config, *, encodes: bool = False) -> Shape:
    """Return the named shape with the fewest elements that holds a network.

    Where samples are learnt in strides, it has memory for them; otherwise it has not.

    Parameters
    ----------
    config : Config
        The network.
    encodes : bool
        Whether it has an encoder.

    Raises
    ------
    MetabitError
        If none does; says what each of them lacks.
    """
    reasons = []
    stored = config.order == "strides"
    shapes = [
        shape
        for shape in SHAPES.values()
        if (shape.stored != "none", shape.encodes is not None) == (stored, encodes)
    ]
    for shape in sorted(shapes, key=lambda shape: shape.elements * shape.samples):
        try:
            Placement(config, shape)
        except CapacityError as error:
            reasons.append(str(error))
        else:
            return shape
    raise MetabitError("no device holds this network: " + "; ".join(reasons))
