"""The step of a counter is golden's: for every counter, way and reinforcement."""

from functools import partial
from types import ModuleType

from amaranth.hdl import Cat, Mux, Value

from ..hdl.learn import step
from ..hdl.shape import SHAPES
from ..hdl.store import multipliers, narrow
from ..hdl.store.flips import BEAT
from . import rule
from .harness import Harness, implies
from .proof import Proof, Twin
from .rule import counter_step

_LANES = 2
"""All lanes are alike."""

_WIDTHS = sorted({2} | {shape.counter_bits for shape in SHAPES.values()})


def _moves(bits: int, block: ModuleType) -> Harness:
    """Follow a lane of the wide engine."""
    h = Harness()
    dut = block.Step(bits, _LANES)
    h.place(dut)
    lane = h.fixed(1)

    def of_lane(word: Value) -> Value:
        return word.bit_select(lane, 1)

    def counter(low: Value, positive: Value) -> Value:
        planes = [of_lane(low[plane]) for plane in range(bits - 1)]
        return Cat(*planes, ~of_lane(positive))

    before = counter(dut.low, dut.positive)
    moved = counter_step(h, bits, before, of_lane(dut.down), of_lane(dut.reinforce))
    chosen = Mux(of_lane(dut.enable), moved, before)
    first = h.kept("first_move", chosen, dut.move)
    second = h.kept("second_move", first, dut.move)
    moves = h.count("moves", dut.move, 2)
    # In between, the block holds the counter and the carries into its bits.
    carries = [of_lane(h.inside(dut, f"carry_{plane}")) for plane in range(bits - 1)]
    kept = [of_lane(h.inside(dut, f"kept_{plane}")) for plane in range(bits - 1)]
    above, turned, upper, carry = (
        of_lane(h.inside(dut, name)) for name in ("was_above", "turned", "was_upper", "carry_1")
    )
    moved = [bit ^ carry for bit, carry in zip(kept, carries, strict=True)]
    sign = ~(above ^ turned ^ (carry & upper & ~above))
    h.lemma(implies(moves > 0, Cat(*moved, sign) == first))
    h.claim(implies(moves == 2, counter(dut.low_after, dut.positive_after) == second))
    return h


def _narrow_moves(block: ModuleType) -> Harness:
    """Follow all lanes of the narrow engine, and compare one of them with golden."""
    h = Harness()
    dut = block.Narrow()
    h.place(dut)
    bits = multipliers.COUNTER_BITS
    inputs = h.kept("inputs", dut.read_data, dut.take_inputs)
    reinforced = h.kept("reinforced_word", dut.reinforced, dut.take_draw)
    entered = h.kept("entered", dut.read_data, dut.move)
    before = h.kept("before", entered, dut.move)
    moves = h.count("moves", dut.move, 2)
    down = h.kept(
        "goes_down", inputs.word_select(dut.part, BEAT) ^ dut.desired.replicate(BEAT), dut.move
    )
    learns = [dut.all_lanes | (lane < dut.lanes) for lane in range(BEAT)]
    enable = h.kept("learns", Cat(learns), dut.move)
    for lane, counter in enumerate(multipliers.counter_lanes(entered)):
        # In between, the block knows what a counter has come with.
        facts = {
            "bottom": counter[0],
            "none": ~counter[1:-1].any(),
            "every": counter[1:-1].all(),
            "sign": counter[-1],
        }
        for name, fact in facts.items():
            h.lemma(implies(moves > 0, h.inside(dut, f"{name}_{lane}") == fact))
    h.lemma(
        implies(moves > 0, h.inside(dut, "adders.counters") == entered),
        h.inside(dut, "inputs.kept") == inputs,
        h.variable(dut, "Narrow.elaborate.reinforced") == reinforced,
        h.variable(dut, "Narrow.elaborate.down") == down,
        h.variable(dut, "Narrow.elaborate.enable") == enable,
    )
    lane = h.fixed((BEAT - 1).bit_length())
    counter = entered.word_select(lane, bits)
    moved = counter_step(h, bits, counter, down.bit_select(lane, 1), reinforced)
    after = h.kept("after", Mux(enable.bit_select(lane, 1), moved, counter), dut.move)
    signs = [~c[-1] for c in multipliers.counter_lanes(before)]
    h.claim(
        implies(moves == 2, dut.counters.word_select(lane, bits) == after),
        implies(moves == 2, dut.signs.bit_select(lane, 1) == ~after[-1]),
        implies(moves == 2, dut.flipped == (dut.signs != Cat(signs))),
    )
    return h


def _rule(bits: int, module: ModuleType) -> Harness:
    """Compare the rule of a module with golden."""
    return module.compare(bits)


PROOFS = [
    Proof(
        name=f"step-{bits}-bits",
        source=step,
        claim="Two moves later, a counter is what golden makes of it, or as it was where it does "
        "not learn.",
        sizes=f"{bits} bits, each of {_LANES} lanes",
        build=partial(_moves, bits),
        twins=(
            Twin("carry_1 & was_upper & ~was_above", "carry_1 & was_upper & was_above"),
            Twin("(top & ~up[0]) | (~top & ~twice)", "(top & ~up[0]) | ~twice"),
            Twin("(above | (upper & up[0]))", "above"),
        ),
        depth=3,
    )
    for bits in _WIDTHS
]
PROOFS += [
    Proof(
        name="step-narrow",
        source=narrow,
        claim="Two moves later, each of eight counters is what golden makes of it; whether a sign "
        "has turned is said.",
        sizes="8 bits, each of 8 lanes",
        build=_narrow_moves,
        twins=(
            Twin("Mux(top, even, ~reinforced)", "~reinforced"),
            Twin("below, even = sign ^ down, bottom == down", "below, even = sign ^ down, bottom"),
            Twin("(turns & enable).any()", "turns.any()"),
            Twin("self.all_lanes | (lane < self.lanes)", "self.all_lanes | (lane <= self.lanes)"),
        ),
        depth=3,
    )
]
PROOFS += [
    Proof(
        name=f"step-rule-{bits}-bits",
        source=rule,
        claim="A step that saturates, and another away from zero where it is reinforced, is what "
        "golden does.",
        sizes=f"every counter of {bits} bits",
        build=partial(_rule, bits),
        twins=(Twin("Mux(moved < 0, -1, 1)", "Mux(moved <= 0, -1, 1)"),),
        depth=1,
        bounded=True,
    )
    for bits in _WIDTHS
]
