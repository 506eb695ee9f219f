"""The head decides as golden does: best class, rival, margin, prediction."""

from functools import partial
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
    h.lemma(implies(begun, waiting))
    known = h.count("labels_known", h.past(dut.begin), 1)
    h.assume(implies(waiting & dut.scored, known))
    h.lemma(implies(~waiting, known), implies(known, exists(label) & (step.layer < shape.layers)))

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
    h.lemma(
        implies(reading, own_number == number),
        implies(reading, exists(number)),
        implies(reading, h.variable(dut, "Head.elaborate.last") == (number == network.last_class)),
        implies(reading, h.variable(dut, "Head.elaborate.first") == (number == 0)),
        h.first | (h.variable(dut, "Head.elaborate.previous") == (network.last_class - 1)[:bits]),
    )
    # Between two words, and behind the last one.
    more, settle = (h.variable(dut, f"Head.elaborate.{name}") for name in ("more", "settle"))
    h.lemma(
        implies(at("Settle") & more, number == Cat(Const(0, position_bits), own_word + 1)),
        implies(at("Replay", "Await next scores"), own_number == number),
        implies((at("Settle") & more) | at("Replay", "Await next scores"), exists(number)),
        implies((at("Settle") & ~more) | at("Hand over"), number == following(network.last_class)),
        implies(
            at("Settle", "Replay", "Await next scores", "Hand over"),
            (number != 0) & ~h.variable(dut, "Head.elaborate.first"),
        ),
    )
    for n in range(1, 4):
        idle = at("Replay", "Await next scores", "Hand over", "Await scores")
        h.lemma(implies(idle | (at("Settle") & (settle <= 3 - n)), ~h.past(reading, n)))
    h.lemma(settle <= 3)
    here = h.named("comes", h.past(reading, 2))
    which = h.past(number, 2)
    scores = Array(dut.scores[0][n] for n in range(shape.code_bits))
    score = h.past(scores[number[:position_bits]], 2)

    # Any two classes, and the label.
    classes = [h.fixed(bits), h.fixed(bits)]
    first = which == 0
    some, own_seen = h.register("some_seen", 1), h.register("own_seen", 1)
    own_score, compared = (
        h.register(name, width)
        for name, width in (("own_score", len(score)), ("last_compared", bits + 1))
    )
    with m.If(here):
        m.d.sync += [
            some.eq(1),
            own_seen.eq((which == label) | (own_seen & ~first)),
            compared.eq(which),
        ]
        with m.If(which == label):
            m.d.sync += own_score.eq(score)
    seen, its_score = [], []
    for n, other in enumerate(classes):
        h.assume(exists(other))
        was, of_it = h.register(f"seen_{n}", 1), h.register(f"score_{n}", len(score))
        with m.If(here):
            m.d.sync += was.eq((which == other) | (was & ~first))
            with m.If(which == other):
                m.d.sync += of_it.eq(score)
        seen.append(was)
        its_score.append(of_it)
    next_compared = h.register("next_compared", bits + 1)
    with m.If(waiting):
        m.d.sync += next_compared.eq(0)
    with m.Elif(here):
        m.d.sync += next_compared.eq(following(which))
    live = h.named("live", ~waiting & (next_compared != 0))
    ahead: Value = next_compared
    for n in (2, 1):
        h.lemma(implies(h.past(reading, n), h.past(number, n) == ahead))
        ahead = Mux(h.past(reading, n), following(ahead), ahead)
    h.lemma(
        implies(~waiting, number == ahead),
        implies(live, some & (following(compared) == next_compared) & exists(compared)),
    )
    over = at("Hand over")
    h.lemma(implies(over, live & (compared == network.last_class)))

    # What is handed over: nobody has more than the best class, nor but the label than the rival.
    one, two = classes
    wins = (its_score[0] > its_score[1]) | ((its_score[0] == its_score[1]) & (one <= two))
    judged = dut.judged.payload
    told = dut.judged.valid
    prediction, rival = dut.predictions[0], judged.rivals[0]
    margin: Value = Array(dut.layers[n].margin for n in range(shape.layers))[step.layer]
    close = (own_score.as_unsigned() - its_score[0].as_unsigned()) < margin
    triggered = ((prediction != label) | close) & dut.run.train
    h.claim(
        implies(over, Cat(*seen, own_seen).all()),
        implies(over, exists(prediction) & exists(rival) & (rival != label)),
        implies(over & (prediction == one), wins),
        implies(over & (rival == one) & (two != label), wins),
        implies(over & (rival == one), judged.triggered[0] == triggered),
        implies(over, judged.labels[0] == label),
        implies(over, dut.correct[0] == (prediction == label)),
        dut.predicted == (told & step.last),
        dut.read == told,
    )
    # What the block keeps of the classes that have come.
    best, nearest, own = (h.inside(dut, f"{name}_0") for name in ("best", "rival", "own"))
    came = h.inside(dut, "judged_0_1")
    best_class = Mux(h.inside(dut, "new_best_0_1"), came, h.inside(dut, "best_class_0"))
    rival_class = Mux(h.inside(dut, "new_rival_0_1"), came, h.inside(dut, "rival_class_0"))
    has_rival = h.inside(dut, "has_rival_0")
    for other, was, of_it in zip(classes, seen, its_score, strict=True):
        is_other = h.named("is_other", other != label)
        leads = (best > of_it) | ((best == of_it) & (best_class <= other))
        near = (nearest > of_it) | ((nearest == of_it) & (rival_class <= other))
        h.lemma(
            implies(live, was == (other <= compared)),
            implies(live & was, leads),
            implies(live & (best_class == other), was & (best == of_it)),
            implies(live & was & is_other, has_rival & near),
            implies(live & has_rival & (rival_class == other), is_other & was & (nearest == of_it)),
        )
    h.lemma(
        implies(live, own_seen == (label <= compared)),
        implies(live, (best_class <= compared) & exists(best_class)),
        implies(live & own_seen, own == own_score),
        implies(live & has_rival, (rival_class <= compared) & exists(rival_class)),
        implies(live & has_rival, rival_class != label),
        implies(live & ~has_rival, (compared == 0) & (label == 0)),
        implies(over, (dut.predictions[0] == best_class) & (rival == rival_class)),
    )
    return h


PROOFS = [
    Proof(
        name=f"head-{shape.name}",
        source=head,
        claim="The best class and the best other than the label are the first of highest score; "
        "a layer is triggered if the best is not the label or leads the rival by less than the "
        "margin; the prediction is the best class.",
        sizes=f"any number of classes and code words, layers: {shape.layers}, one column; no votes",
        build=partial(_decision, shape),
        twins=(
            Twin("(best < score)", "(best <= score)"),
            Twin("(rival < score)", "(rival <= score)"),
            Twin("close.eq(distance < Cat", "close.eq(distance <= Cat"),
            Twin("wrong | close, rival_class", "close, rival_class"),
            Twin("nearer.eq(valid & ~is_label & (first", "nearer.eq(valid & (first"),
            Twin("previous.eq(last_class - 1)", "previous.eq(last_class)"),
        ),
        depth=8,
        twin_depth=16,
    )
    for shape in (
        SHAPES["up5k"],
        SHAPES["small"].model_copy(update={"samples": 1, "layers": 2}),
    )
]
