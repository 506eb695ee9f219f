"""What a waveform for people shows of a device, row by row, under readable names."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..hdl.bundles import Kind
from ..hdl.learn.codes import Mark
from ..hdl.placement import Placement
from .vcd import Wire

Value = int | str

NOTHING = "-"
"""Word for a moment in which there is nothing to show."""

_FORWARD_STATE = "forward.at_"
"""What names of registers begin with that hold a bit a state."""


@dataclass(frozen=True)
class Row:
    """A row of the waveform.

    Attributes
    ----------
    group, name : str
        What it is called: a part of the core, and a word. Neither has a blank.
    wires : tuple of str
        Wires of the core that it is made of, ``block.name``.
    show : callable
        Makes its value of theirs.
    width : int or None
        Bits of a number; None: a word.
    """

    group: str
    name: str
    wires: tuple[str, ...]
    show: Callable[[Sequence[int]], Value]
    width: int | None


def bit(group: str, name: str, *wires: str) -> Row:
    """Return a row that is high while none of its wires is zero."""
    return Row(group, name, wires, lambda values: int(all(values)), 1)


def number(group: str, name: str, wire: str, wires: Mapping[str, Wire]) -> Row:
    """Return a row that shows a number as it is."""
    width = wires[wire].width if wire in wires else 1
    return Row(group, name, (wire,), lambda values: values[0], width)


def word(group: str, name: str, wire: str, words: Sequence[str], when: Iterable[str] = ()) -> Row:
    """Return a row that shows a word for a number, while none of some other wires is zero."""

    def show(values: Sequence[int]) -> str:
        shown, *conditions = values
        if not all(conditions):
            return NOTHING
        return words[shown] if shown < len(words) else str(shown)

    return Row(group, name, (wire, *when), show, None)


def winner(
    group: str, name: str, address: str, kind: str, when: Iterable[str], neurons: Mapping[int, str]
) -> Row:
    """Return a row that names the neuron at an address, where one is handed on."""

    def show(values: Sequence[int]) -> str:
        place, what, *conditions = values
        row = what == Kind.ROW.value and all(conditions)
        return neurons.get(place, str(place)) if row else NOTHING

    return Row(group, name, (address, kind, *when), show, None)


def occupied(row: Row, column: int, last: str) -> Row:
    """Return a row that shows something only where its column has a sample.

    Parameters
    ----------
    row : Row
    column : int
    last : str
        Wire with the number of the last column that has one.
    """

    def show(values: Sequence[int]) -> Value:
        *inner, there = values
        nothing = NOTHING if row.width is None else 0
        return row.show(inner) if there >= column else nothing

    return Row(row.group, row.name, (*row.wires, last), show, row.width)


def chosen(group: str, name: str, wires: Mapping[str, str]) -> Row:
    """Return a row that shows the word of the wire that is high."""
    words = list(wires.values())

    def show(values: Sequence[int]) -> str:
        return next((text for text, value in zip(words, values, strict=True) if value), NOTHING)

    return Row(group, name, tuple(wires), show, None)


def rows(
    placement: Placement,
    states: Mapping[str, Sequence[str]],
    names: Sequence[str],
    found: Iterable[Wire],
) -> list[Row]:
    """Return the rows of a network on a device.

    Parameters
    ----------
    placement : Placement
    states : mapping of str to sequence of str
        Words of the device's states by register, below the core; see
        :func:`~metabit.sim.state_words.state_words`.
    names : sequence of str
        What the classes are called.
    found : iterable of Wire
        What the waveform holds. Rows of other kinds of devices are left out.
    """
    wires = {wire.name: wire for wire in found}
    neurons = _neurons(placement)
    classes = _by_number(placement, names)
    columns = range(placement.shape.samples)
    kinds, marks = ([kind.name.lower() for kind in words] for words in (Kind, Mark))

    def state(group: str, register: str) -> Row:
        return word(group, "state", register, states.get(register, ()))

    def judged(s: int) -> Iterator[Row]:
        there, payload = ("head.judged__valid", "head.judged__ready"), "head.judged__payload"
        predicted = f"head.predictions[{s}]"
        for row in (
            word("head", f"label_{s}", f"{payload}.labels[{s}]", classes, there),
            word("head", f"rival_{s}", f"{payload}.rivals[{s}]", classes, there),
            word("head", f"prediction_{s}", predicted, classes, ["head.predicted"]),
            bit("head", f"triggered_{s}", f"{payload}.triggered[{s}]", *there),
        ):
            yield occupied(row, s, f"{payload}.step.columns") if s else row

    def marked(s: int) -> Iterator[Row]:
        valid, payload = [f"found[{s}].valid"], f"found[{s}].payload"
        yield word("search", f"mark_{s}", f"{payload}.kind", marks, valid)
        yield winner(
            "search", f"winner_{s}", f"{payload}.address", f"{payload}.kind", valid, neurons
        )

    job, handed_on = "jobs.jobs__payload", ("jobs.jobs__valid", "jobs.jobs__ready")
    forward = {
        name: name.removeprefix(_FORWARD_STATE) for name in wires if name.startswith(_FORWARD_STATE)
    }
    all_rows = [
        state("run", "control.control_state"),
        bit("run", "tile_begins", "forward.tile"),
        bit("samples", "word_comes", "store.loader.samples__valid", "store.loader.samples__ready"),
        bit("samples", "word_comes", "store.port.samples__valid", "store.port.samples__ready"),
        bit("samples", "visit_asked_for", "inputs__valid", "inputs__ready"),
        chosen("array", "state", forward),
        bit("array", "neurons_pass", "forward.passing"),
        number("array", "sign_word", "forward.address", wires),
        bit("array", "waits_for_a_commit", "forward.waiting"),
        state("head", "head.head_state"),
        *(row for s in columns for row in judged(s)),
        state("search", "search.search_state"),
        *(row for s in columns for row in marked(s)),
        word("updates", "job", f"{job}.kind", kinds, handed_on),
        winner("updates", "neuron", f"{job}.address", f"{job}.kind", handed_on, neurons),
        bit("updates", "is_to_be_active", f"{job}.desired", *handed_on),
        state("updates", "store.rows.rows_state"),
        bit("updates", "busy", "store.rows.busy"),
        bit("commit", "asked_for", "forward.commit__valid"),
        bit("commit", "done", "forward.commit__valid", "forward.commit__ready"),
        bit("commit", "signs_written", "store.commit.busy"),
        bit("commit", "signs_written", "store.signs.write__valid"),
    ]
    return [row for row in all_rows if row.wires and all(name in wires for name in row.wires)]


def _neurons(placement: Placement) -> dict[int, str]:
    """Return what neurons are called, by their first sign word."""
    hidden = placement.config.hidden
    return {
        placement.base[layer] + neuron: f"{layer}:{neuron}" if len(hidden) > 1 else str(neuron)
        for layer, neurons in enumerate(hidden)
        for neuron in range(neurons)
    }


def _by_number(placement: Placement, names: Sequence[str]) -> list[str]:
    """Return names of classes by the numbers that the device has for them."""
    numbered = dict(zip(placement.class_numbers, names, strict=True))
    return [numbered.get(number, str(number)) for number in range(max(numbered) + 1)]
