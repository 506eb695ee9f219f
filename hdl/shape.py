"""The shape of a device: what is built, and what it can hold."""

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import MetabitError
from .encode.sizes import Sizes

LANES = 64
"""Weights that an element of the array takes a cycle; a word of every memory of bits."""

SPRAM_WORDS = 1 << 14
"""Words of the four single-port RAMs of an iCE40 UltraPlus side by side, 64 bits each."""

DIGEST_BYTES = 8
"""Bytes of :attr:`Shape.digest`."""

_Count = Annotated[int, Field(ge=1)]


class Shape(BaseModel):
    """What a bitstream is: array, counters and capacities, but no network.

    A network is loaded into a device; :class:`~metabit.hdl.placement.Placement` says where its
    parts lie, and refuses what does not fit.

    Parameters
    ----------
    name : str
        Free label.
    elements : int
        Elements of :data:`LANES` lanes that a neuron's inputs are spread over.
    samples : int
        Columns: samples that pass forward side by side, with the same weights.
    counter_bits : int
        Bits of a hidden-weight counter, 2 to 8; 8 with ``memory="spram"``.
    memory : {"block", "spram"}
        Where hidden weights and samples live: block RAM, or the four single-port RAMs of an
        iCE40 UltraPlus (then ``samples=1`` and ``layers=1``).
    depth : int
        Sign words: neurons times visits that fit.
    code_bits : int
        Classes whose code bits lie in one word of the code memory.
    code_words : int
        Most words of code bits of a neuron: more classes than ``code_bits`` take several.
    codes : int
        Words of the code memory.
    neurons : int
        Most neurons of a layer.
    inputs : int
        Most inputs of a neuron.
    records : int
        Words of :data:`LANES` bits that hold samples, in each column.
    winners : int
        Winners that each column keeps until their rows are updated.
    layers : int
        Most layers.
    phases : bool
        Count cycles by phase, too.
    stored : {"none", "flash", "sdram"}
        Memory chip beside the FPGA that samples are played from.
    confusion : bool
        Count what is predicted of each class of stored samples; with ``stored="sdram"``.
    keeps : bool
        The host can keep something in that memory, in the ways of a flash; with
        ``stored="flash"``.
    lut_memories : bool
        Samples, codes and lists of updated rows lie in RAM of look-up tables: counters and signs
        take all block RAMs of an ECP5. With ``memory="block"``.
    encodes : Sizes or None
        Size of the encoder that makes samples of raw ones; None: there is none. With
        ``stored="none"``, as what is stored is encoded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "custom"
    elements: Annotated[int, Field(ge=1, le=32)]
    samples: Annotated[int, Field(ge=1, le=32)] = 1
    counter_bits: Annotated[int, Field(ge=2, le=8)] = 8
    memory: Literal["block", "spram"] = "block"
    depth: Annotated[int, Field(ge=16, le=4096)]
    code_bits: Annotated[int, Field(ge=2, le=64)] = 16
    code_words: Annotated[int, Field(ge=1, le=16)] = 16
    codes: _Count
    neurons: Annotated[int, Field(ge=1, le=1024)]
    inputs: Annotated[int, Field(ge=1, le=16383)]
    records: _Count
    winners: _Count
    layers: Annotated[int, Field(ge=1, le=8)] = 1
    phases: bool = True
    stored: Literal["none", "flash", "sdram"] = "none"
    confusion: bool = False
    keeps: bool = False
    lut_memories: bool = False
    encodes: Sizes | None = None

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        """Refuse options that the rest of the hardware would leave without effect."""
        for option, field, needed in (
            ("confusion", "stored", "sdram"),
            ("keeps", "stored", "flash"),
            ("lut_memories", "memory", "block"),
            ("encodes", "stored", "none"),
        ):
            found = getattr(self, field)
            if getattr(self, option) and found != needed:
                raise ValueError(f"{option} needs {field}={needed!r}, not {found!r}")
        return self

    @property
    def lanes(self) -> int:
        """Inputs of a neuron that the array takes a cycle."""
        return LANES * self.elements

    @property
    def parts(self) -> int:
        """Words of 64 bits that the counters of :data:`LANES` weights take on the link.

        Single-port RAM keeps whole counters, 8 to a word; block RAM keeps bit planes of all but
        the sign, which lies in the sign plane.
        """
        return LANES // 8 if self.memory == "spram" else self.counter_bits - 1

    @property
    def small_memory_attributes(self) -> dict[str, str]:
        """Attributes of the memories that need not be block RAM, for synthesis."""
        return {"ram_style": "distributed"} if self.lut_memories else {}

    @property
    def writable(self) -> bool:
        """Whether the device can write the memory that it plays samples from."""
        return self.stored == "sdram"

    @property
    def position_bits(self) -> int:
        """Bits of the position of a class in its code word."""
        return (self.code_bits - 1).bit_length()

    @property
    def class_bits(self) -> int:
        """Bits of a class as the device numbers them: position, then code word."""
        return self.position_bits + (self.code_words - 1).bit_length()

    @property
    def votes(self) -> int:
        """Most classes whose scores of all layers can be summed."""
        return 1 << min(self.class_bits, self.position_bits + 1)

    @property
    def digest(self) -> bytes:
        """Bytes that name the hardware: two shapes share them iff they are built alike."""
        # Hardware without these is named as before there was a choice.
        exclude = {"name"}
        if self.stored == "none":
            exclude.add("stored")
        exclude |= {
            name
            for name in ("confusion", "keeps", "lut_memories", "encodes")
            if not getattr(self, name)
        }
        fields = self.model_dump(mode="json", exclude=exclude)
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).digest()[:DIGEST_BYTES]


_SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            name="up5k",
            elements=6,
            samples=1,
            counter_bits=8,
            memory="spram",
            depth=256,
            code_bits=10,
            code_words=4,
            codes=128,
            neurons=128,
            inputs=3072,
            records=4096,
            winners=128,
            layers=1,
            phases=False,
        ),
        Shape(
            name="ecp5",
            elements=12,
            samples=8,
            counter_bits=7,
            memory="block",
            depth=512,
            codes=1024,
            neurons=256,
            inputs=6912,
            records=512,
            winners=64,
            layers=4,
        ),
        # Counters of 8 bits beside as many signs: they take every block RAM of an LFE5U-85F that
        # the link and the sums leave.
        Shape(
            name="ecp5-8bit",
            elements=12,
            samples=8,
            counter_bits=8,
            memory="block",
            depth=512,
            codes=256,
            neurons=256,
            inputs=3072,
            records=192,
            winners=32,
            layers=2,
            lut_memories=True,
        ),
        # For the network of the paper, whose counters have 8 bits in two layers: on no board.
        Shape(
            name="paper",
            elements=4,
            samples=4,
            counter_bits=8,
            memory="block",
            depth=1024,
            codes=512,
            neurons=256,
            inputs=1024,
            records=256,
            winners=64,
            layers=2,
        ),
        # Small ones, for tests and for sweeps over random networks.
        Shape(
            name="small",
            elements=2,
            samples=2,
            counter_bits=4,
            memory="block",
            depth=128,
            code_bits=4,
            codes=512,
            neurons=64,
            inputs=512,
            records=256,
            winners=64,
            layers=3,
        ),
        Shape(
            name="small-spram",
            elements=2,
            samples=1,
            counter_bits=8,
            memory="spram",
            depth=128,
            code_bits=5,
            codes=256,
            neurons=64,
            inputs=512,
            records=256,
            winners=64,
            layers=1,
        ),
        # For boards with fewer block RAMs than the ULX3S-85F: 32 of 4 kbit, 56 and 108 of 18 kbit.
        Shape(
            name="hx8k",
            elements=1,
            samples=1,
            counter_bits=3,
            memory="block",
            depth=256,
            code_bits=10,
            code_words=4,
            codes=256,
            neurons=128,
            inputs=1024,
            records=256,
            winners=64,
            layers=1,
            phases=False,
        ),
        Shape(
            name="ecp5-25",
            elements=2,
            samples=4,
            counter_bits=7,
            memory="block",
            depth=512,
            codes=512,
            neurons=256,
            inputs=2048,
            records=512,
            winners=64,
            layers=3,
        ),
        Shape(
            name="ecp5-45",
            elements=4,
            samples=6,
            counter_bits=7,
            memory="block",
            depth=512,
            codes=1024,
            neurons=256,
            inputs=4096,
            records=512,
            winners=64,
            layers=4,
        ),
    )
}

SHAPES = _SHAPES | {
    shape.name: shape
    for shape in (
        # Fewer elements make room for the player and for the controller of the flash memory; the
        # block RAMs are deeper instead, so that the same networks fit.
        _SHAPES["up5k"].model_copy(
            update={
                "name": "up5k-flash",
                "elements": 3,
                "depth": 512,
                "stored": "flash",
                "keeps": True,
            }
        ),
        _SHAPES["ecp5"].model_copy(update={"name": "ecp5-sdram", "stored": "sdram"}),
        _SHAPES["small"].model_copy(
            update={"name": "small-sdram", "stored": "sdram", "confusion": True}
        ),
        _SHAPES["small-spram"].model_copy(
            update={"name": "small-flash", "stored": "flash", "keeps": True}
        ),
        # With an encoder. Samples come one by one, so that a column is enough; fewer elements and
        # deeper block RAMs hold the same network. What an encoder takes of a UP5K's block RAM is
        # missing for signs.
        _SHAPES["up5k"].model_copy(
            update={
                "name": "up5k-live",
                "elements": 3,
                "encodes": Sizes(pixels=1024, lanes=2, words=1024),
            }
        ),
        _SHAPES["ecp5"].model_copy(
            update={
                "name": "ecp5-live",
                "elements": 6,
                "samples": 1,
                "depth": 1024,
                "encodes": Sizes(pixels=1024, lanes=4, words=4096),
            }
        ),
        _SHAPES["small-spram"].model_copy(
            update={"name": "small-live", "encodes": Sizes(pixels=128, lanes=2, words=512)}
        ),
    )
}
"""All devices that have a name."""


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
