"""Serial ports at which boards may be, and the devices that answer there."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from glob import glob

from serial.tools.list_ports import comports

from ..boards.registry import BOARDS
from ..errors import MetabitError
from ..hdl.shape import Shape
from ..host.driver import Driver
from ..host.errors import DeviceError
from ..host.transport import SerialTransport

AUTO = "auto"
"""Stands for all ports whose USB chip is that of a board."""

_WILD = "*?["
"""What makes a word a pattern of names."""

_URL = "://"
"""What makes a word an address of pyserial's, in which these characters mean something else."""


@dataclass(frozen=True)
class Port:
    """A port that may lead to a board.

    Attributes
    ----------
    name : str
        Name of the port, or a pyserial URL.
    named : bool
        It was asked for by its name, so that there must be a board.
    """

    name: str
    named: bool


@dataclass(frozen=True)
class Line:
    """How ports are used.

    Attributes
    ----------
    baud : int
        Rate that the bitstreams were built for.
    timeout : float
        Seconds to wait for an answer.
    """

    baud: int
    timeout: float

    def open(self, port: str) -> SerialTransport:
        """Open a port.

        Raises
        ------
        PortError
            If that cannot be done.
        """
        return SerialTransport(port, self.baud, self.timeout)


def find_ports(text: str) -> list[Port]:
    """Return the ports that are meant, each once.

    Parameters
    ----------
    text : str
        Names, patterns of names, and :data:`AUTO`, divided by commas.

    Raises
    ------
    MetabitError
        If there are none.
    """
    found: dict[str, Port] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        for port in _ports_of(word):
            # Links in /dev/serial/by-id lead to the same ports under names that stay.
            real = os.path.realpath(port.name) if os.path.exists(port.name) else port.name
            before = found.get(real)
            found[real] = port if before is None or port.named else before
    if not found:
        there = ", ".join(port.device for port in comports()) or "none"
        raise MetabitError(
            f"--boards {text}: no such port; is the board plugged in? Serial ports here: {there}"
        )
    return list(found.values())


def _ports_of(word: str) -> list[Port]:
    """Return the ports that one word means."""
    if word == AUTO:
        known = {board.usb for board in BOARDS.values()}
        return [Port(port.device, False) for port in comports() if (port.vid, port.pid) in known]
    if _URL not in word and any(letter in word for letter in _WILD):
        return [Port(name, False) for name in sorted(glob(word))]
    return [Port(word, True)]


@dataclass(frozen=True)
class Answers:
    """What has been found at ports.

    Attributes
    ----------
    devices : dict of str to Shape
        Of the ports where one has answered.
    notices : list of str
        What the user should know of these ports.
    silent : list of str
        Why no device has answered at others.
    """

    devices: dict[str, Shape]
    notices: list[str]
    silent: list[str]


def ask(ports: Iterable[Port], line: Line) -> Answers:
    """Ask at all ports at the same time which device is there.

    Parameters
    ----------
    ports : iterable of Port
        From :func:`find_ports`.
    line : Line
        How.

    Raises
    ------
    MetabitError
        If a port that was named is among the others, or all are.
    """
    ports = list(ports)
    with ThreadPoolExecutor(len(ports)) as threads:
        answers = list(threads.map(lambda port: _ask(port.name, line), ports))
    found = Answers({}, [], [])
    for port, answer in zip(ports, answers, strict=True):
        if not isinstance(answer, DeviceError):
            found.devices[port.name], notice = answer
            found.notices.extend([notice] if notice else [])
        elif port.named:
            raise MetabitError(f"{answer}; leave it out of --boards, or mend it") from answer
        else:
            found.silent.append(str(answer))
    if not found.devices:
        raise MetabitError("no board answers: " + "; ".join(found.silent))
    return found


def _ask(port: str, line: Line) -> tuple[Shape, str] | DeviceError:
    """Return the device at a port and what is to be said of the port, or why there is none."""
    try:
        with closing(line.open(port)) as transport:
            return Driver.find(transport).shape, transport.notice
    except DeviceError as error:
        return error
