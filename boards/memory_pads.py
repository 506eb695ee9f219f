"""Pads of the memory chips that boards have, each with a register in every direction."""

from typing import Any

from amaranth.build import Platform
from amaranth.hdl import Module
from amaranth.lib import io

from ..hdl.shape import Shape

SHIFTED = "memory_clock"
"""Clock domain that is three quarters of a cycle late, which an SDRAM gets its clock from."""


def connect_pads(m: Module, platform: Platform, shape: Shape, pins: Any) -> None:
    """Put pads behind the pins of a controller.

    Parameters
    ----------
    m : Module
        Gets the pads; has the domain :data:`SHIFTED` if it is an SDRAM.
    platform : Platform
        Of the board.
    shape : Shape
        Says which memory it is.
    pins : interface of :mod:`metabit.hdl.memory.pins`
        Of the controller.
    """
    {"sdram": _sdram, "flash": _flash}[shape.stored](m, platform, pins)


def _sdram(m: Module, platform: Platform, pins: Any) -> None:
    ports = platform.request("sdram", 0, dir="-")
    # Ports of low-active pins invert.
    outputs = {
        "clk_en": pins.cke,
        "cs": ~pins.cs_n,
        "ras": ~pins.ras_n,
        "cas": ~pins.cas_n,
        "we": ~pins.we_n,
        "ba": pins.ba,
        "a": pins.a,
        "dqm": pins.dqm,
    }
    for name, value in outputs.items():
        m.submodules[f"sdram_{name}"] = pad = io.FFBuffer("o", getattr(ports, name))
        m.d.comb += pad.o.eq(value)
    m.submodules.sdram_dq = data = io.FFBuffer("io", ports.dq)
    m.submodules.sdram_clk = clock = io.DDRBuffer("o", ports.clk, o_domain=SHIFTED)
    m.d.comb += [
        data.o.eq(pins.dq_o),
        data.oe.eq(pins.dq_oe),
        pins.dq_i.eq(data.i),
        clock.o[0].eq(1),
        clock.o[1].eq(0),
    ]


def _flash(m: Module, platform: Platform, pins: Any) -> None:
    ports = platform.request("spi_flash_4x", 0, dir="-")
    m.submodules.flash_cs = select = io.FFBuffer("o", ports.cs)
    m.submodules.flash_clk = clock = io.DDRBuffer("o", ports.clk)
    m.d.comb += [select.o.eq(~pins.cs_n), clock.o[0].eq(0), clock.o[1].eq(pins.sck)]
    for bit in range(len(pins.dq_o)):
        m.submodules[f"flash_dq_{bit}"] = pad = io.FFBuffer("io", ports.dq[bit])
        m.d.comb += [
            pad.o.eq(pins.dq_o[bit]),
            pad.oe.eq(pins.dq_oe[bit]),
            pins.dq_i[bit].eq(pad.i),
        ]
