"""What comes out of learning, in order: predictions, jobs, counts."""

from functools import partial
from types import ModuleType

from amaranth.hdl import Array, Mux, Value

from ..hdl.bundles import Kind
from ..hdl.learn import jobs, predictions, statistics
from ..hdl.learn.codes import Mark
from ..hdl.shape import SHAPES, Shape
from ..hdl.statistics import statistics_names
from .harness import Harness, implies
from .proof import Proof, Twin

_THREE = SHAPES["small"].model_copy(update={"samples": 3})
"""Columns that are no power of two."""


def _predictions(shape: Shape, block: ModuleType) -> Harness:
    """Follow the predictions of a pass until all have been taken."""
    h = Harness()
    dut = block.Predictions(shape)
    h.place(dut)
    h.assume(implies(dut.valid, ~dut.busy), dut.columns < shape.samples)
    classes = h.kept("classes", dut.classes, dut.valid)
    last = h.kept("last", dut.columns, dut.valid)
    column, owed = h.register("column", len(last)), h.register("owed", 1)
    out = dut.predictions
    with h.m.If(dut.valid):
        h.m.d.sync += [column.eq(0), owed.eq(1)]
    with h.m.Elif(out.valid & out.ready):
        h.m.d.sync += [column.eq(column + 1), owed.eq(column != last)]
    h.claim(
        h.held(out),
        dut.busy == owed,
        out.valid == owed,
        implies(owed, out.payload == classes.word_select(column, 8)),
    )
    h.lemma(
        implies(owed, h.variable(dut, "Predictions.elaborate.column") == column),
        h.variable(dut, "Predictions.elaborate.held").as_value() == classes,
        h.variable(dut, "Predictions.elaborate.last") == last,
    )
    return h


def _jobs(shape: Shape, block: ModuleType) -> Harness:
    """Follow the columns' marks into jobs."""
    h = Harness()
    dut = block.Jobs(shape)
    h.place(dut, fixed=("run",))
    columns = [getattr(dut, f"found_{s}") for s in range(shape.samples)]
    h.assume(*(h.held(column) for column in columns))
    turn = h.register("turn", max(1, (shape.samples - 1).bit_length()))
    taken = Array(column.valid & column.ready for column in columns)[turn]
    mark = Array(column.payload.as_value() for column in columns)[turn]
    found = columns[0].payload.shape()(mark)
    over = h.named("over", taken & ((found.kind == Mark.SAMPLE) | (found.kind == Mark.TILE)))
    tile_over = h.named("tile_over", taken & (found.kind == Mark.TILE))
    with h.m.If(tile_over):
        h.m.d.sync += turn.eq(0)
    with h.m.Elif(over):
        h.m.d.sync += turn.eq(Mux(turn == shape.samples - 1, 0, turn + 1))
    # One job for each mark, and one more behind the last of a tile that is learnt.
    job = dut.jobs.payload
    owed, tile_owed = h.register("owed", 1), h.register("tile_owed", 1)
    kind, expected = h.register("kind", 2), h.kept("expected", mark, taken)
    gone = dut.jobs.valid & dut.jobs.ready
    with h.m.If(taken):
        h.m.d.sync += [owed.eq(1), tile_owed.eq(tile_over & dut.run.train)]
        with h.m.Switch(found.kind):
            for mark_kind, job_kind in (
                (Mark.ROW, Kind.ROW),
                (Mark.LAYER, Kind.LAYER),
                (Mark.SAMPLE, Kind.SAMPLE),
                (Mark.TILE, Kind.SAMPLE),
            ):
                with h.m.Case(mark_kind):
                    h.m.d.sync += kind.eq(job_kind)
    with h.m.Elif(gone & tile_owed):
        h.m.d.sync += [tile_owed.eq(0), kind.eq(Kind.TILE)]
    with h.m.Elif(gone):
        h.m.d.sync += owed.eq(0)
    # The marker of a tile is put into the register a cycle after the last job has left it.
    between = h.past(gone & tile_owed)
    expected = columns[0].payload.shape()(expected)
    others = [implies(turn != s, ~column.ready) for s, column in enumerate(columns)]
    tiles = h.register("tiles", 3)
    h.m.d.sync += tiles.eq(tiles + dut.tile - tile_over)
    h.assume(implies(dut.tile, tiles != 7), implies(tile_over, tiles != 0))
    h.claim(
        h.held(dut.jobs),
        *others,
        # Nobody waits but for a job that does.
        Array(column.ready for column in columns)[turn] == ~owed,
        dut.jobs.valid == (owed & ~between),
        implies(dut.jobs.valid, job.kind.as_value() == kind),
        implies(
            dut.jobs.valid & (kind == Kind.ROW.value),
            (job.address == expected.address) & (job.desired == expected.desired),
        ),
        dut.busy == ((tiles != 0) | owed),
    )
    h.lemma(
        h.variable(dut, "Jobs.elaborate.column") == turn,
        h.variable(dut, "Jobs.elaborate.closing") == (tile_owed | between),
        h.variable(dut, "Jobs.elaborate.open_tiles") == tiles,
        implies(tile_owed | between, owed),
        turn < shape.samples,
        implies(between, ~tile_owed & (kind == Kind.TILE.value)),
    )
    return h


def _statistics(shape: Shape, block: ModuleType) -> Harness:
    """Follow every count."""
    h = Harness()
    dut = block.Statistics(shape)
    h.place(dut, fixed=("address",))
    events = h.register("events", len(dut.events.as_value()))
    h.m.d.sync += events.eq(dut.events)
    events = dut.events.shape()(events)
    counts: list[Value] = []
    for name in statistics_names(shape):
        kind, _, of = name.partition(".")
        amount: Value
        if kind == "triggers":
            amount = Mux(events.trigger_layer == int(of), events.triggers, 0)
        elif kind == "updates":
            amount = Mux(events.row_layer == int(of), events.row, 0)
        elif kind == "cycles":
            amount = events.phases[of]
        else:
            amount = events[name]
        count = h.register(f"count_{len(counts)}", 32)
        h.m.d.sync += count.eq(Mux(dut.clear, 0, count + amount))
        counts.append(count)
        h.lemma(h.inside(dut, name.replace(".", "_")) == count)
    there = dut.address < len(counts)
    asked = h.named("asked", Mux(there, Array(counts)[dut.address], 0))
    late = 2 if shape.memory == "block" else 1
    settled = h.count("age", 1, late) == late
    h.claim(implies(settled, dut.count == h.past(asked, late)))
    return h


_SLIPS_OF_COUNTS = (
    Twin("with m.If(self.clear):", 'with m.If(self.clear & (name != "correct")):'),
    Twin("count.eq(count + amounts[name])", "count.eq(count + 1)"),
)

PROOFS = [
    *(
        Proof(
            name=f"predictions-{shape.samples}",
            source=predictions,
            claim="Predictions are offered one after the other, in the order of the columns, each "
            "until it is taken, and no more of them.",
            sizes=f"{shape.samples} columns, any pass",
            build=partial(_predictions, shape),
            twins=(
                Twin("self.busy & self.predictions.ready", "self.busy"),
                Twin("self.busy.eq(column != last)", "self.busy.eq(0)"),
                Twin("last.eq(self.columns)", "last.eq(self.columns - 1)"),
            ),
            depth=2,
            twin_depth=6,
        )
        for shape in (_THREE, SHAPES["ecp5"])
    ),
    Proof(
        name="jobs",
        source=jobs,
        claim="Every mark of the columns becomes one job, in the order of samples, none is lost, "
        "doubled or withdrawn; a tile that is learnt is closed by one more; busy until then. "
        "The next mark is taken once no job waits.",
        sizes=f"{_THREE.samples} columns, any number of marks",
        build=partial(_jobs, _THREE),
        twins=(
            Twin("free.eq(~self.jobs.valid & ~closing)", "free.eq(~closing)"),
            Twin("self.jobs.valid.eq(~self.jobs.ready)", "self.jobs.valid.eq(0)"),
            Twin("with m.If(column == samples - 1):", "with m.If(column == samples):"),
            Twin("closing.eq(self.run.train)", "closing.eq(1)"),
            Twin("open_tiles + self.tile - tile_over", "open_tiles + self.tile"),
        ),
        depth=2,
        twin_depth=9,
    ),
    *(
        Proof(
            name=f"statistics-{shape.name}",
            source=statistics,
            claim="Every count is what has happened since the last clear, which clears all.",
            sizes=f"all counts of {shape.name}, any number of cycles",
            build=partial(_statistics, shape),
            twins=(*_SLIPS_OF_COUNTS, slip),
            depth=3,
            twin_depth=6,
        )
        for shape, slip in (
            (
                SHAPES["small"],
                Twin("here = happened.row_layer == int(of_layer)", "here = 1"),
            ),
            (SHAPES["small-spram"], Twin("Mux(address < len(counts)", "Mux(address < 2")),
        )
    ),
]
