"""What flows beside the sums: activations into words, samples by strides, slots of the one port."""

from functools import partial
from types import ModuleType

from amaranth.hdl import Mux, Value

from ..hdl.array import element, pack
from ..hdl.play import strides
from ..hdl.shape import LANES, SHAPES, Shape
from ..hdl.store import port
from .harness import Harness, implies
from .planting import plant
from .proof import Proof, Twin


def _sums(block: ModuleType) -> Harness:
    """Follow a word through an element; what its compressors count is proved by itself."""
    h = Harness()
    dut = block.Element(4 * LANES)
    h.place(dut)
    counter = dut._popcount
    h.assume(dut.before <= 3 * LANES)
    inputs = h.kept("inputs", dut.word, dut.load)
    agree = h.past(~(dut.weights ^ inputs))
    total = h.past((dut.before + counter.count)[: len(dut.total)])
    h.claim(counter.bits == agree, dut.total == total)
    h.lemma(h.variable(dut, "Element.elaborate.inputs") == inputs)
    return h


_SHORT = plant(pack)
"""Another copy, of which the words are shorter: with a slip, it is faster to go wrong."""
_SHORT_LANES = 8


def _packing(shape: Shape, lanes: int, block: ModuleType) -> Harness:
    """Follow the activation of any neuron into its word; and that of a neuron that is none."""
    if lanes != LANES:
        block.LANES = lanes  # type: ignore[attr-defined]
    lane_bits = (lanes - 1).bit_length()
    h = Harness()
    dut = block.Pack(shape)
    h.place(dut, fixed=("network", "layers"))
    m, bits = h.m, 12
    control, region = dut.bit_controls[0], dut.layers[1].region
    neurons = h.fixed(bits)
    h.assume(
        dut.network.layers == 2,
        neurons != 0,
        neurons <= shape.neurons,
        region < 1 << 8,
        (region << lane_bits) >= neurons,
    )
    neuron, written, over = (
        h.register(name, width) for name, width in (("neuron", bits), ("words", 8), ("over", 1))
    )
    # Neurons come in order, and the next layer begins when this one is stored.
    h.assume(
        implies(control.valid, ~over & (control.layer == 0)),
        implies(control.valid, (control.neuron == neuron) & (neuron < neurons)),
        implies(control.valid, control.end == (neuron == neurons - 1)),
    )
    writes = dut.write.valid[0]
    with m.If(dut.stored):
        m.d.sync += [neuron.eq(0), written.eq(0), over.eq(0)]
    with m.Else():
        m.d.sync += [neuron.eq(neuron + control.valid), written.eq(written + writes)]
        with m.If(control.valid & control.end):
            m.d.sync += over.eq(1)
    one = h.fixed(bits)
    its_bit = h.kept("its_bit", dut.bits[0], control.valid & (neuron == one))
    lane, word = one[:lane_bits], one[lane_bits:]
    h.claim(
        implies(
            writes & (written == word),
            dut.write.data[0].bit_select(lane, 1) == ((one < neurons) & its_bit),
        ),
        implies(writes & (written == word) & (one < neurons), one < neuron),
        implies(writes, written < region),
        implies(dut.stored, written == region),
        # A layer that is over is stored without a pause.
        implies(over & ~dut.stored, writes & (written < region)),
    )
    own = {n: h.variable(dut, f"Pack.elaborate.{n}") for n in ("words", "full", "fill", "ended")}
    packed = h.inside(dut, "packed_0")
    last = (neuron - 1)[:bits]
    some = neuron != 0
    full = own["full"]
    h.lemma(
        implies(some, own["words"] == (region - written)[: len(own["words"])]),
        implies(
            some & (word == last[lane_bits:]),
            packed.bit_select(lane, 1) == ((one < neuron) & its_bit),
        ),
        implies(full, some & (written == last[lane_bits:])),
        implies(full, (last[:lane_bits] == lanes - 1) | own["ended"]),
        implies(~full & ~over, written == neuron[lane_bits:]),
        implies(own["ended"], over & full & (neuron == neurons)),
        implies(over, neuron == neurons),
        implies(over & ~own["ended"], (own["fill"] == (written != region))),
        implies(~over, ~own["fill"]),
        implies(over & ~full, written > last[lane_bits:]),
        over == (neuron == neurons),
        written <= region,
        neuron <= neurons,
        implies(~some, written == 0),
        implies(dut.stored, over),
    )
    return h


def _period(block: ModuleType) -> Harness:
    """Take any number of steps from a place.

    It comes back only after as many as there are places: no place is met twice before.
    """
    h = Harness()
    dut = block.Strides(SHAPES["small-sdram"])
    h.place(dut)
    bits = len(dut.place)
    power, steps = h.any(5), h.any(bits)
    h.assume(power <= bits, dut.mask == ((1 << power) - 1)[:bits], dut.stride[0])
    h.assume(dut.place <= dut.mask)
    h.claim(dut.next_place == (dut.place + dut.stride) & dut.mask)
    after = h.named("after_steps", (steps * dut.stride)[:bits] & dut.mask)
    h.claim(implies(after == 0, (steps & dut.mask) == 0))
    return h


def _slots(block: ModuleType) -> Harness:
    """Follow who wants a slot of the port, and for how long."""
    h = Harness()
    shape = SHAPES["small-spram"]
    dut = block.Port(shape)
    h.place(dut)
    m, elements = h.m, shape.elements
    # A fetch waits until it is taken; rows are locked for the three slots of a burst.
    stood = h.past(dut.fetch.valid & ~dut.fetch.ready)
    h.assume(implies(stood, dut.fetch.valid))
    locked = h.register("locked_slots", 2)
    taken = h.any(1)
    with m.If(locked != 0):
        m.d.sync += locked.eq(locked - 1)
    with m.Elif(dut.use.ready & taken):
        m.d.sync += locked.eq(3)
    h.assume(dut.use.locked == (locked != 0), implies(locked == 0, ~dut.use.write | dut.use.ready))
    fetch_slots = h.register("fetch_slots", 8)
    with m.If(dut.fetch.valid & dut.fetch.ready):
        m.d.sync += fetch_slots.eq(Mux(dut.fetch.first, elements, elements - 1))
    with m.Elif(fetch_slots != 0):
        m.d.sync += fetch_slots.eq(fetch_slots - 1)

    def waits(name: str, wants: Value, gets: Value, most: int) -> None:
        """Claim that somebody gets what it wants after so many cycles at the most."""
        since = h.register(name, 8)
        m.d.sync += since.eq(Mux(wants & ~gets, since + 1, 0))
        h.claim(since <= most)

    fetching = h.named("fetching", fetch_slots != 0)
    waits("fetch_waits", dut.fetch.valid, dut.fetch.ready, elements + 3)
    # Whoever is neither locked nor fetching waits for one load, if no fetch comes.
    calm = h.named("calm", ~dut.fetch.valid & ~fetching & ~dut.use.locked)
    waits("use_waits", calm, dut.use.ready, 1)
    room = h.named("room", calm & dut.samples.valid & ~dut.full)
    waits("load_waits", room, dut.samples.ready, 3)
    h.claim(
        dut.fetched == ((dut.fetch.valid & dut.fetch.ready) | fetching),
        # Nobody shares a slot.
        implies(dut.fetch.ready, ~dut.use.locked),
        implies(dut.use.ready, ~dut.fetched),
        implies(h.past(dut.use.ready | dut.use.locked), ~dut.loaded),
        implies(h.past(dut.fetched), ~dut.loaded),
        implies(dut.loaded, dut.write),
        implies(h.past(dut.fetched), ~dut.write),
    )
    h.lemma(h.variable(dut, "Port.elaborate.left") == fetch_slots)
    return h


_PACKED = SHAPES["ecp5"].model_copy(update={"samples": 1, "layers": 2})

PROOFS = [
    Proof(
        name="element",
        source=element,
        claim="A sum grows by the number of inputs that agree with their weights; inputs stand "
        "from the cycle after their load.",
        sizes=f"words of {LANES} bits; what is counted in them is another proof",
        build=_sums,
        twins=(
            Twin("agree.eq(~(self.weights ^ inputs))", "agree.eq(self.weights ^ inputs)"),
            Twin("with m.If(self.load):", "with m.If(1):"),
            Twin("self.before + popcount.count", "self.before | popcount.count"),
        ),
        twin_depth=9,
    ),
    *(
        Proof(
            name=f"pack-{lanes}",
            source=source,
            claim="Every activation lies in its place in the words of the next layer's inputs, "
            "zeros beyond the last; as many words are written as these take.",
            sizes=f"layers of up to 256 neurons, words of {lanes}, one column",
            build=partial(_packing, _PACKED, lanes),
            twins=twins,
            depth=3,
            twin_depth=9,
        )
        for lanes, source, twins in (
            (LANES, pack, (Twin("packed[lane] & ~first", "packed[lane] & first"),)),
            (
                _SHORT_LANES,
                _SHORT,
                (
                    # A quarter of the lanes, as 16 of 64.
                    Twin("lead.neuron[:lane_bits].all()", "lead.neuron[: lane_bits - 2].all()"),
                    Twin("(lead.end | lead.neuron", "(lead.neuron"),
                    Twin("fill.eq(words != 1)", "fill.eq(1)"),
                ),
            ),
        )
    ),
    Proof(
        name="strides-period",
        source=strides,
        claim="Steps of an odd stride meet every place once before the first comes again.",
        sizes="every power of two of places, every odd stride",
        build=_period,
        twins=(Twin("(self.place + self.stride) & self.mask", "(self.place + self.stride)"),),
        depth=1,
        bounded=True,
    ),
    Proof(
        name="port",
        source=port,
        claim="A slot has one owner; a fetch waits for a burst and another fetch at the most, rows "
        "for a load, a load for three cycles while nobody fetches: nobody starves.",
        sizes="the port of small-spram, any requests",
        build=_slots,
        twins=(
            Twin("~(self.fetch.valid | load_wanted | fetching)", "~(self.fetch.valid | fetching)"),
            Twin("~load_begins & (load_wanted", "(load_wanted"),
            Twin("fetching.eq(left.any())", "fetching.eq(left[1:].any())"),
        ),
        depth=8,
        twin_depth=12,
    ),
]
