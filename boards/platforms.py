"""Boards as amaranth-boards has them not: one that is missing, others without port or lamps.

Pins of an external adapter are named as on the board's header.
"""

from typing import ClassVar

from amaranth.build import Attrs, Clock, Connector, Pins, Resource
from amaranth.vendor import LatticeECP5Platform, LatticeICE40Platform
from amaranth_boards.ecpix5 import ECPIX545Platform
from amaranth_boards.icebreaker_bitsy import ICEBreakerBitsyPlatform
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform
from amaranth_boards.resources import LEDResources, UARTResource

_ICE40_PINS = Attrs(IO_STANDARD="SB_LVCMOS")
_ECP5_PINS = Attrs(IO_TYPE="LVCMOS33")


class AlhambraIIPlatform(LatticeICE40Platform):
    """Alhambra II; pins as icestudio has them."""

    device = "iCE40HX4K"
    package = "TQ144"
    default_clk = "clk12"
    resources: ClassVar[list[Resource]] = [
        Resource("clk12", 0, Pins("49", dir="i"), Clock(12e6), Attrs(GLOBAL=True), _ICE40_PINS),
        *LEDResources(pins="45 44 43 42 41 39 38 37", attrs=_ICE40_PINS),
        UARTResource(0, rx="62", tx="61", attrs=_ICE40_PINS),
    ]
    connectors: ClassVar[list[Connector]] = []


class BitsyPlatform(ICEBreakerBitsyPlatform):
    """iCEBreaker Bitsy with an adapter at P4, which the FPGA listens to, and P2."""

    resources: ClassVar[list[Resource]] = [
        *ICEBreakerBitsyPlatform.resources,
        UARTResource(0, rx="4", tx="2", conn=("edge", 0), attrs=_ICE40_PINS),
    ]


class OrangeCrabPlatform(OrangeCrabR0_2_25FPlatform):
    """OrangeCrab 25F with an adapter at pins 0, which the FPGA listens to, and 1."""

    resources: ClassVar[list[Resource]] = [
        *(r for r in OrangeCrabR0_2_25FPlatform.resources if r.name != "rgb_led"),
        # Green and blue of the one lamp that it has.
        *LEDResources(pins="M3 J3", invert=True, attrs=_ECP5_PINS),
        UARTResource(0, rx="0", tx="1", conn=("io", 0), attrs=_ECP5_PINS),
    ]
    # openFPGALoader takes the bitstream without what dfu-suffix would add.
    required_tools = LatticeECP5Platform.required_tools
    command_templates = LatticeECP5Platform.command_templates


class EcpixPlatform(ECPIX545Platform):
    """ECPIX-5 45F: the green of its first two lamps."""

    resources: ClassVar[list[Resource]] = [
        *(r for r in ECPIX545Platform.resources if r.name != "rgb_led"),
        *LEDResources(pins="R21 W21", invert=True, attrs=_ECP5_PINS),
    ]
