"""The head decides as golden does: best class, rival, margin, prediction."""

from types import ModuleType

from amaranth.hdl import Array, Cat, Const, Mux, Value

from ..hdl.learn import head
from ..hdl.shape import SHAPES, Shape
from .harness import Harness, implies
from .proof import Proof, Twin


def _decision(shape: Shape, block: ModuleType) -> Harness:
    """Compare best class and rival with any other class, and the trigger with its definition.

    That class has a number that is any, but the same for ever.
    """
    h = Harness()
    dut = block.Head(shape)
    h.place(dut, fixed=("network", "layers", "run"))
    m, network, bits = h.m, dut.network, shape.class_bits
    position_bits = shape.position_bits

    def exists(number: Value) -> Value:
        return (number[:position_bits] < shape.code_bits) & (number <= network.last_class)

    h.assume(network.last_class != 0, exists(network.last_class), ~network.vote)
    at = h.at(dut, "Head.elaborate", "head")
    reading = h.named("reads", at("Read scores"))
    waiting = at("Await scores")

    # The step and its label come before its scores, and stand until these have been read.
    label = h.inside(dut, "labels")[:bits]
    step = h.variable(dut, "Head.elaborate.step")
    begun = dut.begin | h.past(dut.begin) | h.past(dut.begin, 2)
    h.assume(
        implies(dut.begin, waiting),
        implies(begun, ~dut.scored),
        exists(dut.labels[0]),
        dut.step.layer < shape.layers,
    )
    h.claim(implies(begun, waiting))
    known = h.count("labels_known", h.past(dut.begin), 1)
    h.assume(implies(waiting & dut.scored, known))
    h.claim(implies(~waiting, known), implies(known, exists(label) & (step.layer < shape.layers)))

    # Classes are read one after the other.
    number = h.register("next_class", bits + 1)

    def following(number: Value) -> Value:
        word_ends = number[:position_bits] == shape.code_bits - 1
        next_word = Cat(Const(0, position_bits), number[position_bits:] + 1)
        return Mux(word_ends, next_word, number + 1)[: bits + 1]

    with m.If(waiting):
        m.d.sync += number.eq(0)
    with m.Elif(reading):
        m.d.sync += number.eq(following(number))
    own_number = h.variable(dut, "Head.elaborate.number")
    own_word = own_number[position_bits:]
    h.claim(
        implies(reading, own_number == number),
        implies(reading, exists(number)),
        implies(reading, h.variable(dut, "Head.elaborate.last") == (number == network.last_class)),
        implies(reading, h.variable(dut, "Head.elaborate.first") == (number == 0)),
        h.first | (h.variable(dut, "Head.elaborate.previous") == (network.last_class - 1)[:bits]),
    )
    # Between two words, and behind the last one.
    more, settle = (h.variable(dut, f"Head.elaborate.{name}") for name in ("more", "settle"))
    h.claim(
        implies(at("Settle") & more, number == Cat(Const(0, position_bits), own_word + 1)),
        implies(at("Replay", "Await next scores"), own_number == number),
        implies((at("Settle") & more) | at("Replay", "Await next scores"), exists(number)),
        implies(
            (at("Settle") & ~more) | at("Hand over"), number == following(network.last_class)
        ),
        implies(
            at("Settle", "Replay", "Await next scores", "Hand over"),
            (number != 0) & ~h.variable(dut, "Head.elaborate.first"),
        ),
    )
    for n in range(1, 4):
        idle = at("Replay", "Await next scores", "Hand over", "Await scores")
        h.claim(implies(idle | (at("Settle") & (settle <= 3 - n)), ~h.past(reading, n)))
    h.claim(settle <= 3)
    here = h.named("comes", h.past(reading, 2))
    which = h.past(number, 2)
    scores = Array(dut.scores[0][n] for n in range(shape.code_bits))
    score = h.past(scores[number[:position_bits]], 2)

    # Any class, the best, the rival, and the label.
    other = h.fixed(bits)
    h.assume(other[:position_bits] < shape.code_bits)
    first = which == 0
    some, seen, own_seen = (h.register(f"{n}_seen", 1) for n in ("some", "other", "own"))
    other_score, own_score = (h.register(f"{n}_score", len(score)) for n in ("other", "own"))
    compared = h.register("last_compared", bits + 1)
    with m.If(here):
        m.d.sync += [
            some.eq(1),
            seen.eq((which == other) | (seen & ~first)),
            own_seen.eq((which == label) | (own_seen & ~first)),
            compared.eq(which),
        ]
        with m.If(which == other):
            m.d.sync += other_score.eq(score)
        with m.If(which == label):
            m.d.sync += own_score.eq(score)
    best, rival, own = (h.inside(dut, f"{name}_0") for name in ("best", "rival", "own"))
    came = h.inside(dut, "judged_0_1")
    best_class = Mux(h.inside(dut, "new_best_0_1"), came, h.inside(dut, "best_class_0"))
    rival_class = Mux(h.inside(dut, "new_rival_0_1"), came, h.inside(dut, "rival_class_0"))
    has_rival = h.inside(dut, "has_rival_0")
    is_other = h.named("is_other", other != label)
    next_compared = h.register("next_compared", bits + 1)
    with m.If(waiting):
        m.d.sync += next_compared.eq(0)
    with m.Elif(here):
        m.d.sync += next_compared.eq(following(which))
    live = h.named("live", ~waiting & (next_compared != 0))
    ahead: Value = next_compared
    for n in (2, 1):
        h.claim(implies(h.past(reading, n), h.past(number, n) == ahead))
        ahead = Mux(h.past(reading, n), following(ahead), ahead)
    h.claim(
        implies(~waiting, number == ahead),
        implies(live, some & (following(compared) == next_compared) & exists(compared)),
    )
    h.claim(
        implies(live & seen, (best > other_score) | ((best == other_score) & (best_class <= other))),
        implies(live & (best_class == other), seen & (best == other_score)),
        implies(live, (best_class <= compared) & exists(best_class)),
        implies(live & own_seen, own == own_score),
        implies(live & seen & is_other, has_rival & ((rival > other_score) | ((rival == other_score) & (rival_class <= other)))),
        implies(live & has_rival & (rival_class == other), is_other & seen & (rival == other_score)),
        implies(live & has_rival, (rival_class <= compared) & exists(rival_class) & (rival_class != label)),
    )
    # Nobody is left out.
    h.claim(
        implies(live, seen == (other <= compared)),
        implies(live, own_seen == (label <= compared)),
        implies(live & ~has_rival, (compared == 0) & (label == 0)),
    )
    over = at("Hand over")
    margin: Value = Array(dut.layers[n].margin for n in range(shape.layers))[step.layer]
    distance = own.as_unsigned() - rival.as_unsigned()
    triggered = (best_class != label) | (distance < margin)
    judged = dut.judged.payload
    h.claim(
        implies(over, live & (compared == network.last_class)),
        implies(dut.judged.valid, over),
        implies(over, judged.triggered[0] == (triggered & dut.run.train)),
        implies(over, (judged.labels[0] == label) & (judged.rivals[0] == rival_class)),
        implies(over, dut.predictions[0] == best_class),
        implies(over, dut.correct[0] == (best_class == label)),
        dut.predicted == (dut.judged.valid & step.last),
        dut.read == dut.judged.valid,
    )
    return h


PROOFS = [
    Proof(
        name=f"head-{shape.name}",
        source=head,
        claim="The best class and the best other than the label are the first of highest score; "
        "a layer is triggered if the best is not the label or leads the rival by less than the "
        "margin; the prediction is the best class.",
        sizes=f"any number of classes and words, {shape.layers} layers, one column; no votes",
        build=lambda block, shape=shape: _decision(shape, block),
        twins=(
            Twin("(best < score)", "(best <= score)"),
            Twin("(rival < score)", "(rival <= score)"),
            Twin("close.eq(distance < Cat", "close.eq(distance <= Cat"),
            Twin("wrong | close, rival_class", "close, rival_class"),
            Twin("(has_rival & ~first) | ~is_label", "has_rival | ~is_label"),
            Twin("previous.eq(last_class - 1)", "previous.eq(last_class)"),
        ),
        depth=8,
        twin_depth=20,
    )
    for shape in (
        SHAPES["up5k"],
        SHAPES["small"].model_copy(update={"samples": 1, "layers": 2}),
    )
]
