"""Signatures of every bundle of wires between the blocks, each as seen by the block that leads.

Streams follow Amaranth's rules: a payload stands still until it has been taken.
"""

from typing import TYPE_CHECKING

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .shape import LANES, Shape

if TYPE_CHECKING:
    # Type checkers know the standard library's enumerations, and only those.
    import enum
else:
    from amaranth.lib import enum


def address_bits(shape: Shape) -> int:
    """Bits of the address of a sign word."""
    return ceil_log2(shape.depth)


def total_bits(shape: Shape) -> int:
    """Bits of a popcount of all inputs of a neuron."""
    return shape.inputs.bit_length()


def score_bits(shape: Shape) -> int:
    """Bits of a class score, counted as a popcount over three bits a neuron."""
    return (3 * shape.neurons).bit_length()


class SignFetch(wiring.Signature):
    """Array reads the visible sign plane: every element its own word, every cycle.

    ``signs[e]`` comes one cycle after ``addresses[e]``. No word is written in a cycle in which it
    is read: see :class:`CommitRequest`.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "addresses": Out(data.ArrayLayout(address_bits(shape), shape.elements)),
                "signs": In(data.ArrayLayout(LANES, shape.elements)),
            }
        )


class CommitRequest(wiring.Signature):
    """Sequencer asks the store to make the updates of the oldest tile visible.

    ``valid`` stays until ``ready``: all of them are. While ``through`` is low, the array may still
    pass the last visit of the last layer, which must go on with the signs it began with. As soon as
    all other sign words are visible, ``front`` is high for a cycle, not later than ``ready``: the
    array may begin a pass, and come up to that visit.
    """

    def __init__(self) -> None:
        super().__init__({"valid": Out(1), "through": Out(1), "front": In(1), "ready": In(1)})


class InputFetch(wiring.Signature):
    """Sequencer asks for the inputs of the next visit.

    A request is made by ``valid`` and taken by ``ready``, like a stream's. ``InputFetch.latency``
    of the store or more cycles later ``load`` is high for a cycle: in this cycle ``words[0]`` is
    the word of element 0 for column 0. The word of element e for column s stands on ``words[s]``
    e + s cycles after ``load``. The next request may be made when the last one has been taken; the
    sequencer sees to it that its ``load`` cannot come before the visit under way is over, and
    that loads are at least ``elements`` cycles apart.

    Words are read in the order in which they lie in a record, record after record: a request needs
    no address. With ``first``, the record's first word, the label, is read before: from
    ``load`` + s on, ``labels[s]`` is the label of column s, until the next ``first`` is answered.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "first": Out(1),
                "ready": In(1),
                "load": In(1),
                "words": In(data.ArrayLayout(LANES, shape.samples)),
                "labels": In(data.ArrayLayout(8, shape.samples)),
            }
        )


class ActivationWrite(wiring.Signature):
    """Array writes the activations of a layer into the records, as inputs of the next layer.

    Column s offers a word of 64 neurons by ``valid[s]``; it is written at once. Words go where the
    next :class:`InputFetch` will read, one after the other, as many as that layer's inputs take;
    those beyond the last neuron are zero. Only devices of several layers have it.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "valid": Out(data.ArrayLayout(1, shape.samples)),
                "data": Out(data.ArrayLayout(LANES, shape.samples)),
            }
        )


class Kind(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What a :class:`Job` is."""

    ROW = 0
    """Update the row of a winner."""
    LAYER = 1
    """The next rows belong to the next layer of the same sample."""
    SAMPLE = 2
    """The next rows belong to the next sample; a record is free after its last sample's."""
    TILE = 3
    """All samples of a tile have been updated. Follows the SAMPLE of the tile's last one."""


class Job(data.StructLayout):
    """What the update engine is to do next, in golden's order.

    For a ROW, ``address`` is the sign word of the neuron in visit 0 of its layer and ``desired``
    the activation that it should have had.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__({"kind": Kind, "address": address_bits(shape), "desired": 1})


class Space(enum.Enum, shape=3):  # type: ignore[call-arg]
    """What the host can reach, in words of 64 bits."""

    SETUP = 0
    """:mod:`metabit.hdl.setup`. Written only, but for the encoder's table."""
    CODES = 1
    """Written only: a word of the code memory in the low bits."""
    COUNTERS = 2
    """Counters of element ``element`` of sign word ``address``: ``Shape.parts`` words. Single-port
    RAM: part p holds counters 8 p to 8 p + 7, lowest first, two's complement. Block RAM: part p is
    bit p of all 64 counters; the sign is not among them."""
    SIGNS = 3
    """Written only: signs of element ``element`` of sign word ``address``, in all copies."""
    CURRENT = 4
    """Read only, block RAM only: signs as the last update left them."""
    GENERATOR = 5
    """State of the generator, 32 bits."""
    STATISTICS = 6
    """Counts, 32 bits each; any write clears all."""
    PLAYER = 7
    """Registers of the player, and a window to memory beside the device, where there is one:
    :mod:`metabit.hdl.play.registers`."""


class HostAccess(wiring.Signature):
    """The host reads or writes one word while nothing runs.

    ``valid`` and everything with it stand still until ``ready``; in that cycle ``read_data`` is
    valid, if it was a read. What a device lacks reads as zero, and writing it does nothing.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "ready": In(1),
                "write": Out(1),
                "space": Out(Space),
                "element": Out(ceil_log2(shape.elements)),
                "address": Out(16),
                "part": Out(3),
                "write_data": Out(64),
                "read_data": In(64),
            }
        )


class Run(data.StructLayout):
    """A run: ``samples`` samples, in tiles.

    With ``train`` they are learnt, with ``annealing`` and ``damping``; with ``drain`` all updates
    are visible when the run has ended. Without ``train`` nothing changes. With ``stored`` the
    samples come from memory beside the device, in spans, and their predictions are counted. With
    ``program`` the epochs of a whole program are such runs, one after the other. With ``check``,
    too, the words of stored samples go into a checksum instead. With ``raw`` the words that come
    are :class:`~metabit.hdl.encode.frontend.RawSample` and bytes, of which the encoder makes
    samples.

    Parameters
    ----------
    encodes : bool
        Of a device with an encoder: others do not have ``raw``.
    """

    def __init__(self, *, encodes: bool = False) -> None:
        members = {
            "samples": 24,
            "train": 1,
            "drain": 1,
            "annealing": 2,
            "damping": 2,
            "stored": 1,
            "program": 1,
            "check": 1,
        }
        super().__init__(members | ({"raw": 1} if encodes else {}))


class Outcome(wiring.Signature):
    """What the core says of a pass: how many of its samples it predicts as their labels say.

    With ``valid``, ``right`` of ``samples`` samples, whether they are learnt or not. ``label``:
    that of the sample whose prediction is offered; only where predictions are counted by class.
    """

    def __init__(self, shape: Shape) -> None:
        some = range(shape.samples + 1)
        members = {"valid": Out(1), "samples": Out(some), "right": Out(some)}
        if shape.confusion:
            members["label"] = Out(shape.class_bits)
        super().__init__(members)


class CoreSignature(wiring.Signature):
    """The training core.

    ``run`` is taken when nothing runs. The core then takes ``Placement.sample_words`` words of
    ``samples`` for every sample, and gives a class a sample on ``predictions``, in order. ``idle``:
    nothing runs, and all predictions have been taken. ``host`` is served while idle only.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "run": In(stream.Signature(Run(encodes=shape.encodes is not None))),
                "samples": In(stream.Signature(LANES)),
                "predictions": Out(stream.Signature(8)),
                "host": In(HostAccess(shape)),
                "idle": Out(1),
            }
        )
