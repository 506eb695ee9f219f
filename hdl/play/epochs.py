"""The epochs of a program: what the conductor asks of the player, one thing after the other."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import Run
from ..learn.draw import STATE_BITS, Draw
from ..shape import LANES, Shape
from .registers import (
    ANNEALED,
    DAMPED,
    DAMPING_WORD,
    DATA_WORD,
    EPOCH_BITS,
    EPOCH_WORD,
    EPOCHS_WORD,
    MASKS_WORD,
    ORDER_WORD,
    PLACE_BITS,
    PROGRESS_WORD,
    STATE_WORD,
    Program,
    Register,
    Report,
)
from .words import Fields, fields_layout, packed

PROGRAM_WORDS: dict[Program, Fields] = {
    Program.TRAIN: DATA_WORD,
    Program.TEST: DATA_WORD,
    Program.EPOCHS: EPOCHS_WORD,
    Program.DAMPING: DAMPING_WORD,
    Program.STATE: STATE_WORD,
    Program.MASKS: MASKS_WORD,
}
"""What a program consists of."""

_SETTLE = 4
"""Cycles from the end of a run until all of its samples have been counted, at the least."""


class Epochs(wiring.Component):
    """Train an epoch, test, keep what both have come to, and go on with the next epoch.

    Attributes
    ----------
    start : In(1)
        Begin; taken while not ``busy``.
    program : In
        All words of the program.
    busy : Out(1)
        From the cycle after ``start`` on, until the last epoch is over.
    asks, asks_write, asks_address, asks_data : Out
        What is written to, or read from, the player: until ``answered``.
    answer : In(64), answered : In(1)
    run : Out(stream of Run)
        What the player is to play.
    idle : In(1)
        It has ended.
    drawn : Out(1)
        The generator has stepped, to ``generator``.
    keep : Out(1)
        An epoch is over: ``outcome`` is what it has come to.
    advance : Out(1)
        The next one is to come; ``train_errors`` are those of this one.
    epoch : Out
        This epoch.
    """

    def __init__(self, shape: Shape) -> None:
        words = {word.name.lower(): fields_layout(each) for word, each in PROGRAM_WORDS.items()}
        super().__init__(
            {
                "start": In(1),
                "program": In(data.StructLayout(words)),
                "busy": Out(1),
                "asks": Out(1),
                "asks_write": Out(1),
                "asks_address": Out(16),
                "asks_data": Out(LANES),
                "answer": In(LANES),
                "answered": In(1),
                "run": Out(stream.Signature(Run())),
                "idle": In(1),
                "drawn": Out(1),
                "generator": Out(STATE_BITS),
                "keep": Out(1),
                "advance": Out(1),
                "outcome": Out(fields_layout(EPOCH_WORD)),
                "train_errors": Out(PLACE_BITS),
                "epoch": Out(EPOCH_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        program, run = self.program, self.run.payload
        epochs, state, masks = program.epochs, program.state, program.masks
        m.submodules.draw = draw = Draw()
        testing = Signal()  # the test set is played
        stride, place = Signal(PLACE_BITS), Signal(PLACE_BITS)
        test_errors = Signal(PLACE_BITS)
        wait = Signal(range(_SETTLE + 1))
        errors = Signal(PLACE_BITS)
        start, width = PROGRESS_WORD["right"]
        right = self.answer[start : start + width]
        chosen = Signal(fields_layout(DATA_WORD))
        order = {
            "mask": Mux(testing, masks.test_mask, masks.train_mask),
            "stride": Mux(testing, 1, stride),
            "place": Mux(testing, 0, place),
        }
        where = packed(DATA_WORD, {name: chosen[name] for name in DATA_WORD})
        # Settled long before they are used.
        m.d.sync += [
            chosen.eq(Mux(testing, program.test, program.train)),
            run.annealing.eq(sum(epochs.epoch > epochs[name] for name in ANNEALED)),
            run.damping.eq(sum(state.errors <= program.damping[name] for name in DAMPED)),
        ]
        m.d.comb += [
            errors.eq(chosen.samples - right),
            draw.value.eq(state.generator),
            self.generator.eq(draw.state),
            self.epoch.eq(epochs.epoch),
            self.outcome.epoch.eq(epochs.epoch),
            self.outcome.train_errors.eq(self.train_errors),
            self.outcome.test_errors.eq(test_errors),
            run.samples.eq(chosen.samples),
            run.train.eq(~testing),
            run.drain.eq(~testing),
            run.stored.eq(1),
        ]
        with m.FSM(name="epochs"):
            with m.State("Rest"):
                m.d.comb += draw.load.eq(1)
                # In a register, as it decides about the host's way.
                with m.If(self.start):
                    m.d.sync += self.busy.eq(1)
                    m.next = "Look"
            with m.State("Look"):
                m.d.sync += testing.eq(0)
                m.next = "Draw stride"
                with m.If(epochs.epoch > epochs.epochs):
                    m.d.sync += self.busy.eq(0)
                    m.next = "Rest"
            with m.State("Draw stride"):
                m.d.comb += draw.step.eq(1)
                m.next = "Draw place"
            with m.State("Draw place"):
                m.d.comb += draw.step.eq(1)
                m.d.sync += stride.eq((draw.state[:PLACE_BITS] & masks.train_mask) | 1)
                m.next = "Take place"
            with m.State("Take place"):
                m.d.comb += self.drawn.eq(1)
                m.d.sync += place.eq(draw.state[:PLACE_BITS] & masks.train_mask)
                m.next = "Say where"
            with m.State("Say where"):
                self._ask(m, Register.DATA, where, "Say in what order")
            with m.State("Say in what order"):
                self._ask(m, Register.ORDER, packed(ORDER_WORD, order), "Begin")
            with m.State("Begin"):
                m.d.comb += self.run.valid.eq(1)
                with m.If(self.run.ready):
                    m.next = "Play"
            with m.State("Play"):
                m.d.sync += wait.eq(_SETTLE)
                with m.If(self.idle):
                    m.next = "Settle"
            with m.State("Settle"):
                m.d.sync += wait.eq(wait - 1)
                with m.If(wait == 0):
                    m.next = "Judge"
            with m.State("Judge"):
                m.d.comb += [self.asks.eq(1), self.asks_address.eq(Report.PROGRESS.value)]
                with m.If(self.answered):
                    m.d.sync += testing.eq(1)
                    m.next = "Turn to the test"
                    with m.If(testing):
                        m.d.sync += test_errors.eq(errors)
                        m.next = "Keep"
                    with m.Else():
                        m.d.sync += [self.train_errors.eq(errors), test_errors.eq(0)]
                        with m.If(program.test.samples == 0):
                            m.next = "Keep"
            with m.State("Turn to the test"):
                m.next = "Say where"
            with m.State("Keep"):
                m.d.comb += [self.keep.eq(1), self.advance.eq(1)]
                m.next = "Look"
        return m

    def _ask(self, m: Module, register: Register, word: object, then: str) -> None:
        """Write a register of the player, and go on when that is done."""
        m.d.comb += [
            self.asks.eq(1),
            self.asks_write.eq(1),
            self.asks_address.eq(register.value),
            self.asks_data.eq(word),
        ]
        with m.If(self.answered):
            m.next = then
