"""The store in block RAM: counters, signs and samples, and the engine that updates them."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring

from ..learn.draws import STATE_BITS, Draws, thermometer
from ..learn.rows import WORD_BITS, Rows
from ..learn.step import Step
from ..pipeline import delayed, delays
from ..shape import LANES, Shape
from .block_access import BlockAccess
from .columns import Columns
from .commit import Commit
from .counters import CounterBanks
from .fetch import Fetch
from .loader import Loader
from .planes import SignPlanes
from .signature import StoreSignature

WORD = 1 << WORD_BITS
"""Weights of a golden word."""

_WORDS = LANES // WORD

_READ = 5
"""Cycles from a beat to its counters, signs and inputs."""

_WRITE = _READ + 2
"""Cycles from a beat to the write of what has become of it."""

_WRITTEN = _WRITE + 1
"""The same of its signs, which have the longest way."""

_AGAIN = _WRITTEN - 1
"""Cycles from a beat to another of the same weights, which are read a cycle later."""


class BlockStore(wiring.Component):
    r"""Keep 64 counters a beat, update a beat a cycle, and feed the array at the same time.

    .. math:: v \leftarrow sat(v + d), \quad
              \text{reinforced: then } v \leftarrow sat(v + sign(v))

    for the rows in the order of their jobs. A beat reads counters, current signs and inputs
    (five cycles), steps (two), and is written, its signs a cycle later. Rows follow each other with
    one idle cycle. The current signs F' move with the counters; the visible signs F of the rows of
    a tile follow by a commit, a sign word a cycle.

    Cost for 12 elements of 7 bits and 512 sign words, 8 columns of 512 words: 194 block RAMs.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    See :class:`~metabit.hdl.store.signature.StoreSignature`.

    input_latency : int
        Cycles from a request for inputs to their ``load``.
    update_latency : int
        Cycles from a beat to the write of its signs.
    again_latency : int
        Cycles from a beat to the next of the same weights.
    """

    input_latency = 5
    update_latency = _WRITTEN
    again_latency = _AGAIN

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(StoreSignature(shape))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        m.submodules.loader = loader = Loader(shape)
        m.submodules.fetch = fetch = Fetch(shape)
        m.submodules.columns = columns = Columns(shape)
        m.submodules.rows = rows = Rows(shape, latency=_AGAIN)
        m.submodules.draws = draws = Draws(_WORDS)
        m.submodules.counters = counters = CounterBanks(shape)
        m.submodules.planes = planes = SignPlanes(shape)
        m.submodules.step = step = Step(shape.counter_bits, LANES)
        m.submodules.commit = commit = Commit(shape)
        m.submodules.access = access = BlockAccess(shape)
        for block in (loader, fetch, rows, commit):
            m.d.comb += block.network.eq(self.network)
        for block in (loader, fetch, rows):
            m.d.comb += block.start.eq(self.start)
        for block in (rows, commit):
            m.d.comb += block.layers.eq(self.layers)

        beats = delays(m, rows.beat | access.beat, _WRITTEN, "beat")
        empty = ~Cat(beats[1:]).any()
        self._keep_samples(m, loader, fetch, columns, rows)
        self._learn(m, rows, columns, draws, step)
        self._keep_weights(m, rows, access, counters, planes, step, read=beats[1])
        self._commit(m, rows, commit, planes, access, empty)
        self._serve_host(m, access, counters, planes, draws, answer=beats[_READ])
        m.d.comb += [
            access.empty.eq(empty),
            access.quiet.eq(rows.still & empty & ~commit.busy),
            rows.hold.eq(self.host.valid | access.busy),
            self.busy.eq(rows.busy),
            self.idle.eq(rows.idle & empty & ~commit.busy & ~access.busy),
        ]
        wiring.connect(m, wiring.flipped(self.jobs), rows.jobs)
        return m

    def _keep_samples(
        self, m: Module, loader: Loader, fetch: Fetch, columns: Columns, rows: Rows
    ) -> None:
        """Take samples, hand them to the array, and free them when the updates are through."""
        wiring.connect(m, wiring.flipped(self.samples), loader.samples)
        m.d.comb += [
            loader.region.eq(self.layers[0].region),
            loader.count.eq(self.count),
            loader.full.eq((loader.slot == rows.slot) & (loader.lap != rows.lap)),
            fetch.loaded.eq((loader.slot != fetch.slot) | (loader.lap != fetch.lap)),
            fetch.valid.eq(self.inputs.valid),
            fetch.first.eq(self.inputs.first),
            self.inputs.ready.eq(fetch.ready),
            self.inputs.load.eq(columns.load),
            self.inputs.words.eq(columns.words),
            self.inputs.labels.eq(columns.labels),
            columns.fetch_read.eq(fetch.read),
            columns.fetch_label.eq(fetch.label),
            columns.fetch_lead.eq(fetch.lead),
            columns.fetch_address.eq(fetch.address),
            columns.load_valid.eq(loader.valid),
            columns.load_column.eq(loader.column),
            columns.load_address.eq(loader.address),
            columns.load_word.eq(loader.word),
            loader.granted.eq(columns.load_granted),
            columns.column.eq(rows.column),
            columns.read.eq(rows.beat),
            columns.address.eq(rows.address),
            rows.blocked.eq(columns.blocked),
        ]
        if self._shape.layers > 1:
            wiring.connect(m, wiring.flipped(self.activations), columns.activations)
            m.d.sync += columns.sample_words.eq(self.layers[0].region + 1)

    def _learn(self, m: Module, rows: Rows, columns: Columns, draws: Draws, step: Step) -> None:
        """Say for every lane of a beat which way it goes, whether it does, and if twice."""
        ends = delays(m, rows.end, _READ - 1, "end", reset_less=True)
        learns = delays(m, rows.beat, _READ - 1, "learns", reset_less=True)
        words, take = Signal(range(_WORDS + 1)), Signal(range(_WORDS + 1))
        last_word, last_lane = rows.tail[WORD_BITS:], rows.tail[:WORD_BITS]
        # Of the layer of the last beat, as the next job may be that of another.
        tail_word = delayed(m, last_word, 1, "tail_word")
        m.d.sync += [
            words.eq(Mux(rows.beat, Mux(rows.end, last_word + 1, _WORDS), 0)),
            take.eq(Mux(rows.begin, 1, words)),
        ]
        m.d.comb += [
            draws.annealing.eq(self.run.annealing),
            draws.damping.eq(self.run.damping),
            draws.reinforce.eq(self.network.reinforce),
            draws.shift.eq(rows.shift),
            draws.begin.eq(delays(m, rows.begin, 1, "begin")[-1]),
            draws.take.eq(take),
            columns.invert.eq(delayed(m, rows.desired, _READ - 1, "desired")),
        ]
        within = Signal(WORD, reset_less=True)  # lanes of a row's last word
        enable, reinforce = Signal(LANES, reset_less=True), Signal(_WORDS, reset_less=True)
        m.d.sync += [
            within.eq(Cat(1, thermometer(last_lane, WORD - 1))),
            reinforce.eq(draws.reinforced),
        ]
        for word in range(_WORDS):
            whole, part = Signal(name=f"whole_{word}"), Signal(name=f"part_{word}")
            touched = draws.touched[word] & learns[-1]
            m.d.comb += [
                whole.eq(touched & (~ends[-1] | (word < tail_word))),
                part.eq(touched & ends[-1] & (tail_word == word)),
            ]
            m.d.sync += enable.word_select(word, WORD).eq(
                whole.replicate(WORD) | (part.replicate(WORD) & within)
            )
        m.d.comb += [
            step.move.eq(1),
            step.down.eq(columns.wanted),
            step.enable.eq(enable),
            step.reinforce.eq(Cat(bit.replicate(WORD) for bit in reinforce)),
        ]

    def _keep_weights(
        self,
        m: Module,
        rows: Rows,
        access: BlockAccess,
        counters: CounterBanks,
        planes: SignPlanes,
        step: Step,
        *,
        read: Value,
    ) -> None:
        """Read a beat's counters and signs, and write what the step makes of them."""
        wiring.connect(m, wiring.flipped(self.signs), planes.signs)
        place = Signal.like(rows.place)
        # Stands still while a beat of the host's is on its way.
        inject = Signal(LANES, reset_less=True)
        m.d.sync += inject.eq(self.host.write_data)
        m.d.comb += place.eq(Mux(access.busy, access.place, rows.place))
        places = delays(m, place, _WRITE - 2, "place", reset_less=True)
        writes = delays(m, rows.beat | (access.beat & access.write), _WRITE - 2, "write")
        for memory in (counters, planes):
            m.d.comb += [
                memory.read.eq(read),
                memory.read_place.eq(places[1]),
                memory.write.eq(writes[-1]),
                memory.write_place.eq(places[-1]),
                memory.inject.eq(inject),
            ]
        m.d.comb += [
            step.low.eq(counters.low),
            step.positive.eq(planes.positive),
            counters.write_low.eq(step.low_after),
            planes.write_positive.eq(step.positive_after),
        ]

    def _commit(
        self,
        m: Module,
        rows: Rows,
        commit: Commit,
        planes: SignPlanes,
        access: BlockAccess,
        empty: Signal,
    ) -> None:
        """List the rows of a tile, and make them visible."""
        wiring.connect(m, wiring.flipped(self.commit), commit.request)
        m.d.comb += [
            commit.row.eq(rows.row),
            commit.address.eq(rows.row_address),
            commit.layer.eq(rows.layer),
            commit.complete.eq(rows.tile & empty),
            commit.copying.eq(planes.copying),
            rows.committed.eq(commit.read),
            planes.copy.eq(commit.copy | access.copy),
            planes.copy_address.eq(Mux(access.busy, access.place.address, commit.copy_address)),
            planes.copy_elements.eq(Mux(access.busy, access.copy_elements, -1)),
        ]

    def _serve_host(
        self,
        m: Module,
        access: BlockAccess,
        counters: CounterBanks,
        planes: SignPlanes,
        draws: Draws,
        *,
        answer: Signal,
    ) -> None:
        """Let the host read and write what the update engine keeps."""
        wiring.connect(m, wiring.flipped(self.host), access.host)
        m.d.comb += [
            counters.replace.eq(access.replace),
            planes.replace.eq(access.replace_sign),
            access.low.eq(counters.low),
            access.positive.eq(planes.positive),
            access.answer.eq(answer & access.busy),
            access.copying.eq(planes.copying),
            access.state.eq(draws.state),
            draws.load.eq(delays(m, access.load, 1, "load")[-1]),
            draws.value.eq(delayed(m, self.host.write_data[:STATE_BITS], 1, "value")),
        ]
