"""The training core: the blocks, and what connects them."""

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .array.array import Array
from .array.forward import Forward
from .array.pack import Pack
from .array.totals import Totals
from .bundles import CoreSignature, Outcome
from .control import Control
from .learn.codes import Codes, SharedCodes
from .learn.head import Head
from .learn.jobs import Jobs
from .learn.predictions import Predictions
from .learn.search import Search
from .learn.statistics import Statistics
from .pipeline import OWN, delayed, delays
from .shape import Shape
from .store.make import make_store


class Core(wiring.Component):
    """Train or infer, and give the host access to all state.

    Parameters
    ----------
    shape : Shape
    store : Component, optional
        Instead of the store that the shape asks for; of the same signature.

    Attributes
    ----------
    See :class:`~metabit.hdl.bundles.CoreSignature`, and:

    abort : In(1)
        Reset everything but the memories, at once or, in large devices, a cycle later.
    outcome : Out(Outcome)
        Only of a device that plays stored samples.
    """

    def __init__(self, shape: Shape, store: wiring.Component | None = None) -> None:
        self._shape = shape
        self._store = store
        members = {**CoreSignature(shape).members, "abort": In(1)}
        if shape.stored != "none":
            members["outcome"] = Out(Outcome(shape))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        spram = shape.memory == "spram"
        store = self._store if self._store is not None else make_store(shape)
        codes = SharedCodes(shape) if spram else Codes(shape)
        array = Array(shape)
        totals = Totals(shape, array_latency=array.latency, code_latency=codes.latency)
        forward = Forward(shape, input_latency=store.input_latency)
        head = Head(shape)
        search = Search(shape, code_latency=codes.latency, kept_latency=totals.kept_latency)
        jobs = Jobs(shape)
        predictions = Predictions(shape)
        statistics = Statistics(shape)
        control = Control(shape)
        blocks = {
            "control": control,
            "store": store,
            "array": array,
            "totals": totals,
            "forward": forward,
            "codes": codes,
            "head": head,
            "search": search,
            "jobs": jobs,
            "predictions": predictions,
            "statistics": statistics,
        }
        aborts = {name: self._abort(m, name) for name in blocks}
        for name, block in blocks.items():
            m.submodules[name] = ResetInserter(aborts[name])(block)

        # Control: setups to everybody, the host to the memories.
        wiring.connect(m, wiring.flipped(self.run), control.run)
        wiring.connect(m, wiring.flipped(self.host), control.host)
        wiring.connect(m, control.store_host, store.host)
        for block in (store, forward, totals, head, search, jobs):
            for name in ("network", "layers", "start", "count"):
                if name in block.signature.members:
                    m.d.comb += getattr(block, name).eq(getattr(control, name))
            if "run" in block.signature.members:
                m.d.comb += block.run.eq(control.setup)
        m.d.comb += [
            forward.drain.eq(control.drain),
            control.busy.eq(forward.busy | jobs.busy | ~store.idle | predictions.busy),
            codes.write.eq(control.codes_write),
            codes.write_address.eq(control.host.address),
            codes.write_data.eq(control.host.write_data),
            jobs.tile.eq(forward.tile),
            statistics.clear.eq(control.statistics_clear),
            statistics.address.eq(control.host.address),
            control.statistics.eq(statistics.count),
            self.idle.eq(control.idle),
        ]

        # Forward: samples to sums, sums to scores.
        wiring.connect(m, wiring.flipped(self.samples), store.samples)
        wiring.connect(m, array.signs, store.signs)
        wiring.connect(m, forward.commit, store.commit)
        m.d.comb += [
            store.inputs.valid.eq(forward.inputs.valid),
            store.inputs.first.eq(forward.inputs.first),
            forward.inputs.ready.eq(store.inputs.ready),
            forward.inputs.load.eq(store.inputs.load),
            array.address.eq(forward.address),
            array.load.eq(store.inputs.load),
            array.words.eq(store.inputs.words),
            totals.begin.eq(forward.begin),
            totals.sums.eq(array.sums),
            codes.emit.eq(totals.emit),
            codes.emit_address.eq(totals.emit_address),
            totals.code.eq(codes.emitted),
        ]
        if shape.layers > 1:
            pack = Pack(shape)
            m.submodules.pack = ResetInserter(self._abort(m, "pack"))(pack)
            wiring.connect(m, pack.write, store.activations)
            connect_pack(m, control, totals, pack, forward)

        # Learn: scores to winners, winners to jobs. What the head says stands for some cycles.
        predicted = Signal()
        m.d.sync += predicted.eq(head.predicted & ~aborts["head"])
        wiring.connect(m, head.judged, search.judged)
        wiring.connect(m, jobs.jobs, store.jobs)
        wiring.connect(m, predictions.predictions, wiring.flipped(self.predictions))
        connect_winners(m, search, codes, jobs)
        m.d.comb += [
            head.begin.eq(forward.begin & forward.last_visit),
            head.step.eq(forward.step),
            head.labels.eq(store.inputs.labels),
            head.scored.eq(totals.scored),
            head.scores.eq(totals.scores),
            head.half.eq(totals.half),
            head.code_base.eq(totals.code_base),
            totals.replay.eq(head.replay),
            totals.word.eq(head.word),
            forward.read.eq(head.read),
            head.hold.eq(predictions.busy),
            predictions.valid.eq(predicted),
            predictions.classes.eq(head.predictions),
            predictions.columns.eq(head.judged.payload.step.columns),
        ]
        if shape.confusion:
            m.d.comb += [
                predictions.labels.eq(head.judged.payload.labels),
                self.outcome.label.eq(predictions.label),
            ]
        connect_codes(m, search, codes)
        m.d.comb += [
            totals.kept_half.eq(search.kept_half),
            totals.kept_neuron.eq(search.kept_neuron),
            search.kept.eq(totals.kept),
        ]
        self._count(m, control, forward, head, search, jobs, statistics, store)
        return m

    def _abort(self, m: Module, name: str) -> Signal:
        """Return what resets a block: in large devices a cycle later, as its way is long."""
        if self._shape.memory != "block":
            return self.abort
        abort = Signal(name=f"abort_{name}", attrs={OWN: 1})
        m.d.sync += abort.eq(self.abort)
        return abort

    def _count(self, m, control, forward, head, search, jobs, statistics, store) -> None:
        """Tell the statistics what happens."""
        columns = range(self._shape.samples)
        late = int(self._shape.memory == "block")
        judged = head.predicted
        learnt = delays(m, judged & control.setup.train, late, "learnt")[-1]
        correct = delayed(m, head.correct, late, "correct")
        last = delayed(m, head.judged.payload.step.columns, late, "last_column")
        events = statistics.events
        right = Signal(range(len(columns) + 1))
        m.d.comb += right.eq(sum(correct[s] for s in columns))
        if self._shape.stored != "none":
            m.d.sync += [
                self.outcome.valid.eq(delays(m, judged, late, "judged")[-1]),
                self.outcome.samples.eq(last + 1),
                self.outcome.right.eq(right),
            ]
        with m.If(learnt):
            m.d.comb += [
                events.samples.eq(last + 1),
                events.correct.eq(right),
            ]
        m.d.comb += [
            events.triggers.eq(sum(search.triggers[s] for s in columns)),
            events.trigger_layer.eq(search.layer),
            events.row.eq(jobs.row),
            events.row_layer.eq(jobs.layer),
            events.phases.run.eq(control.running),
            events.phases.forward.eq(forward.passing),
            events.phases.update.eq(store.busy),
            events.phases.commit.eq(forward.waiting),
            events.phases.wait.eq(forward.inputs.valid & ~forward.inputs.ready),
        ]


def connect_pack(
    m: Module, setup: wiring.Component, totals: Totals, pack: Pack, forward: Forward
) -> None:
    """Connect the activations of a layer with what makes inputs of the next of them.

    ``setup`` has the setups ``network`` and ``layers``.
    """
    m.d.comb += [
        pack.network.eq(setup.network),
        pack.layers.eq(setup.layers),
        pack.bits.eq(totals.bits),
        pack.bit_controls.eq(totals.bit_controls),
        forward.stored.eq(pack.stored),
    ]


def connect_codes(m: Module, search: Search, codes: Codes | SharedCodes) -> None:
    """Connect the search with the codes that it compares activations with."""
    m.d.comb += [
        codes.scan.valid.eq(search.scan.valid),
        search.scan.ready.eq(codes.scan.ready),
        codes.scan_address.eq(search.scan_address),
        search.scanned.eq(codes.scanned),
    ]


def connect_winners(m: Module, search: Search, codes: Codes | SharedCodes, jobs: Jobs) -> None:
    """Connect the winners of every column, which wait beside the codes, with the jobs."""
    for s, found in enumerate(search.found):
        waiting = getattr(codes, f"found_{s}")
        m.d.comb += [waiting.valid.eq(found.valid), waiting.payload.eq(found.payload)]
        wiring.connect(m, getattr(codes, f"waiting_{s}"), getattr(jobs, f"found_{s}"))
