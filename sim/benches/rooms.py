"""Blocks that work together, as one component, for the benches of their rooms."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Member, Out

from ...hdl.array.array import Array
from ...hdl.array.forward import Forward
from ...hdl.array.pack import Pack
from ...hdl.array.totals import Totals
from ...hdl.bundles import ActivationWrite, CommitRequest, Job
from ...hdl.core import connect_codes, connect_pack, connect_winners
from ...hdl.learn.codes import Codes
from ...hdl.learn.jobs import Jobs
from ...hdl.learn.search import Search
from ...hdl.shape import Shape


def _members(block: wiring.Component, *names: str) -> dict[str, Member]:
    """Return ports of a block that are ports of its room, too."""
    return {name: block.signature.members[name] for name in names}


def _pass_through(
    m: Module,
    room: wiring.Component,
    block: wiring.Component,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...] = (),
) -> None:
    """Connect ports of a room with those of the same name of a block in it."""
    m.d.comb += [getattr(block, name).eq(getattr(room, name)) for name in inputs]
    m.d.comb += [getattr(room, name).eq(getattr(block, name)) for name in outputs]


class ArrayRoom(wiring.Component):
    """Sequencer, array, totals and packing, connected as in the core.

    Parameters
    ----------
    shape : Shape
        Of several layers, in block RAM.

    Attributes
    ----------
    signs, words
        Of :class:`~metabit.hdl.array.array.Array`.
    network, layers, run, start, count, drain, busy, inputs, begin, last_visit, step, read, commit
        Of :class:`~metabit.hdl.array.forward.Forward`.
    emit, emit_address, code, scores, scored, half, kept_half, kept_neuron, kept
        Of :class:`~metabit.hdl.array.totals.Totals`.
    activations : Out(ActivationWrite)
        Of :class:`~metabit.hdl.array.pack.Pack`.
    input_latency : int
        Least cycles from a request for inputs to their ``load``.
    code_latency : int
        Cycles from ``emit_address`` to ``code``.
    kept_latency : int
        Cycles from ``kept_neuron`` to ``kept``.
    """

    input_latency = 3
    code_latency = Codes.latency
    kept_latency = 2

    _FORWARD_IN: tuple[str, ...] = ("network", "layers", "run", "start", "count", "drain", "read")
    _FORWARD_OUT: tuple[str, ...] = ("busy", "begin", "last_visit", "step")
    _TOTALS_IN: tuple[str, ...] = ("code", "kept_half", "kept_neuron")
    _TOTALS_OUT: tuple[str, ...] = ("emit", "emit_address", "scores", "scored", "half", "kept")

    def __init__(self, shape: Shape) -> None:
        self._array = Array(shape)
        self._forward = Forward(shape, input_latency=self.input_latency)
        self._totals = Totals(
            shape, array_latency=self._array.latency, code_latency=self.code_latency
        )
        self._pack = Pack(shape)
        members = {
            "commit": Out(CommitRequest()),
            "activations": Out(ActivationWrite(shape)),
        }
        members |= _members(self._array, "signs", "words")
        members |= _members(self._forward, *self._FORWARD_IN, *self._FORWARD_OUT, "inputs")
        members |= _members(self._totals, *self._TOTALS_IN, *self._TOTALS_OUT)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.array = array = self._array
        m.submodules.forward = forward = self._forward
        m.submodules.totals = totals = self._totals
        wiring.connect(m, array.signs, wiring.flipped(self.signs))
        wiring.connect(m, forward.inputs, wiring.flipped(self.inputs))
        wiring.connect(m, forward.commit, wiring.flipped(self.commit))
        _pass_through(m, self, forward, self._FORWARD_IN, self._FORWARD_OUT)
        _pass_through(m, self, totals, self._TOTALS_IN, self._TOTALS_OUT)
        m.d.comb += [
            array.address.eq(forward.address),
            array.load.eq(self.inputs.load),
            array.words.eq(self.words),
            totals.network.eq(self.network),
            totals.layers.eq(self.layers),
            totals.start.eq(self.start),
            totals.begin.eq(forward.begin),
            totals.sums.eq(array.sums),
        ]
        m.submodules.pack = pack = self._pack
        wiring.connect(m, pack.write, wiring.flipped(self.activations))
        connect_pack(m, self, totals, pack, forward)
        return m


class SearchRoom(wiring.Component):
    """Search, code memory with the winners that wait, and their order, connected as in the core.

    Parameters
    ----------
    shape : Shape
        In block RAM.

    Attributes
    ----------
    network, layers, judged, kept_half, kept_neuron, kept
        Of :class:`~metabit.hdl.learn.search.Search`.
    write, write_address, write_data
        Of :class:`~metabit.hdl.learn.codes.Codes`.
    run, tile, busy
        Of :class:`~metabit.hdl.learn.jobs.Jobs`.
    jobs : Out(stream of Job)
    kept_latency : int
        Cycles from ``kept_neuron`` to ``kept``.
    """

    kept_latency = ArrayRoom.kept_latency

    _SEARCH_IN: tuple[str, ...] = ("network", "layers", "kept")
    _SEARCH_OUT: tuple[str, ...] = ("kept_half", "kept_neuron")
    _CODES_IN: tuple[str, ...] = ("write", "write_address", "write_data")
    _JOBS_IN: tuple[str, ...] = ("run", "tile")
    _JOBS_OUT: tuple[str, ...] = ("busy",)

    def __init__(self, shape: Shape) -> None:
        self._codes = Codes(shape)
        self._search = Search(
            shape, code_latency=self._codes.latency, kept_latency=self.kept_latency
        )
        self._jobs = Jobs(shape)
        members = {"jobs": Out(stream.Signature(Job(shape)))}
        members |= _members(self._search, *self._SEARCH_IN, *self._SEARCH_OUT, "judged")
        members |= _members(self._codes, *self._CODES_IN)
        members |= _members(self._jobs, *self._JOBS_IN, *self._JOBS_OUT)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.search = search = self._search
        m.submodules.codes = codes = self._codes
        m.submodules.jobs = jobs = self._jobs
        wiring.connect(m, wiring.flipped(self.judged), search.judged)
        wiring.connect(m, jobs.jobs, wiring.flipped(self.jobs))
        _pass_through(m, self, search, self._SEARCH_IN, self._SEARCH_OUT)
        _pass_through(m, self, codes, self._CODES_IN)
        _pass_through(m, self, jobs, self._JOBS_IN, self._JOBS_OUT)
        connect_codes(m, search, codes)
        connect_winners(m, search, codes, jobs)
        return m
