"""What the states of a design are called: words for the numbers that a waveform holds."""

from collections.abc import Iterable, Iterator

from amaranth.hdl import Fragment, Signal
from amaranth.lib import wiring


def state_words(component: wiring.Component) -> dict[str, list[str]]:
    """Return the words of all states, in the order of their numbers, by register.

    Parameters
    ----------
    component : wiring.Component
        Is elaborated.

    Returns
    -------
    dict of str to list of str
        By ``block.name`` of the register of a control unit.
    """
    return dict(_below(Fragment.get(component, None), ()))


def _below(fragment: Fragment, path: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    for statements in fragment.statements.values():
        for register, count in _registers(statements):
            # Amaranth's own texts, "Await scores/0", are meant for waveforms, too.
            words = [register.decoder(number).rpartition("/")[0] for number in range(count)]
            yield ".".join((*path, register.name)), words
    for inner, name, _ in fragment.subfragments:
        yield from _below(inner, (*path, name) if name else path)


def _registers(statements: Iterable) -> Iterator[tuple[Signal, int]]:
    """Yield what is decided by that has words, and the number of its states."""
    for statement in statements:
        cases = getattr(statement, "cases", ())
        test = getattr(statement, "test", None)
        if isinstance(test, Signal) and test.name.endswith("_state") and callable(test.decoder):
            yield test, len(cases)
        for _, inner, *_ in cases:
            yield from _registers(inner)
