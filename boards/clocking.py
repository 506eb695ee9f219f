"""The device's clock: the oscillator itself, or a phase-locked loop behind it."""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth.build import Platform
from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Const,
    Instance,
    IOPort,
    Module,
    ResetSignal,
    Signal,
    Value,
)
from amaranth.lib import io, wiring
from amaranth.lib.wiring import Out

from ..errors import MetabitError
from ..hdl.link.uart import divisor
from .memory_pads import SHIFTED
from .registry import Board, Family

_TOLERANCE = 0.005
"""Largest relative distance of a clock from what was asked for."""


@dataclass(frozen=True)
class Pll:
    """Dividers of a phase-locked loop.

    ``output = input / reference * feedback / output_divider`` on iCE40, where the loop closes
    at the oscillator, and ``input / reference * feedback`` on ECP5, where it closes behind the
    output divider.

    Parameters
    ----------
    reference, feedback, divider : int
        Dividers of the input, of the loop and of the output.
    detector_mhz, output_mhz : float
        Frequency at the phase detector and of the output.
    """

    reference: int
    feedback: int
    divider: int
    detector_mhz: float
    output_mhz: float


def _ecp5_candidates(mhz: float) -> Iterator[Pll]:
    for reference in range(1, 129):
        detector = mhz / reference
        if not 3.125 <= detector <= 400:
            continue
        for feedback in range(1, 129):
            output = detector * feedback
            # The oscillator runs best in the middle of its range, 400 to 800 MHz.
            divider = round(600 / output)
            if 1 <= divider <= 128 and 400 <= output * divider <= 800:
                yield Pll(reference, feedback, divider, detector, output)


def _ice40_candidates(mhz: float) -> Iterator[Pll]:
    for reference in range(1, 17):
        detector = mhz / reference
        if not 10 <= detector <= 133:
            continue
        for feedback in range(1, 129):
            if not 533 <= detector * feedback <= 1066:
                continue
            for exponent in range(1, 7):
                divider = 1 << exponent
                yield Pll(reference, feedback, divider, detector, detector * feedback / divider)


_CANDIDATES = {"ecp5": _ecp5_candidates, "ice40": _ice40_candidates}


def find_pll(family: Family, input_mhz: float, output_mhz: float) -> Pll:
    """Return the dividers that come closest to a frequency, the simplest of several.

    Raises
    ------
    MetabitError
        If none comes within half a percent.
    """
    best = min(
        _CANDIDATES[family](input_mhz),
        key=lambda pll: (abs(pll.output_mhz - output_mhz), pll.reference),
    )
    if abs(best.output_mhz - output_mhz) > _TOLERANCE * output_mhz:
        raise MetabitError(
            f"frequency {output_mhz:g} MHz cannot be made from {input_mhz:g} MHz; "
            f"the closest is {best.output_mhz:.4g} MHz"
        )
    return best


def clock_mhz(board: Board, requested: float | None) -> float:
    """Return the exact clock that a board will run at.

    Raises
    ------
    MetabitError
        If the board cannot make it, or its serial link cannot be timed by it; the message names
        the nearest clocks that can be had.
    """
    wanted = board.clock_mhz if requested is None else requested
    if wanted <= 0:
        raise MetabitError(f"frequency must be positive, not {wanted:g} MHz")
    try:
        mhz = wanted if wanted == board.oscillator_mhz else _made(board, wanted)
        divisor(mhz * 1e6, board.baud)
    except ValueError as error:
        near = " or ".join(f"{clock:.6g}" for clock in _nearest(board, wanted))
        raise MetabitError(f"{error}; the nearest for {board.name}: --freq {near}") from error
    return mhz


def _made(board: Board, wanted: float) -> float:
    return find_pll(board.family, board.oscillator_mhz, wanted).output_mhz


def _nearest(board: Board, wanted: float) -> list[float]:
    """Return the nearest clocks below and above that can be had and time the serial link."""
    candidates = _CANDIDATES[board.family](board.oscillator_mhz)
    clocks = {board.oscillator_mhz, *(pll.output_mhz for pll in candidates)}
    possible = [clock for clock in clocks if _times(clock, board.baud)]
    below = max((clock for clock in possible if clock < wanted), default=None)
    above = min((clock for clock in possible if clock > wanted), default=None)
    return [clock for clock in (below, above) if clock is not None]


def _times(mhz: float, baud: int) -> bool:
    try:
        divisor(mhz * 1e6, baud)
    except ValueError:
        return False
    return True


def needs_reset(family: str) -> bool:
    """Whether registers of a family must be set once the clock is steady.

    Those of an ECP5 have their first values from the bitstream, as its block RAM has. They keep
    them under a clock that is not steady yet, because nothing moves in a device that nothing has
    been sent to. A reset beside that of an abort would stand in all ways that are long already.
    """
    return family != "ecp5"


class Clocking(wiring.Component):
    """Drive clock domain ``sync``, which the parent defines, from a phase-locked loop.

    The domain, if it has a reset, is held in it until the loop has been locked for 15
    microseconds: block RAM of an iCE40 reads as zero for the first few microseconds after
    configuration.

    Parameters
    ----------
    board : Board
    mhz : float
        Frequency of the domain.
    shifted : bool
        Drive domain :data:`.SHIFTED`, too, three quarters of a cycle late; ECP5 only.

    Attributes
    ----------
    ready : Out(1)
        Only where the domain has no reset: the clock is steady. Nothing may come in before.
    """

    def __init__(self, board: Board, mhz: float, *, shifted: bool = False) -> None:
        self._shifted = shifted
        self._family = board.family
        self._pll_pin = board.pll_pin
        self._pll = find_pll(board.family, board.oscillator_mhz, mhz)
        super().__init__({} if needs_reset(self._family) else {"ready": Out(1)})

    def elaborate(self, platform: Platform) -> Module:
        """Build the logic."""
        m = Module()
        clock, locked = Signal(), Signal()
        port = platform.request(platform.default_clk, dir="-")
        if self._family == "ice40" and self._pll_pin:
            # This loop contains the input buffer.
            m.submodules.pll = self._ice40("PAD", {"i_PACKAGEPIN": port.io}, clock, locked)
        else:
            m.submodules.buffer = buffer = io.Buffer("i", port)
            if self._family == "ecp5":
                m.submodules.pll = self._ecp5(buffer.i, clock, locked)
                if self._shifted:
                    m.d.comb += ClockSignal(SHIFTED).eq(self._late_clock)
            else:
                source = {"i_REFERENCECLK": buffer.i}
                m.submodules.pll = self._ice40("CORE", source, clock, locked)

        m.domains += ClockDomain("power_on", reset_less=True, local=True)
        m.d.comb += [ClockSignal("power_on").eq(clock), ClockSignal("sync").eq(clock)]
        cycles = int(15 * self._pll.output_mhz)
        settled, timer, ready = Signal(2), Signal(range(cycles + 1)), Signal()
        m.d.power_on += settled.eq(settled << 1 | locked)
        with m.If(~settled[1]):
            m.d.power_on += [timer.eq(0), ready.eq(0)]
        with m.Elif(timer == cycles):
            m.d.power_on += ready.eq(1)
        with m.Else():
            m.d.power_on += timer.eq(timer + 1)
        if needs_reset(self._family):
            m.d.comb += ResetSignal("sync").eq(~ready)
        else:
            m.d.comb += self.ready.eq(ready)
        return m

    def _ecp5(self, source: Value, clock: Signal, locked: Signal) -> Instance:
        pll = self._pll
        in_phase = pll.divider // 2
        self._late_clock = Signal()
        late: dict[str, object] = {}
        if self._shifted:
            late = {
                "p_OUTDIVIDER_MUXB": "DIVB",
                "p_CLKOS_ENABLE": "ENABLED",
                "p_CLKOS_DIV": pll.divider,
                "p_CLKOS_CPHASE": in_phase + 3 * pll.divider // 4,
                "p_CLKOS_FPHASE": 3 * pll.divider % 4 * 2,
                "i_ENCLKOS": Const(0),
                "o_CLKOS": self._late_clock,
            }
        return Instance(
            "EHXPLLL",
            **late,
            # Loop filter: the values that every published configuration uses.
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_CLKI_DIV=pll.reference,
            p_CLKFB_DIV=pll.feedback,
            p_FEEDBK_PATH="CLKOP",
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=pll.divider,
            p_CLKOP_CPHASE=in_phase,
            p_CLKOP_FPHASE=0,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_CLKI=source,
            i_CLKFB=clock,
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=clock,
            o_LOCK=locked,
        )

    def _ice40(
        self, kind: str, source: dict[str, IOPort | Value], clock: Signal, locked: Signal
    ) -> Instance:
        pll = self._pll
        limits = (17, 26, 44, 66, 101)
        return Instance(
            f"SB_PLL40_{kind}",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(pll.reference - 1, 4),
            p_DIVF=Const(pll.feedback - 1, 7),
            p_DIVQ=Const(pll.divider.bit_length() - 1, 3),
            p_FILTER_RANGE=Const(1 + sum(pll.detector_mhz >= limit for limit in limits), 3),
            **source,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )
