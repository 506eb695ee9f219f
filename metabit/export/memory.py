"""A trained network as the words of a device's memories, as the link would write them.

A folder holds a file of hexadecimal words, 64 bits a line, for each memory (``$readmemh`` reads
it), and ``network.json``, which says which is which, and for which device.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from ..golden.checkpoints.file import versions
from ..golden.checkpoints.hardware import Checkpoint
from ..golden.config import Config
from ..golden.configurations.named import make_config
from ..golden.configurations.strict_json import parse
from ..golden.configurations.validation import describe
from ..golden.network import Bits
from ..golden.state import state_sha256
from ..hdl.bundles import Space
from ..hdl.placement import Placement
from ..hdl.shape import LANES, Shape, find_shape
from ..host.images import Image, images_of
from ..host.packing import Counters, Words, gather, unpack_bits, unpack_counters
from .errors import ExportError, ForeignNetworkError

FORMAT = "metabit-memory"
VERSION = 1
DESCRIPTION = "network.json"
"""Name of the file that describes the others."""


@dataclass(frozen=True)
class MemoryNetwork:
    """A network as it was read back from memory images.

    Attributes
    ----------
    config : Config
        Configuration.
    shape : Shape
        The device.
    classifier : list of ndarray of bool, shape (C, K_l)
        Of each layer.
    counters : list of ndarray of int16, shape (K_l, fan_in)
        Of each layer.
    generator_state : int
        State of the generator.
    class_names : tuple of str
        What the classes are called, if they have names.
    """

    config: Config
    shape: Shape
    classifier: list[Bits]
    counters: list[Counters]
    generator_state: int
    class_names: tuple[str, ...]


def write_memory(folder: Path, checkpoint: Checkpoint, shape: Shape) -> list[Path]:
    """Write the memory images of a network, and return their files, the description first.

    Parameters
    ----------
    folder : Path
        Is made if it is not there.
    checkpoint : Checkpoint
        The network.
    shape : Shape
        The device.

    Raises
    ------
    CapacityError
        If the network does not fit the device.
    ExportError
        If a file cannot be written.
    """
    config, record = checkpoint.config, checkpoint.record
    placement = Placement(config, shape)
    network = checkpoint.network()
    images = images_of(placement, network.classifier, network.counters, network.generator.state)
    texts = {_name(image, shape): _hex(image.words) for image in images}
    entries = [
        {
            "file": name,
            "space": image.space.name.lower(),
            "number": image.space.value,
            "element": image.element,
            "words": len(image.words),
            "words_per_address": shape.parts if image.space is Space.COUNTERS else 1,
            "sha256": hashlib.sha256(texts[name].encode()).hexdigest(),
        }
        for name, image in zip(texts, images, strict=True)
    ]
    description = {
        "format": FORMAT,
        "version": VERSION,
        "device": shape.name,
        "device_digest": shape.digest.hex(),
        "memories": entries,
        "class_numbers": list(placement.class_numbers),
        "class_names": list(record.class_names),
        "encoder": config.encoder,
        "config": config.model_dump(mode="json"),
        "state_sha256": record.state_sha256,
        "versions": versions(),
    }
    texts = {DESCRIPTION: json.dumps(description, indent=2) + "\n", **texts}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="ascii")
    except OSError as error:
        raise ExportError(f"cannot write {folder}: {error.strerror}") from error
    return [folder / name for name in texts]


def read_memory(folder: Path) -> MemoryNetwork:
    """Read memory images back, and check them.

    Raises
    ------
    ForeignNetworkError
        If files are missing or damaged, or are of another version or device.
    """
    described = _description(folder)
    config = make_config(described.config)
    shape = find_shape(described.device)
    if shape.digest.hex() != described.device_digest:
        raise ForeignNetworkError(
            f"{folder} is of a device {shape.name} with digest {described.device_digest}, and that "
            f"of this Metabit has {shape.digest.hex()}: export again"
        )
    placement = Placement(config, shape)
    count = placement.sign_words
    sizes = {("codes", 0): 0, ("generator", 0): 1}
    for element in range(shape.elements):
        sizes |= {("signs", element): count, ("counters", element): count * shape.parts}
    words = {(e.space, e.element): _words(folder, e) for e in described.memories}
    for (space, element), size in sizes.items():
        found = words.get((space, element))
        if found is None or (size and len(found) != size):
            raise ForeignNetworkError(
                f"{folder / DESCRIPTION} must name {size or 'all'} words of {space} of element "
                f"{element}, not {0 if found is None else len(found)}"
            )
    beats = np.empty((shape.elements, count, LANES), np.int16)
    for element in range(shape.elements):
        signs = unpack_bits(words["signs", element][:, None], LANES)
        parts = words["counters", element].reshape(count, shape.parts)
        beats[element] = unpack_counters(parts, signs, shape)
    counters = gather(beats, placement)
    generator_state = int(words["generator", 0][0])
    if state_sha256(counters, generator_state) != described.state_sha256:
        raise ForeignNetworkError(f"{folder} is damaged: its state hash differs")
    return MemoryNetwork(
        config,
        shape,
        _classifier(words["codes", 0], placement),
        counters,
        generator_state,
        described.class_names,
    )


def _name(image: Image, shape: Shape) -> str:
    """Return the file name of an image."""
    name = image.space.name.lower()
    if image.space in (Space.COUNTERS, Space.SIGNS):
        name += f"-{image.element:0{len(str(shape.elements - 1))}}"
    return f"{name}.hex"


def _hex(words: Words) -> str:
    return "".join(f"{word:016x}\n" for word in words.tolist())


class _Entry(BaseModel):
    """A file of words."""

    file: str
    space: str
    element: int
    sha256: str


class _Description(BaseModel):
    """What must be said of the files."""

    config: dict[str, Any]
    device: str
    device_digest: str
    memories: tuple[_Entry, ...]
    state_sha256: str
    class_names: tuple[str, ...]


def _description(folder: Path) -> _Description:
    """Return what describes the files, with the fields that it must have."""
    path = folder / DESCRIPTION
    try:
        fields = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ForeignNetworkError(f"{path} cannot be read: {error}") from error
    needed = ("config", "device", "device_digest", "memories", "state_sha256", "class_names")
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise ForeignNetworkError(f"{path} does not describe memory images of Metabit")
    if fields.get("version") != VERSION:
        raise ForeignNetworkError(
            f"{path} has version {fields.get('version')}, this Metabit reads {VERSION}"
        )
    missing = [name for name in needed if name not in fields]
    if missing:
        raise ForeignNetworkError(f"{path} lacks {', '.join(missing)}")
    try:
        return _Description.model_validate(fields)
    except ValidationError as error:
        raise ForeignNetworkError(f"{path}: {describe(error, _Description)}") from error


def _words(folder: Path, entry: _Entry) -> Words:
    """Return the words of a file, which must be what the description says."""
    path = folder / entry.file
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise ForeignNetworkError(f"{path} cannot be read: {error}") from error
    if hashlib.sha256(text.encode()).hexdigest() != entry.sha256:
        raise ForeignNetworkError(f"{path} is not what {DESCRIPTION} describes: its hash differs")
    try:
        return np.array([int(line, 16) for line in text.split()], np.uint64)
    except (ValueError, OverflowError) as error:
        raise ForeignNetworkError(f"{path} is damaged: {error}") from error


def _classifier(words: npt.NDArray[np.uint64], placement: Placement) -> list[Bits]:
    """Return the codes of each layer; the reverse of :func:`~metabit.host.packing.pack_codes`."""
    config, shape = placement.config, placement.shape
    bits = unpack_bits(words[:, None], shape.code_bits)
    found = []
    for base, width in zip(placement.code_base, config.hidden, strict=True):
        rows = bits[base : base + width * placement.code_words].reshape(width, -1)
        found.append(np.ascontiguousarray(rows[:, : config.classes].T))
    return found
