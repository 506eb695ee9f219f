"""The encoder against golden: programs of every kind of words, images, pauses and views."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import SimulatorContext

from metabit.errors import MetabitError
from metabit.golden.encoding.assemble import assemble
from metabit.golden.encoding.comparisons import Comparison
from metabit.golden.encoding.encoders import Encoder as GoldenEncoder
from metabit.golden.encoding.program import Program
from metabit.golden.encoding.shifts import SHIFTS
from metabit.hdl.encode import bits, encoder, image, marks, steps, table
from metabit.hdl.encode.cycles import count_cycles
from metabit.hdl.encode.sizes import Sizes
from metabit.hdl.shape import LANES
from tests.hdl.planted import plant
from tests.hdl.streams import NEVER, Pauses, cycles, get_all, put, put_all, simulate

SMALL = Sizes(pixels=256, lanes=2, words=1024)


@dataclass(frozen=True)
class Sample:
    """What goes in, and what must come out."""

    label: int
    view: int
    keep: bool
    image: np.ndarray  # uint8, shape (bytes,)
    words: list[int]


def samples_of(
    fitted: GoldenEncoder, program: Program, images: np.ndarray, views: int, seed: int
) -> list[Sample]:
    """Return every image in every view, and what golden's encoder makes of it."""
    rng = np.random.default_rng(seed)
    packed = program.frame.pack(images)
    golden = fitted.encode(images, views).reshape(views, len(images), -1)
    samples = []
    for number, image_bytes in enumerate(packed):
        for view in range(views):
            row = np.zeros(program.width, bool)
            row[: program.bits] = golden[view, number]
            words = np.packbits(row, bitorder="little").view("<u8").tolist()
            samples.append(Sample(int(rng.integers(256)), view, view > 0, image_bytes, words))
    return samples


def encode(
    program: Program,
    samples: list[Sample],
    sizes: Sizes = SMALL,
    seed: int | None = None,
    top: ModuleType = encoder,
    resets: tuple[int, ...] = (),
) -> list[int]:
    """Let samples be encoded, compare every word, and return the cycles of each.

    In the first of them, the encoder is reset after so many cycles, and it begins again.
    """
    abort = Signal()
    dut = top.Encoder(sizes)
    sizes.check(program)
    begun: list[int] = []
    spent: list[int] = []

    async def watch(ctx: SimulatorContext) -> None:
        """Count cycles from a sample that is taken to its last word."""
        cycle = words = 0
        while True:
            *_, sample, word, reset = await ctx.tick().sample(
                dut.samples.valid & dut.samples.ready, dut.words.valid & dut.words.ready, abort
            )
            if reset:
                words = 0
            elif sample:
                begun.append(cycle)
            elif word:
                words += 1
                if words > program.width // LANES:
                    spent.append(cycle - begun[-1] + 1)
                    words = 0
            cycle += 1

    async def load(ctx: SimulatorContext) -> None:
        ctx.set(dut.write, 1)
        for address, word in enumerate(program.words):
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, word)
            await ctx.tick()
        ctx.set(dut.write, 0)

    async def begin(ctx: SimulatorContext, sample: Sample) -> None:
        origin = program.frame.origin(sample.view)
        fields = {"label": sample.label, "origin": origin, "keep": int(sample.keep)}
        await put(ctx, dut.samples, fields)

    async def host(ctx: SimulatorContext) -> None:
        await load(ctx)
        for count in resets:
            await begin(ctx, samples[0])
            ctx.set(dut.words.ready, 1)
            ctx.set(dut.pixels.valid, 1)
            await cycles(ctx, count)
            ctx.set(dut.words.ready, 0)
            ctx.set(dut.pixels.valid, 0)
            ctx.set(abort, 1)
            await ctx.tick()
            ctx.set(abort, 0)
        ctx.set(ready, 1)
        pauses = NEVER if seed is None else Pauses(seed, 0.3, 200)
        quick = NEVER if seed is None else Pauses(seed + 1, 0.1, 5)
        for sample in samples:
            await pauses.wait(ctx)
            await begin(ctx, sample)
            if not sample.keep:
                await put_all(ctx, dut.pixels, map(int, sample.image), quick)

    ready = Signal()

    async def core(ctx: SimulatorContext) -> None:
        while not ctx.get(ready):
            await ctx.tick()
        pauses = NEVER if seed is None else Pauses(seed + 2, 0.3, 200)
        for number, sample in enumerate(samples):
            found = await get_all(ctx, dut.words, 1 + program.width // LANES, pauses)
            assert found == [sample.label, *sample.words], f"sample {number}, view {sample.view}"

    work = count_cycles(program, sizes.lanes)
    simulate(
        ResetInserter(abort)(dut),
        host,
        core,
        background=[watch],
        deadline=len(program.words) + sum(resets) + (4 * work + 2_000) * len(samples),
    )
    return spent


def images_of(shape: tuple[int, ...], count: int, seed: int = 0) -> np.ndarray:
    """Images of large and small differences, of which some are dark."""
    rng = np.random.default_rng(seed)
    wide, narrow = rng.integers(0, 256, (count, *shape)), rng.integers(90, 110, (count, *shape))
    pixels = np.where(rng.random((count, *shape)) < 0.5, wide, narrow)
    pixels[rng.random(pixels.shape) < 0.2] = 0
    return pixels.astype(np.uint8)


MIXED = "thermometer:3,99+edges:d=1,t=8,c=0/3,dir=knights+comparisons:50+areas:t=100,c=1/2"


@pytest.mark.parametrize(("lanes", "seed"), [(1, 3), (2, None), (2, 5), (4, 7), (8, 9)])
def test_the_encoder_equals_golden(lanes: int, seed: int | None) -> None:
    """Every view of two images, by every kind of words."""
    images = images_of((8, 12), 2, lanes)
    fitted = GoldenEncoder(MIXED).fit(images_of((8, 12), 20))
    program = assemble(fitted, (8, 12), border=1)
    samples = samples_of(fitted, program, images, len(SHIFTS), 1)
    encode(program, samples, Sizes(256, lanes, 1024), seed)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("median", (7, 5)),
        ("distributive:9", (5,)),
        ("comparisons:70", (9, 7, 3)),
        ("copies:6,ones=12:quantiles:3", (4,)),
        ("edges:d=2,t=0,c=1/20,cell=15", (16, 16)),
    ],
)
def test_encoders_of_other_kinds(spec: str, shape: tuple[int, ...]) -> None:
    fitted = GoldenEncoder(spec).fit(images_of(shape, 20))
    program = assemble(fitted, shape)
    encode(program, samples_of(fitted, program, images_of(shape, 3, 1), 1, 1), seed=7)


def test_rails_of_differences_and_counts() -> None:
    """Pixels of 0 and 255, thresholds that all and none exceed, a rectangle of 256 marks."""
    images = np.zeros((4, 16, 16), np.uint8)
    images[1] = 255
    images[2, ::2] = 255
    images[3, :, 1::2] = 255
    rows = [
        (0, 0, dy, dx, threshold, 0, 0, 16, 16, count)
        for dy, dx in ((0, 0), (0, 1), (-1, 0))
        for threshold in (-256.0, -255.0, -1.0, 0.0, 254.0, 255.0)
        for count in (0, 119, 127, 239, 255)
    ]
    table = [Comparison(*row) for row in rows]
    fitted = GoldenEncoder(f"comparisons:{len(rows)}", comparisons=table)
    program = assemble(fitted, (16, 16))
    encode(program, samples_of(fitted, program, images, 1, 1), Sizes(256, 8, 1024))


@pytest.mark.parametrize("lanes", [1, 2, 8])
@pytest.mark.parametrize("spec", [MIXED, "thermometer:9,40", "distributive:9"])
def test_cycles_are_those_that_are_counted(spec: str, lanes: int) -> None:
    shape = (10,) if spec.startswith("dist") else (8, 8)
    fitted = GoldenEncoder(spec).fit(images_of(shape, 20))
    program = assemble(fitted, shape, border=len(shape) - 1)
    views = 2 if len(shape) == 2 else 1
    spent = encode(
        program,
        samples_of(fitted, program, images_of(shape, 1), views, 1),
        Sizes(256, lanes, 1024),
    )
    expected = [count_cycles(program, lanes, keep=keep) for keep in (False, True)]
    assert spent == expected[:views]


def test_a_step_of_one_pixel_takes_one_cycle() -> None:
    """128 bits of a byte each, two maps, two words: little is lost."""
    program = assemble(GoldenEncoder("thermometer:9,40"), (8, 8))
    assert count_cycles(program, 1) - count_cycles(program, 1, keep=True) == 64
    assert count_cycles(program, 1, keep=True) == 5 + 128 + 2 * 5


def test_a_reset_in_the_middle_is_forgotten() -> None:
    fitted = GoldenEncoder("thermometer:3+edges:d=1,t=8,c=0")
    program = assemble(fitted, (8, 8))
    samples = samples_of(fitted, program, images_of((8, 8), 2), 1, 1)
    encode(program, samples, resets=(1, 2, 3, 40, 70, 75, 130, 133, 136, 139, 200, 301))


def test_what_does_not_fit_is_refused() -> None:
    program = assemble(GoldenEncoder("thermometer:9,40"), (16, 16))
    with pytest.raises(MetabitError, match="516 words of the table, the device has 512"):
        Sizes(256, 2, 512).check(program)
    with pytest.raises(MetabitError, match="256 bytes of image memory, the device has 128"):
        Sizes(128, 2, 1024).check(program)
    with pytest.raises(MetabitError, match="lanes of an encoder must be 1, 2, 4 or 8, not 3"):
        Sizes(256, 3, 512)
    with pytest.raises(MetabitError, match=r"pixels .* a power of two, 4 to 4096, not 784"):
        Sizes(784, 2, 512)
    with pytest.raises(MetabitError, match="words of an encoder must be 2 to 4096, not 1"):
        Sizes(256, 2, 1)


SLIPS = {
    "byte of the wrong bank": (image, "bank < address", "bank <= address"),
    "neighbours the wrong way round": (image, "self.neighbour - self.pixel", "self.pixel"),
    "columns beyond the rectangle": (steps, "place <= across", "place < across"),
    "a map too early": (steps, "~active & ~reading.any()", "~active"),
    "a bit goes on": (steps, "begins.eq(bit_ends)", "begins.eq(piece_ends)"),
    "a row too few": (steps, "down.eq(piece.rows)", "down.eq(piece.rows - (piece.rows > 2))"),
    "threshold itself": (marks, "difference > self.threshold", "difference >= self.threshold"),
    "a mark too many": (marks, "Cat(~late.marks, 1)", "Cat(late.marks, 0)"),
    "a word that is not waited for": (
        steps,
        "hold.eq(1)\n        with m.Elif",
        "hold.eq(0)\n        with m.Elif",
    ),
    "bits from the wrong end": (bits, "Cat(word[1:], self.bit)", "Cat(self.bit, word[:-1])"),
    "a word twice": (table, "~valid | self.words.ready", "~valid"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_bug_in_the_encoder_is_seen(slip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, right, wrong = SLIPS[slip]
    planted = plant(module, (right, wrong))
    name = module.__name__.rpartition(".")[2].capitalize()
    monkeypatch.setattr(encoder, name, getattr(planted, name))
    fitted = GoldenEncoder("edges:d=1,t=0,c=0/5/8,dir=knights+thermometer:9,99,50,95")
    program = assemble(fitted, (8, 8))
    with pytest.raises((AssertionError, TimeoutError)):
        encode(program, samples_of(fitted, program, images_of((8, 8), 4), 1, 1), seed=2)
