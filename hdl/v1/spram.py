"""Weight store in the four single-port RAMs of an iCE40 UltraPlus."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2
from amaranth.vendor import LatticeICE40Platform

from ...golden.config import WORD
from .layout import SPRAM_BITS, SPRAM_COUNT, SPRAM_DEPTH, Layout
from .select import select
from .words import StoreSignature, Word, positive


class Spram(wiring.Component):
    """One single-port RAM of 16,384 x 16 bits, its contents undefined at power-up.

    Parameters of the primitive SB_SPRAM256KA that we do not use (nibble mask, stand-by, sleep,
    power-off) are tied off. Anywhere but on an iCE40 it is a memory that behaves the same.

    Attributes
    ----------
    address : In(14)
    write : In(1)
        Write instead of read.
    write_data : In(16)
    read_data : Out(16)
        What stood at the address of the last cycle, if that was a read.
    """

    address: In(exact_log2(SPRAM_DEPTH))
    write: In(1)
    write_data: In(SPRAM_BITS)
    read_data: Out(SPRAM_BITS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if isinstance(platform, LatticeICE40Platform):
            m.submodules.ram = Instance(
                "SB_SPRAM256KA",
                i_ADDRESS=self.address,
                i_DATAIN=self.write_data,
                i_MASKWREN=Const(0b1111, 4),
                i_WREN=self.write,
                i_CHIPSELECT=Const(1),
                i_CLOCK=ClockSignal("sync"),
                i_STANDBY=Const(0),
                i_SLEEP=Const(0),
                i_POWEROFF=Const(1),
                o_DATAOUT=self.read_data,
            )
            return m
        m.submodules.memory = memory = Memory(shape=SPRAM_BITS, depth=SPRAM_DEPTH, init=[])
        write_port, read_port = memory.write_port(), memory.read_port()
        m.d.comb += [
            write_port.addr.eq(self.address),
            write_port.data.eq(self.write_data),
            write_port.en.eq(self.write),
            read_port.addr.eq(self.address),
            read_port.en.eq(~self.write),
            self.read_data.eq(read_port.data),
        ]
        return m


class SpramStore(wiring.Component):
    """Keep counters across all four RAMs and the sign plane of each row in one of them.

    Signs lie at the bottom, counters above them. 16 counters take ``beats`` accesses, each of
    four RAMs at a time; a write whose weights flip takes one more for the sign plane's copy.

    Parameters
    ----------
    layout : Layout
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(StoreSignature(layout))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beats, bits = self._layout.beats, self._layout.config.counter_bits
        rams = [Spram() for _ in range(SPRAM_COUNT)]
        for n, ram in enumerate(rams):
            m.submodules[f"ram_{n}"] = ram

        request, write = self.read.payload, self.write.payload
        current = Signal(self.read.payload.shape())
        beat = Signal(range(beats + 1))
        index = Signal.like(request.index)
        plane = Signal()
        ram_address = Signal(exact_log2(SPRAM_DEPTH))
        counter_address = Cat(beat[: exact_log2(beats)], index.as_value()) + self._layout.sign_depth
        m.d.comb += ram_address.eq(Mux(plane, index.address, counter_address))
        slots = Cat(
            Cat(
                write.counters[lane],
                Const(0, self._layout.slot_bits - self._layout.config.counter_bits),
            )
            for lane in range(WORD)
        )
        beat_data = slots.word_select(beat, SPRAM_BITS * SPRAM_COUNT)
        for n, ram in enumerate(rams):
            m.d.comb += [
                ram.address.eq(Mux(self.fetch, self.address, ram_address)),
                ram.write_data.eq(
                    Mux(plane, positive(write.counters), beat_data.word_select(n, SPRAM_BITS))
                ),
                self.signs[n].eq(ram.read_data),
            ]
        everything = Cat(ram.read_data for ram in rams)

        # All beats of a word but the last are kept here; the last one comes from the RAMs' own
        # output registers.
        kept = Signal(SPRAM_BITS * SPRAM_COUNT * max(1, beats - 1))
        first = kept if beats > 1 else Const(0, 0)
        loaded = Cat(first, everything)
        word = Signal(Word(self._layout))
        m.d.comb += [
            word.index.eq(current.index),
            word.tag.eq(current.tag),
            word.signs.eq(select([ram.read_data for ram in rams], current.index.row)),
            self.word.payload.eq(word),
        ]
        for lane in range(WORD):
            slot = loaded.word_select(lane, self._layout.slot_bits)
            m.d.comb += word.counters[lane].eq(slot[:bits])

        responding = Signal()
        m.d.comb += self.word.valid.eq(responding)
        m.d.sync += responding.eq(0)
        write_counters = [index.eq(write.index), *(ram.write.eq(1) for ram in rams)]
        with m.FSM(name="access"):
            with m.State("Idle"):
                with m.If(self.write.valid & write.signs_only):
                    m.next = "Write signs"
                with m.Elif(self.write.valid):
                    m.d.comb += write_counters
                    m.d.sync += beat.eq(1)
                    m.next = "Write counters"
                    if beats == 1:
                        self._finish_write(m, beat)
                # The update unit holds one word, so the next is not read while one is on its way.
                with m.Elif(self.read.valid & ~self.fetch & ~responding):
                    m.d.comb += [
                        self.read.ready.eq(1),
                        index.eq(request.index),
                        plane.eq(request.signs_only),
                    ]
                    m.d.sync += current.eq(request)
                    with m.If((beats == 1) | request.signs_only):
                        m.d.sync += responding.eq(1)
                    with m.Else():
                        m.d.sync += beat.eq(1)
                        m.next = "Read"
            with m.State("Read"):
                m.d.comb += index.eq(current.index)
                m.d.sync += [kept.eq(Cat(kept, everything)[-len(kept) :]), beat.eq(beat + 1)]
                with m.If(beat == beats - 1):
                    m.d.sync += [responding.eq(1), beat.eq(0)]
                    m.next = "Idle"
            with m.State("Write counters"):
                m.d.comb += write_counters
                m.d.sync += beat.eq(beat + 1)
                with m.If(beat == beats - 1):
                    self._finish_write(m, beat)
            with m.State("Write signs"):
                m.d.comb += [index.eq(write.index), plane.eq(1), self.write.ready.eq(1)]
                for n, ram in enumerate(rams):
                    m.d.comb += ram.write.eq(write.index.row == n)
                m.next = "Idle"
        return m

    def _finish_write(self, m: Module, beat: Signal) -> None:
        """Take the write, or go on to the sign plane if a weight flips."""
        m.d.sync += beat.eq(0)
        m.d.comb += self.write.ready.eq(~self.write.payload.flips)
        m.next = "Idle"
        with m.If(self.write.payload.flips):
            m.next = "Write signs"
