"""The sequencer of forward passes: tiles, passes, layers, visits."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import CommitRequest, InputFetch, address_bits
from ..select import select
from ..setup import NetworkSetup, RunSetup, layers_layout
from ..shape import Shape
from ..states import States


class Step(data.StructLayout):
    """A layer of a pass: which, and with what.

    ``layer``; ``last``: it is the network's last; ``base``: its first sign word; ``columns``: how
    many columns have a sample, less one; ``tile``: the last of them is the last of its tile.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {
                "layer": range(shape.layers),
                "last": 1,
                "base": address_bits(shape),
                "columns": range(shape.samples),
                "tile": 1,
            }
        )


class Forward(wiring.Component):
    """Send every tile of a run through the array, visit after visit without a bubble.

    The inputs of the next visit are asked for so early that they arrive when the last neuron of
    this one has passed. What a visit may have to wait for:

    - its inputs (InputFetch);
    - the last visit of a step: the class scores of the step before must have been read;
    - the first visit of a layer: the activations of the layer before must have been stored;
    - the first visit of a tile: the updates of the tile before the last one (with ``lag`` 0: of the
      last one) must be visible. Their commit is asked for when the last visit of the last layer has
      begun in all elements: the other words may change from then on;
    - that visit of the next pass: the words of that visit, too.

    Parameters
    ----------
    shape : Shape
    input_latency : int
        Of the store: least cycles from a taken request to its ``load``.

    Attributes
    ----------
    start : In(1)
        Begin a run of ``count`` samples; ignored while ``busy``.
    count : In(24)
    drain : In(1)
        At the end, make all updates visible. Steady while ``busy``, like the setups.
    network, layers, run : In
        Setups.
    busy : Out(1)
    inputs : Out
        Requests of :class:`~metabit.hdl.bundles.InputFetch`, and their ``load``.
    address : Out
        For the array.
    begin : Out(1)
        A visit's first neuron passes element 0.
    last_visit : Out(1)
        With ``begin``: it is the last visit of its step, ``step``.
    step : Out(Step)
        Steady from ``begin`` of a last visit until at least ``samples`` cycles later.
    read : In(1)
        The scores of the last step have been read.
    stored : In(1)
        The activations of the last step have been stored.
    commit : Out(CommitRequest)
    tile : Out(1)
        A tile begins.
    passing : Out(1)
        Neurons pass the array (for statistics).
    waiting : Out(1)
        A tile, or the end of the run, waits for a commit (for statistics).
    """

    def __init__(self, shape: Shape, *, input_latency: int) -> None:
        self._shape = shape
        self._latency = input_latency
        # Cycles from a neuron in element 0 until it has passed the last element, and a margin.
        self._drain = shape.elements + 2
        fetch = InputFetch(shape).members
        super().__init__(
            {
                "start": In(1),
                "count": In(24),
                "drain": In(1),
                "network": In(NetworkSetup(shape)),
                "layers": In(layers_layout(shape)),
                "run": In(RunSetup()),
                "busy": Out(1),
                "inputs": Out(
                    wiring.Signature(
                        {name: fetch[name] for name in ("valid", "first", "ready", "load")}
                    )
                ),
                "address": Out(address_bits(shape)),
                "begin": Out(1),
                "last_visit": Out(1),
                "step": Out(Step(shape)),
                "read": In(1),
                "stored": In(1),
                "commit": Out(CommitRequest()),
                "passing": Out(1),
                "waiting": Out(1),
                "tile": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        layer = Signal(range(shape.layers))
        setup = Signal(self.layers.shape().elem_shape)
        m.d.comb += setup.eq(select([self.layers[n] for n in range(shape.layers)], layer))

        # A visit takes as long as its neurons, but no element may be asked for new inputs before
        # all elements have theirs, and no partial sum may be read before it has been written.
        shortest = max(shape.elements + 1, shape.samples + 2, 6)
        lookahead = self._latency + 2
        # The states between the last visit of a pass and its successor's first request.
        turn = 3
        # In registers, because they have settled long before they are used.
        neurons = Signal.like(setup.neurons)
        m.d.sync += neurons.eq(setup.neurons)
        spare = [Signal(setup.neurons.shape(), name=f"spare_{n}") for n in range(2)]
        for cycles, early in zip(spare, (lookahead, lookahead + turn), strict=True):
            floor = max(0, shortest - early)
            short = neurons < early + floor
            m.d.sync += cycles.eq(Mux(short, floor, neurons - early))
        timer = Signal(setup.neurons.shape())

        visits = Signal(setup.visits.shape())  # of the step that have not begun
        last_visit, last_layer, first_visit = Signal(), Signal(), Signal(init=1)
        m.d.comb += [
            last_visit.eq(visits == 1),
            last_layer.eq(layer == self.network.layers - 1),
        ]

        remaining = Signal(24)  # samples of the run that no pass has taken yet
        in_tile = Signal(7)  # samples of the tile that no pass has taken yet
        columns = Signal(range(1, shape.samples + 1))
        if shape.samples == 1:
            m.d.comb += columns.eq(1)
        # In registers, too: the step's end is late enough.
        was_last_layer, several = Signal(), Signal()
        m.d.sync += [
            was_last_layer.eq(last_layer),
            several.eq(self.network.code_words[1:].any()),
        ]
        # In registers: they stand from the beginning of a pass to the cycle after its end.
        ends_tile, ends_run = Signal(), Signal()
        m.d.sync += [
            ends_tile.eq((in_tile == columns) | (remaining == columns)),
            ends_run.eq(remaining == columns),
        ]
        uncommitted = Signal(2)  # tiles passed forward whose updates are not visible
        front = Signal()  # those of the oldest are, but for the words of a pass's last visit
        scores_wait = Signal()
        stored = Signal()
        with m.If(self.read):
            m.d.sync += scores_wait.eq(0)
        with m.If(self.stored):
            m.d.sync += stored.eq(1)

        # In registers: they have settled before the inputs of the visit come.
        end_of_pass, closes = Signal(), Signal()
        m.d.sync += [
            end_of_pass.eq(last_visit & last_layer),
            # After this visit, one more tile waits for its commit: too many.
            closes.eq(
                last_visit
                & last_layer
                & ends_tile
                & self.run.train
                & (uncommitted >= self.network.lag)
            ),
        ]
        visit_over = self._pass_neurons(m, neurons, end_of_pass)
        asking, through = self._ask_commit(m, closes, visit_over)
        with m.If(self.commit.front):
            m.d.sync += front.eq(1)
        m.d.comb += [
            self.begin.eq(self.inputs.load),
            self.last_visit.eq(last_visit),
            self.inputs.first.eq(first_visit & (layer == 0)),
        ]
        with m.If(self.inputs.load):
            m.d.sync += [
                self.step.layer.eq(layer),
                self.step.last.eq(last_layer),
                self.step.columns.eq(columns - 1),
                self.step.tile.eq(ends_tile),
            ]
            with m.If(first_visit):
                m.d.sync += self.step.base.eq(self.address)

        # Whether the next visit is the last of its step.
        next_last, next_ends = Signal(), Signal()  # of its pass, too
        becomes_last = Mux(last_visit, setup.visits == 1, visits == 2)
        m.d.sync += [next_last.eq(becomes_last), next_ends.eq(becomes_last & last_layer)]

        at = States(
            m,
            "IDLE",
            "BEGIN_TILE",
            "COMMIT",
            "BEGIN_PASS",
            "REQUEST",
            "AWAIT_INPUTS",
            "PASS_NEURONS",
            "END_STEP",
            "BEGIN_STEP",
            "END_PASS",
            "STILL",
            "END_RUN",
        )
        m.d.comb += [
            self.busy.eq(~at["IDLE"]),
            self.inputs.valid.eq(
                at["REQUEST"] & ~(next_last & scores_wait) & ~(next_ends & asking)
            ),
        ]
        with at.at("IDLE"):
            m.d.sync += [remaining.eq(self.count), layer.eq(0), first_visit.eq(1)]
            with m.If(self.start & (self.count != 0)):
                at.go("BEGIN_TILE")
        with at.at("BEGIN_TILE"):
            m.d.sync += in_tile.eq(self.network.tile)
            with m.If(self.run.train & (self.network.lag < uncommitted)):
                m.d.comb += self.waiting.eq(~front)
                with m.If(front):
                    m.d.sync += [uncommitted.eq(uncommitted - 1), front.eq(0)]
            with m.If(~self.waiting):
                m.d.comb += self.tile.eq(1)
                at.go("BEGIN_PASS")
        with at.at("BEGIN_PASS"):
            if shape.samples > 1:
                short_tile, short_run = in_tile < shape.samples, remaining < shape.samples
                fewer = Mux(short_run, remaining, shape.samples)
                m.d.sync += columns.eq(
                    Mux(short_tile & ~(short_run & (remaining < in_tile)), in_tile, fewer)
                )
            at.go("REQUEST")
        with at.at("REQUEST"):
            with m.If(self.inputs.valid & self.inputs.ready):
                m.d.sync += visits.eq(Mux(first_visit, setup.visits, visits - 1))
                at.go("AWAIT_INPUTS")
        with at.at("AWAIT_INPUTS"):
            m.d.sync += timer.eq(Mux(last_visit & last_layer, spare[1], spare[0]))
            with m.If(self.inputs.load):
                with m.If(last_visit):
                    m.d.sync += [scores_wait.eq(1), stored.eq(0)]
                at.go("PASS_NEURONS")
        with at.at("PASS_NEURONS"):
            m.d.sync += timer.eq(timer - 1)
            with m.If(timer == 0):
                m.d.sync += first_visit.eq(last_visit)
                at.go("REQUEST")
                with m.If(last_visit):
                    at.go("END_STEP")
        with at.at("END_STEP"):
            # With several code words a neuron, its scores take the partial sums once more.
            held = several & scores_wait
            with m.If(was_last_layer):
                with m.If(~held):
                    m.d.sync += [
                        layer.eq(0),
                        remaining.eq(remaining - columns),
                        in_tile.eq(in_tile - columns),
                    ]
                    at.go("END_PASS")
            with m.Elif(stored & ~held):
                m.d.sync += layer.eq(layer + 1)
                at.go("BEGIN_STEP")
        with at.at("BEGIN_STEP"):
            at.go("REQUEST")
        with at.at("END_PASS"):
            at.go("BEGIN_PASS")
            with m.If(ends_tile):
                m.d.sync += uncommitted.eq(uncommitted + self.run.train)
                at.go("BEGIN_TILE")
                with m.If(ends_run):
                    at.go("STILL")
                    with m.If(~self.run.train):
                        at.go("IDLE")
        with at.at("STILL"):
            quiet = Signal(range(self._drain + 1))
            m.d.sync += quiet.eq(quiet + 1)
            with m.If(self.passing):
                m.d.sync += quiet.eq(0)
            with m.Elif(quiet == self._drain):
                m.d.sync += [quiet.eq(0), through.eq(1)]
                at.go("END_RUN")
        with at.at("END_RUN"):
            # Without a drain, too, rows of the last tile wait for the commit of the one before.
            at.go("IDLE")
            seen = Mux(self.drain, 0, self.network.lag)
            with m.If(self.run.train & (seen < uncommitted)):
                at.go("COMMIT")
                # Unless that has been asked for, and perhaps been done.
                with m.If(~asking & ~front):
                    m.d.sync += asking.eq(1)
        with at.at("COMMIT"):
            m.d.comb += self.waiting.eq(1)
            with m.If(front & ~asking):
                m.d.sync += [uncommitted.eq(uncommitted - 1), front.eq(0)]
                at.go("END_RUN")
        return m

    def _ask_commit(self, m: Module, closes: Value, visit_over: Value) -> tuple[Signal, Signal]:
        """Ask for a commit from a visit on that ``closes`` a tile; return what does so."""
        asking, through = Signal(), Signal()
        begun, ended = Signal(range(self._drain + 1)), Signal(range(self._drain + 1))
        closing = Signal()
        m.d.comb += [self.commit.valid.eq(asking), self.commit.through.eq(through)]
        for left in (begun, ended):
            with m.If(left != 0):
                m.d.sync += left.eq(left - 1)
        with m.If(begun == 1):
            m.d.sync += asking.eq(1)
        with m.If(ended == 1):
            m.d.sync += through.eq(1)
        with m.If(self.commit.ready):
            m.d.sync += asking.eq(0)
        with m.If(self.inputs.load):
            m.d.sync += closing.eq(closes)
            with m.If(closes):
                m.d.sync += [begun.eq(self._drain), through.eq(0)]
        last = Signal()
        m.d.sync += last.eq(visit_over & Mux(self.inputs.load, closes, closing))
        with m.If(last):
            m.d.sync += ended.eq(self._drain)
        return asking, through

    def _pass_neurons(self, m: Module, neurons: Value, end_of_pass: Signal) -> Value:
        """Count through the addresses: those of all visits of all layers follow each other.

        Returns
        -------
        Value
            The last neuron of a visit passes.
        """
        left = Signal.like(neurons)
        ends = Signal()  # the visit under way is the last of its pass
        single, double, ending = Signal(), Signal(), Signal()
        last = Signal()
        m.d.comb += [
            self.passing.eq(self.inputs.load | (left != 0)),
            last.eq(Mux(self.inputs.load, single, ending)),
        ]
        # In registers: whether the neuron at hand is the last.
        m.d.sync += [
            single.eq(neurons == 1),
            double.eq(neurons == 2),
            ending.eq(Mux(self.inputs.load, double, left == 2)),
        ]
        with m.If(self.inputs.load):
            m.d.sync += [left.eq(neurons - 1), ends.eq(end_of_pass)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.If(self.passing):
            m.d.sync += self.address.eq(self.address + 1)
            with m.If(last & Mux(self.inputs.load, end_of_pass, ends)):
                m.d.sync += self.address.eq(0)
        with m.If(self.start & ~self.busy):
            m.d.sync += self.address.eq(0)
        return self.passing & last
