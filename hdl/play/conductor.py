"""The conductor: whole trainings of stored samples, epoch after epoch, without the host."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory, ReadPort
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bundles import CoreSignature, Space
from ..shape import LANES, Shape
from .epochs import PROGRAM_WORDS as _WORDS
from .epochs import Epochs
from .registers import (
    CONFUSION,
    EPOCH_BITS,
    EPOCHS_WORD,
    HISTORY,
    HISTORY_EPOCHS,
    PLACE_BITS,
    PROGRAM,
    Program,
)
from .words import fields_layout, packed


class Conductor(wiring.Component):
    """Stand in front of a player, and do what a host would: an epoch, a test, the next epoch.

    Between two epochs it draws the stride and the first place of the next one, and finds its
    annealing exponent and damping, as :mod:`metabit.golden.strides` and ``Config`` define them.
    What the epochs have come to is kept in a ring. Everything else passes.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    link, player : Out(CoreSignature), In(CoreSignature)
        To be connected with the link, as the core would be, and with the player.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__({"link": Out(CoreSignature(shape)), "player": In(CoreSignature(shape))})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        link, player = self.link, self.player
        m.submodules.epochs = epochs = Epochs(self._shape)
        m.submodules.history = history = Memory(
            # In look-up tables: large devices have no block RAM left.
            shape=EPOCH_BITS + 2 * PLACE_BITS,
            depth=HISTORY_EPOCHS,
            init=[],
            attrs={"ram_style": "distributed"},
        )
        kept, looked_up = history.write_port(), history.read_port(transparent_for=())
        program = {
            word: Signal(fields_layout(fields), name=word.name.lower())
            for word, fields in _WORDS.items()
        }
        busy = epochs.busy
        begin = Signal()
        m.d.comb += [
            begin.eq(link.run.valid & link.run.payload.program & player.idle & ~busy),
            link.idle.eq(player.idle & ~busy),
            epochs.start.eq(begin),
            epochs.idle.eq(player.idle),
            epochs.answer.eq(player.host.read_data),
            epochs.answered.eq(player.host.ready),
            epochs.run.ready.eq(player.run.ready & busy),
            kept.addr.eq(epochs.epoch),
            kept.data.eq(epochs.outcome),
            kept.en.eq(epochs.keep),
        ]
        for word, fields in program.items():
            m.d.comb += epochs.program[word.name.lower()].eq(fields)
        # Samples and predictions pass, as do runs that are no programs.
        for name in ("payload", "valid"):
            m.d.comb += [
                getattr(player.samples, name).eq(getattr(link.samples, name)),
                getattr(link.predictions, name).eq(getattr(player.predictions, name)),
            ]
        m.d.comb += [
            link.samples.ready.eq(player.samples.ready),
            player.predictions.ready.eq(link.predictions.ready),
            player.run.payload.eq(Mux(busy, epochs.run.payload, link.run.payload)),
            player.run.valid.eq(
                Mux(busy, epochs.run.valid, link.run.valid & ~link.run.payload.program)
            ),
            link.run.ready.eq(Mux(link.run.payload.program, begin, player.run.ready & ~busy)),
        ]
        self._serve_host(m, program, epochs, looked_up)
        return m

    def _serve_host(
        self, m: Module, program: dict[Program, Signal], epochs: "Epochs", looked_up: ReadPort
    ) -> None:
        """Keep the program, say how far it is, and let host and epochs through to the player."""
        host, player = self.link.host, self.player.host
        ours, done = Signal(), Signal()
        for name in ("write", "space", "element", "address", "part", "write_data"):
            m.d.comb += getattr(player, name).eq(getattr(host, name))
        m.d.comb += player.valid.eq(host.valid & ~ours)
        with m.If(epochs.busy):
            m.d.comb += [
                player.valid.eq(epochs.asks),
                player.write.eq(epochs.asks_write),
                player.space.eq(Space.PLAYER),
                player.address.eq(epochs.asks_address),
                player.write_data.eq(epochs.asks_data),
            ]
        # While a program runs, nothing else is the player's to answer.
        behind = host.address[ceil_log2(PROGRAM) : ceil_log2(CONFUSION)] != 0
        behind &= ~host.address[ceil_log2(CONFUSION)]
        m.d.comb += ours.eq(epochs.busy | ((host.space == Space.PLAYER) & behind))
        serve, late = Signal(), Signal()
        answer = Signal(LANES, reset_less=True)
        m.d.comb += [
            serve.eq(host.valid & ours & ~late & ~done),
            host.ready.eq(Mux(ours, done, player.ready)),
            host.read_data.eq(Mux(ours, answer, player.read_data)),
            looked_up.addr.eq(host.address),
        ]
        # A cycle for the memory.
        m.d.sync += [late.eq(serve), done.eq(late)]
        position = host.address[: ceil_log2(len(Program))]
        in_history = host.address[ceil_log2(HISTORY)]
        for word, fields in _WORDS.items():
            # A cycle later, while the word still stands.
            taken = Signal(name=f"taken_{word.name.lower()}")
            here = behind & ~in_history & (position == word.value)
            m.d.sync += taken.eq(serve & host.write & here)
            with m.If(taken):
                for name, (start, width) in fields.items():
                    if name != "busy":
                        m.d.sync += program[word][name].eq(host.write_data[start : start + width])
        with m.If(epochs.advance):
            m.d.sync += program[Program.EPOCHS].epoch.eq(epochs.epoch + 1)
            m.d.sync += program[Program.STATE].errors.eq(epochs.train_errors)
        with m.If(epochs.drawn):
            m.d.sync += program[Program.STATE].generator.eq(epochs.generator)
        far = {"epoch": epochs.epoch, "epochs": program[Program.EPOCHS].epochs, "busy": epochs.busy}
        m.d.sync += answer.eq(
            Mux(in_history, looked_up.data, Mux(behind, packed(EPOCHS_WORD, far), 0))
        )
