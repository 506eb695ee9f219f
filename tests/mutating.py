"""Mutations of valid files: bytes, numbers, texts, members of archives; from a seed."""

import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

_STRANGE = (
    *(None, True, False, 0, -1, 1, 2, 255, 2**31, 2**63 - 1, -(2**63), 10**30, 1e308, 0.5, -0.0),
    *(
        "",
        "x",
        "0",
        "-1",
        "\ud83d\ude00",
        "../../x",
        "nan",
        [],
        {},
        [0],
        [[]],
        {"x": 1},
        [None] * 3,
    ),
)
"""What a value of JSON may become."""

_BYTES = (0, 1, 9, 10, 13, 32, 34, 35, 44, 45, 46, 48, 57, 92, 127, 128, 255)
_LONGEST = 40


class Mutator:
    """Draws mutations.

    Parameters
    ----------
    seed : int
        Decides all of them.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def raw(self, data: bytes) -> bytes:
        """Return bytes with one to three things wrong."""
        spoilt = bytearray(data)
        for _ in range(self.random.randint(1, 3)):
            self._spoil(spoilt)
        return bytes(spoilt)

    def _spoil(self, data: bytearray) -> None:
        place = self.random.randrange(len(data) + 1)
        end = min(len(data), place + self.random.randint(1, _LONGEST))
        match self.random.randrange(8):
            case 0 if place < len(data):
                data[place] ^= 1 << self.random.randrange(8)
            case 1 if place < len(data):
                data[place] = self.random.choice(_BYTES)
            case 2:
                del data[place:end]
            case 3:
                data[place:place] = self.random.randbytes(end - place)
            case 4:
                data[place:place] = data[place:end] * self.random.randint(1, 4)
            case 5:
                del data[place:]
            case 6:
                data[place:end] = bytes(self.random.choice((0, 255)) for _ in range(end - place))
            case _:
                other = self.random.randrange(len(data) + 1)
                data[place:end] = data[other : other + end - place]

    def text(self, text: str) -> str:
        """Return the text of a JSON value with a value in it that is another."""
        if self.random.random() < 0.3:
            return self.raw(text.encode()).decode(errors="replace")
        value = json.loads(text)
        for _ in range(self.random.randint(1, 2)):
            value = self._value(value)
        return json.dumps(value)

    def _value(self, value: Any) -> Any:
        """Return a value of JSON with something in it that is another."""
        if not isinstance(value, dict | list) or not value or self.random.random() < 0.05:
            if isinstance(value, int | float) and self.random.random() < 0.5:
                return value + self.random.choice((-1, 1, 0.5))
            return self.random.choice(_STRANGE)
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = self.random.choice(keys)
        changed = value.copy()
        match self.random.randrange(8):
            case 0:
                del changed[key]
            case 1 if isinstance(changed, dict):
                changed[key + "_"] = changed.pop(key)
            case 1 | 2 if isinstance(changed, list):
                changed.insert(key, changed[key])
            case _:
                changed[key] = self._value(value[key])
        return changed

    def archive(self, data: bytes, texts: Callable[[bytes], bytes] | None = None) -> bytes:
        """Return an archive whose members are others, but whole as members.

        Parameters
        ----------
        data : bytes
            A ZIP archive.
        texts : callable, optional
            Mutates a member in a way of its own.
        """
        if self.random.random() < 0.3:
            return self.raw(data)
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = [(name, file.read(name)) for name in file.namelist()]
        number = self.random.randrange(len(members))
        name, content = members[number]
        match self.random.randrange(8):
            case 0:
                del members[number]
            case 1:
                members[number] = name + "x", content
            case 2:
                members.append((name.replace(".", "_."), content))
            case 3:
                members[number] = name, self.random.choice(members)[1]
            case 4 | 5 if texts is not None:
                members[number] = name, texts(content)
            case _:
                members[number] = name, self.raw(content)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members:
                file.writestr(name, content)
        return buffer.getvalue()


def mutations(data: bytes, change: str, count: int, seed: int) -> Iterator[bytes]:
    """Yield mutations of a file.

    Parameters
    ----------
    data : bytes
        As it should be.
    change : {"raw", "json", "lines", "npz", "record"}
        What is known of it: nothing; it is JSON; its lines are; it is an archive of arrays; and one
        of them, ``record``, is JSON.
    count, seed : int
        How many, and which.
    """
    for number in range(count):
        yield _mutation(data, change, Mutator(seed * 1_000_003 + number))


def _mutation(data: bytes, change: str, mutator: Mutator) -> bytes:
    match change:
        case "json":
            return mutator.text(data.decode()).encode(errors="surrogatepass")
        case "lines":
            lines = data.decode().splitlines()
            place = mutator.random.randrange(len(lines))
            lines[place] = mutator.text(lines[place])
            return "".join(f"{line}\n" for line in lines).encode(errors="surrogatepass")
        case "npz":
            return mutator.archive(data)
        case "record":
            return mutator.archive(data, lambda content: _record(mutator, content))
        case _:
            return mutator.raw(data)


def _record(mutator: Mutator, content: bytes) -> bytes:
    """Return a member with other JSON, if it holds JSON."""
    import numpy as np

    array = np.load(io.BytesIO(content))
    if array.dtype.kind != "U":
        return mutator.raw(content)
    buffer = io.BytesIO()
    np.save(buffer, np.array(mutator.text(str(array[()]))))
    return buffer.getvalue()
