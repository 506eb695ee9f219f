"""The blocks of a device, each as it is built there."""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from amaranth.lib import wiring

from metabit.boards.registry import Board
from metabit.errors import MetabitError
from metabit.hdl.array.array import Array
from metabit.hdl.array.element import Element
from metabit.hdl.array.forward import Forward
from metabit.hdl.array.pack import Pack
from metabit.hdl.array.popcount import Popcount
from metabit.hdl.array.totals import Totals
from metabit.hdl.control import Control
from metabit.hdl.core import Core
from metabit.hdl.device import Device
from metabit.hdl.encode.bits import Bits
from metabit.hdl.encode.encoder import Encoder
from metabit.hdl.encode.image import Image
from metabit.hdl.encode.marks import Marks
from metabit.hdl.encode.sizes import SIZES
from metabit.hdl.encode.steps import Steps
from metabit.hdl.encode.table import Table
from metabit.hdl.learn.codes import Codes, SharedCodes
from metabit.hdl.learn.draw import Draw
from metabit.hdl.learn.draws import Draws
from metabit.hdl.learn.head import Head
from metabit.hdl.learn.jobs import Jobs
from metabit.hdl.learn.predictions import Predictions
from metabit.hdl.learn.rows import Rows as BeatRows
from metabit.hdl.learn.search import Search
from metabit.hdl.learn.statistics import Statistics
from metabit.hdl.learn.step import Step
from metabit.hdl.link.check import Check
from metabit.hdl.link.cobs import CobsDecoder, CobsEncoder
from metabit.hdl.link.crc import Crc
from metabit.hdl.link.link import Link
from metabit.hdl.link.place import Place
from metabit.hdl.link.receive import Receiver
from metabit.hdl.link.uart import Uart, divisor
from metabit.hdl.shape import LANES, SHAPES, Shape
from metabit.hdl.store.access import Access
from metabit.hdl.store.block import WORD, BlockStore
from metabit.hdl.store.block_access import BlockAccess
from metabit.hdl.store.columns import Columns
from metabit.hdl.store.commit import Commit
from metabit.hdl.store.counters import CounterBanks
from metabit.hdl.store.fetch import Fetch
from metabit.hdl.store.flips import FlipQueue
from metabit.hdl.store.loader import Loader
from metabit.hdl.store.multipliers import Adders, Keeper
from metabit.hdl.store.narrow import Narrow
from metabit.hdl.store.planes import SignPlanes
from metabit.hdl.store.port import Port
from metabit.hdl.store.ram import WideSpram
from metabit.hdl.store.ring import RecordPointer, SampleCursor
from metabit.hdl.store.rows import Rows as WordRows
from metabit.hdl.store.signs import SignPlane
from metabit.hdl.store.spram import SpramStore
from metabit.hdl.store.walk import Walk
from metabit.hdl.store.words import WordRing
from metabit.planning.pipeline import array_latency

_BEAT_TO_WRITE = 6
"""Cycles from a beat of the store in block RAM to its write."""


@dataclass(frozen=True)
class Block:
    """A component, with the parameters that it has in a device.

    Attributes
    ----------
    name : str
        What command line and table call it; unique in a device.
    path : str
        Where it lies in the device: synthesis goes by it where it treats memories.
    create : functools.partial
        Returns a new one.
    """

    name: str
    path: str
    create: "partial[wiring.Component]"

    @property
    def kind(self) -> Any:
        """Class of the component."""
        return self.create.func

    @property
    def room(self) -> str:
        """Folder of hdl that it lies in; ``whole`` if in none."""
        return self.kind.__module__.partition(".hdl.")[2].rpartition(".")[0] or "whole"

    @property
    def what(self) -> str:
        """First sentence of its docstring, as Markdown."""
        line = str(inspect.getdoc(self.kind)).partition("\n")[0].partition(". ")[0].rstrip(".")
        return re.sub(r"(:\w+:)?`+([^`]+)`+", r"`\2`", line)


def list_blocks(board: Board) -> list[Block]:
    """Return the blocks of a board's device, room by room, parts before what they make up.

    Those of the encoder are among them, though it is in no device yet.
    """
    shape = SHAPES[board.shape]
    store = _spram_store if shape.memory == "spram" else _block_store
    rooms = (
        *(_array(shape), _learn(shape), store(shape), _link(shape, board), _encode(shape)),
        _whole(shape),
    )
    return [block for room in rooms for block in room]


def choose_blocks(names: Sequence[str], lists: Mapping[str, list[Block]]) -> dict[str, list[Block]]:
    """Return the blocks of these names in every device that has one.

    Parameters
    ----------
    names : sequence of str
        If there are none, all blocks are meant.
    lists : dict of str to list of Block
        Blocks of each device.

    Raises
    ------
    MetabitError
        If no device has a block of a name; the message lists all.
    """
    known = dict.fromkeys(block.name for blocks in lists.values() for block in blocks)
    for name in names:
        if name not in known:
            raise MetabitError(f"--block must be one of {', '.join(known)}, not {name!r}")
    return {
        device: [block for block in blocks if not names or block.name in names]
        for device, blocks in lists.items()
    }


def _block(name: str, path: str, kind: Any, *arguments: Any, **options: Any) -> Block:
    return Block(name, path, partial(kind, *arguments, **options))


def _array(shape: Shape) -> Iterator[Block]:
    codes, store = _memories(shape)
    element = f"core.array.element_0_{shape.elements - 1}"
    yield _block("popcount", f"{element}.popcount", Popcount, LANES)
    yield _block("element", element, Element, shape.lanes)
    yield _block("array", "core.array", Array, shape)
    latencies = {"array_latency": array_latency(shape), "code_latency": codes.latency}
    yield _block("totals", "core.totals", Totals, shape, **latencies)
    if shape.layers > 1:
        yield _block("pack", "core.pack", Pack, shape)
    yield _block("forward", "core.forward", Forward, shape, input_latency=store.input_latency)


def _memories(shape: Shape) -> tuple[Any, Any]:
    """Return the classes of code memory and store."""
    return (SharedCodes, SpramStore) if shape.memory == "spram" else (Codes, BlockStore)


def _learn(shape: Shape) -> Iterator[Block]:
    codes, _ = _memories(shape)
    block_ram = shape.memory == "block"
    yield _block("codes", "core.codes", codes, shape)
    yield _block("head", "core.head", Head, shape)
    latencies = {"code_latency": codes.latency, "kept_latency": 1 + block_ram}
    yield _block("search", "core.search", Search, shape, **latencies)
    yield _block("jobs", "core.jobs", Jobs, shape)
    yield _block("predictions", "core.predictions", Predictions, shape)
    yield _block("statistics", "core.statistics", Statistics, shape)
    if block_ram:
        yield _block("draws", "core.store.draws", Draws, LANES // WORD)
        yield _block("step", "core.store.step", Step, shape.counter_bits, LANES)
        yield _block("rows", "core.store.rows", BeatRows, shape, latency=_BEAT_TO_WRITE)
    else:
        yield _block("draw", "core.store.rows.draw", Draw)


def _spram_store(shape: Shape) -> Iterator[Block]:
    yield _block("ram", "core.store.ram", WideSpram)
    yield _block("port", "core.store.port", Port, shape)
    yield _block("ring", "core.store.ring", WordRing, shape)
    yield _block("keeper", "core.store.rows.narrow.inputs", Keeper)
    yield _block("adders", "core.store.rows.narrow.adders", Adders)
    yield _block("narrow", "core.store.rows.narrow", Narrow)
    yield _block("walk", "core.store.rows.walk", Walk, shape)
    yield _block("rows", "core.store.rows", WordRows, shape)
    yield _block("flips", "core.store.flips", FlipQueue, shape)
    yield _block("signs", "core.store.signs", SignPlane, shape)
    yield _block("access", "core.store.access", Access, shape)
    yield _block("store", "core.store", SpramStore, shape)


def _block_store(shape: Shape) -> Iterator[Block]:
    yield _block("record", "core.store.loader.record", RecordPointer, shape)
    yield _block("cursor", "core.store.loader.cursor", SampleCursor, shape)
    yield _block("loader", "core.store.loader", Loader, shape)
    yield _block("fetch", "core.store.fetch", Fetch, shape)
    yield _block("columns", "core.store.columns", Columns, shape)
    yield _block("counters", "core.store.counters", CounterBanks, shape)
    yield _block("planes", "core.store.planes", SignPlanes, shape)
    yield _block("commit", "core.store.commit", Commit, shape)
    yield _block("access", "core.store.access", BlockAccess, shape)
    yield _block("store", "core.store", BlockStore, shape)


def _link(shape: Shape, board: Board) -> Iterator[Block]:
    yield _block("decoder", "link.receiver.decoder", CobsDecoder)
    yield _block("crc", "link.crc", Crc)
    yield _block("receiver", "link.receiver", Receiver)
    yield _block("place", "link.place", Place, shape)
    yield _block("check", "link.check", Check, shape)
    yield _block("encoder", "link.encoder", CobsEncoder)
    yield _block("link", "link", Link, shape)
    yield _block("uart", "uart", Uart, divisor(board.clock_mhz * 1e6, board.baud))


def _encode(shape: Shape) -> Iterator[Block]:
    if shape.name not in SIZES:
        return
    sizes = SIZES[shape.name]
    yield _block("table", "encode.table", Table, sizes)
    yield _block("image", "encode.image", Image, sizes)
    yield _block("steps", "encode.steps", Steps, sizes)
    yield _block("marks", "encode.marks", Marks, sizes)
    yield _block("bits", "encode.bits", Bits)
    yield _block("encode", "encode", Encoder, sizes)


def _whole(shape: Shape) -> Iterator[Block]:
    yield _block("control", "core.control", Control, shape)
    yield _block("core", "core", Core, shape)
    yield _block("device", "device", Device, shape)
