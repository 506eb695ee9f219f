"""The search finds golden's winner: in every group the wrong neuron of smallest ``|z|``."""

from functools import partial
from types import ModuleType

from amaranth.hdl import Array, Cat, Mux, Value

from ..hdl.learn import search
from ..hdl.learn.codes import Mark
from ..hdl.shape import SHAPES, Shape
from .harness import Harness, implies
from .proof import Proof, Twin

_BITS = 8
"""Of what the proof counts: neurons, and words of a neuron."""


def _winner(shape: Shape, code_latency: int, kept_latency: int, block: ModuleType) -> Harness:
    """Compare the winner of a group with any other neuron of it.

    That neuron has a number that is any, but the same for ever: what holds for it holds for all,
    however large a group is.
    """
    h = Harness()
    dut = block.Search(shape, code_latency=code_latency, kept_latency=kept_latency)
    h.place(dut, fixed=("network", "layers"))
    m, network = h.m, dut.network
    h.assume(h.held(dut.judged), network.group != 0)
    h.assume(network.code_words != 0, network.code_words <= shape.code_words)
    for setup in (dut.layers[n] for n in range(shape.layers)):
        h.assume(setup.neurons != 0, setup.neurons <= shape.neurons)
    judged = h.variable(dut, "Search.elaborate.judged")
    at = h.at(dut, "Search.elaborate", "search")
    neurons = Array(dut.layers[n].neurons for n in range(shape.layers))[judged.step.layer]
    h.assume(dut.judged.payload.step.layer < shape.layers)
    h.lemma(judged.step.layer < shape.layers)

    # Where the scan is: word, neuron, place in the group.
    asked = h.named("asks", dut.scan.valid & dut.scan.ready)
    word, neuron, place = (h.register(n, _BITS) for n in ("at_word", "at_neuron", "at_place"))
    last_word = h.named("at_last_word", word == network.code_words - 1)
    last = h.named("at_last", neuron == neurons - 1)
    decides = h.named("asks_last_word", asked & last_word)
    ends = h.named("at_end", (place == network.group - 1) | last)
    with m.If(at("Await step")):
        m.d.sync += [word.eq(0), neuron.eq(0), place.eq(0)]
    with m.Elif(asked):
        m.d.sync += word.eq(Mux(last_word, 0, word + 1))
        with m.If(last_word):
            m.d.sync += [neuron.eq(neuron + 1), place.eq(Mux(ends, 0, place + 1))]
    scanning = h.named("scanning", at("Scan"))

    def later(value: Value, cycles: int) -> Value:
        return h.past(value, cycles)

    # What has come of it: the bits of label and rival, and the pre-activation.
    comes, come_word = later(asked, code_latency), later(word, code_latency)
    arrived = h.register("arrived_words", _BITS)  # of the neuron whose words come
    with m.If(comes):
        m.d.sync += arrived.eq(Mux(later(last_word, code_latency), 0, arrived + 1))
    word_ahead: Value = arrived
    for n in reversed(range(1, code_latency + 1)):
        h.lemma(later(word, n) == word_ahead)
        after = Mux(later(last_word, n), 0, (word_ahead + 1)[:_BITS])
        word_ahead = Mux(later(asked, n), after, word_ahead)
    h.lemma(word == word_ahead)
    bits = []
    for name, number in (("label", judged.labels[0]), ("rival", judged.rivals[0])):
        bit = dut.scanned.bit_select(number[: shape.position_bits], 1)
        its_word = number[shape.position_bits :]
        h.assume(number[: shape.position_bits] < shape.code_bits, its_word < network.code_words)
        came = h.kept(f"{name}_came", bit, comes & (come_word == its_word))
        h.lemma(implies(arrived > its_word, h.inside(dut, f"{name}_bit_0") == came))
        bits.append(came)
    label_bit, rival_bit = bits
    stage = code_latency + 1
    z = h.named("z", later(dut.kept[0], stage - kept_latency))
    wrong = (z >= 0) != label_bit
    told_apart = ~network.rival | (label_bit != rival_bit)
    candidate = h.past(judged.triggered[0] & wrong & told_apart)
    size = h.past(Mux(z < 0, -z, z)[: len(z)])
    desired = h.past(label_bit)
    stage += 1
    compares, number = later(decides, stage), later(neuron, stage)
    begins = later(place == 0, stage)

    next_number = h.register("next_compared", _BITS)
    with m.If(at("Await step")):
        m.d.sync += next_number.eq(0)
    with m.Elif(compares):
        m.d.sync += next_number.eq(next_number + 1)
    here = h.named("step_compared", next_number != 0)

    # Any two neurons of the group, and the winner.
    numbers = [h.fixed(_BITS), h.fixed(_BITS)]
    some, compared = h.register("some", 1), h.register("last_compared", _BITS)
    with m.If(compares):
        m.d.sync += [some.eq(candidate | (some & ~begins)), compared.eq(number)]
    seen, sizes, desires = [], [], []
    for n, other in enumerate(numbers):
        was, its_size, its_bit = (
            h.register(f"{name}_{n}", width)
            for name, width in (("seen", 1), ("size", len(size)), ("bit", 1))
        )
        with m.If(compares):
            m.d.sync += was.eq(((number == other) & candidate) | (was & ~begins))
            with m.If(number == other):
                m.d.sync += [its_size.eq(size), its_bit.eq(desired)]
        seen.append(was)
        sizes.append(its_size)
        desires.append(its_bit)
    base = judged.step.base
    h.assume(base + neurons <= shape.depth)

    def number_of(address: Value) -> Value:
        return h.named("number_of", (address - base)[: len(base)])

    # A group that has ended is noted, if and only if one of its neurons is wrong.
    note = dut.found[0]
    ended = later(decides & ends, stage + 1)
    noted = h.named("noted", note.valid & ~at("Mark"))
    named = number_of(note.payload.address)
    one, two = numbers
    h.claim(
        noted == (ended & some),
        implies(noted, note.payload.kind == Mark.ROW),
        implies(noted & (named == one), seen[0] & (note.payload.desired == desires[0])),
        implies(
            noted & (named == one) & seen[1],
            (sizes[0] < sizes[1]) | ((sizes[0] == sizes[1]) & (one <= two)),
        ),
    )
    least = h.inside(dut, "least_0")
    winner = h.variable(dut, "Search._column.winner")
    its_number = number_of(winner.address)
    h.lemma(
        h.variable(dut, "Search._column.any_found") == some,
        implies(some, winner.kind == Mark.ROW),
    )
    for other, was, its_size, its_bit in zip(numbers, seen, sizes, desires, strict=True):
        beats = (least < its_size) | ((least == its_size) & (its_number <= other))
        h.lemma(
            implies(was & here, some & beats & (other <= compared)),
            implies(
                some & here & (its_number == other),
                was & (least == its_size) & (winner.desired == its_bit),
            ),
        )
    # When a step is over, that is noted, too.
    over = judged.step.last
    tile_over = judged.step.tile & (judged.step.columns == 0)
    kind = Mux(over, Mux(tile_over, Mark.TILE.value, Mark.SAMPLE.value), Mark.LAYER.value)
    h.claim(implies(at("Mark"), note.valid & (note.payload.kind.as_value() == kind)))
    # What is under way, and what has been compared.
    under_way = [later(decides, n) for n in range(stage + 1)]
    passing = [later(neuron, n) for n in range(stage + 1)]
    address = h.variable(dut, "Search.elaborate.address")
    ahead: Value = next_number
    some_asked = Cat(later(asked, n) for n in range(1, stage + 1)).any()
    for n in reversed(range(1, stage + 1)):
        h.lemma(implies(under_way[n], passing[n] == ahead))
        ahead = (ahead + under_way[n])[:_BITS]
    h.lemma(
        implies(scanning | at("Finish"), neuron == ahead),
        implies(
            ~at("Await step", "Begin") & (here | some_asked),
            address == (base + next_number)[: len(base)],
        ),
        implies(here & some, its_number <= compared),
        implies(here, compared == next_number - 1),
    )
    # How the block counts.
    own = {
        name: h.variable(dut, f"Search.elaborate.{name}")
        for name in ("word", "neuron", "left", "left_in_group", "begins", "final_word")
    }
    passed = h.named("passed", neuron == neurons)
    empty = ~h.named("under_way", Cat(later(asked, n) for n in range(stage + 2)).any())
    h.lemma(
        implies(~h.first, own["final_word"] == network.code_words - 1),
        own["word"] == word,
        implies(scanning, own["neuron"] == neuron[: len(own["neuron"])]),
        implies(scanning, own["left"] == neurons - neuron),
        implies(scanning, own["left_in_group"] == network.group - place),
        implies(scanning, own["begins"] == (place == 0)),
        implies(neuron == 0, place == 0),
        implies(~scanning, word == 0),
        implies(compares & (number == 0), begins),
        implies(scanning, (neuron < neurons) & (place < network.group)),
        implies(scanning, word < network.code_words),
        implies(at("Finish"), passed),
        implies(at("Await step", "Begin", "Mark"), empty),
        implies(at("Begin"), (word == 0) & (neuron == 0) & (place == 0) & ~here),
        implies(at("Begin"), own["begins"] & (own["word"] == 0) & (own["neuron"] == 0)),
    )
    return h


_ONE = SHAPES["small"].model_copy(update={"samples": 1})

PROOFS = [
    Proof(
        name="search",
        source=search,
        claim="The winner of a group is the first of its wrong neurons of smallest |z|. "
        "It is noted when the group ends, and so is the end of a layer, of a sample and of a tile.",
        sizes="groups, layers and classes of any size, one column",
        build=partial(_winner, _ONE, 2, 2),
        twins=(
            Twin("(size < least)", "(size <= least)"),
            Twin("wrong = (z >= 0) != label_bit", "wrong = (z > 0) != label_bit"),
            Twin("Mux(z < 0, -z, z)", "Mux(z < 0, ~z, z)"),
            Twin("(label_bit != rival_bit) | ~self.network.rival", "(label_bit != rival_bit)"),
            Twin("candidate | (any_found & ~compared.begins)", "candidate | any_found"),
            Twin("(left_in_group == 1) | last_neuron", "(left_in_group == 1)"),
            Twin("with m.If(judged.step.last):", "with m.If(~judged.step.last):"),
            Twin("self._code_latency - self._kept_latency + 1", "self._code_latency"),
        ),
        depth=6,
        twin_depth=14,
    ),
]
