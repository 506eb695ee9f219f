import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Break a bit")

with app.setup:
    import inspect
    import tempfile
    from itertools import product
    from pathlib import Path
    from types import ModuleType

    import marimo as mo
    import numpy as np
    from amaranth.sim import Simulator
    from sklearn.datasets import load_digits

    from metabit.errors import MetabitError
    from metabit.golden.checkpoints.hardware import load_checkpoint, save_checkpoint
    from metabit.golden.config import Config
    from metabit.golden.data.datasets import Dataset
    from metabit.golden.data.training_data import prepare
    from metabit.golden.learner import GoldenLearner
    from metabit.golden.network import Network
    from metabit.golden.runs.run import Run
    from metabit.golden.state import network_sha256
    from metabit.hdl.bundles import Space
    from metabit.hdl.device import Device
    from metabit.hdl.learn import step as step_module
    from metabit.hdl.shape import Shape
    from metabit.host import packing
    from metabit.host.compare import DivergenceError
    from metabit.host.driver import Driver
    from metabit.host.lockstep import Lockstep, Span
    from metabit.host.pinpoint import pinpoint
    from metabit.sim.model import SimulatedDevice
    from metabit.sim.transport import SimulatedTransport, patience
    from metabit.sim.verilate import build


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Break a bit

    Golden model, simulation and bitstream are to agree in every bit. What if one bit is wrong?
    Here you break one in golden, in the device's memory, on the line, in a file and in the design,
    and see which check notices, when, and what it says.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Two that learn the same

    The device, the network and the digits are those of `tile.py`: eight neurons, three digits.
    A *lock-step* trains golden and device side by side, in spans of tiles. It compares all
    predictions after every span, and all state now and then.
    """)
    return


@app.cell
def _():
    shape = Shape(
        name="snug",
        elements=2,
        samples=2,
        counter_bits=4,
        depth=32,
        code_bits=4,
        codes=32,
        neurons=9,
        inputs=137,
        records=32,
        winners=64,
        layers=2,
        phases=False,
    )
    config = Config(
        name="three digits",
        encoder="thermometer:4,12",
        inputs=128,
        hidden=(8,),
        classes=3,
        group=4,
        counter_bits=4,
        tile=8,
    )
    library = build(Device(shape, supply=True), optimise="-O0", trace="vcd")
    return config, library, shape


@app.cell
def _(config):
    _digits = load_digits()
    _few = _digits.target < 3
    data = prepare(
        config,
        dataset=Dataset(
            name="digits 0 to 2",
            images=_digits.images[_few],
            labels=_digits.target[_few],
            classes=3,
            test_images=None,
            test_labels=None,
            holdout=137,
            class_names=("zero", "one", "two"),
        ),
    )
    return (data,)


@app.cell
def _(config, data, library, shape):
    SPANS, TILES = 6, 4
    order = Run.start(config, data, 10).schedule.step(SPANS * TILES).indices

    def train(kind=Driver, before_span=None, line=SimulatedTransport, compare_every=1):
        """Train side by side; return the lock-step, and what it has found wrong, if anything.

        before_span(side, number) may break something before a span; a driver or a line of another
        kind may break something, too.
        """
        transport = line(SimulatedDevice(library), patience(shape))
        golden = GoldenLearner(Network(config))
        side = Lockstep(
            kind(transport, shape), golden, compare_every=compare_every, names=data.class_names
        )
        side.begin()
        try:
            for number, part in enumerate(np.array_split(order, SPANS)):
                if before_span is not None:
                    before_span(side, number)
                side.train(Span(data.train[part], data.train_labels[part], 0, 0))
            side.compare()
        except DivergenceError as error:
            return side, error
        return side, None

    sound, _nothing = train()
    assert _nothing is None
    mo.md(
        f"Nothing is broken yet: {sound.samples} samples in {sound.tiles} tiles, all state "
        f"compared {sound.comparisons} times, and all of it equal."
    )
    return SPANS, order, sound, train


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A counter in golden

    A bit of a counter turns over in golden's memory, between two spans.
    """)
    return


@app.cell
def _(SPANS):
    place = mo.ui.dictionary(
        {
            "neuron": mo.ui.slider(0, 7, value=5, show_value=True),
            "weight": mo.ui.slider(0, 127, value=40, show_value=True),
            "bit": mo.ui.slider(0, 3, value=2, show_value=True),
            "before_span": mo.ui.slider(0, SPANS - 1, value=2, show_value=True),
            "compare_every": mo.ui.slider(1, 6, value=1, show_value=True),
        }
    )
    place
    return (place,)


@app.cell
def _(place, train):
    def turned(value, bit):
        """Return a counter of 4 bits, one of which is turned over."""
        low = (value ^ (1 << bit)) & 15
        return low - 16 if low & 8 else low

    def in_golden(neuron, weight, bit, before_span, compare_every):
        """Break a counter in golden; return what is said."""

        def break_it(side, number):
            if number == before_span:
                network = side.golden.network
                counters = [layer.copy() for layer in network.counters]
                counters[0][neuron, weight] = turned(int(counters[0][neuron, weight]), bit)
                network.load(counters)

        return train(before_span=break_it, compare_every=compare_every)

    _side, _error = in_golden(**place.value)
    mo.md(f"> {_error or 'nothing is noticed: it has healed'}")
    return in_golden, turned


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    With rarer comparisons the mistake lives longer: it is seen when a prediction goes wrong, or at
    the next comparison, and by then more than one counter may differ. Or none: two counters that
    differ and run into the same end of their range are equal again.

    ## A counter in the device

    A fault of hardware comes back. In this device, a counter goes wrong whenever a certain sample
    is trained on. The lock-step *replays* from the last agreement, tile by tile, then sample by
    sample, until it knows where it began.
    """)
    return


@app.cell
def _(data, order, place, train, turned):
    class FaultyDriver(Driver):
        """A driver whose device spoils a counter whenever a certain sample comes."""

        poison = data.train[order[100]]

        def train(self, samples, labels, **options):
            predictions = super().train(samples, labels, **options)
            if (samples == self.poison).all(axis=1).any():
                self.spoil(place.value["neuron"], place.value["weight"], place.value["bit"])
            return predictions

        def spoil(self, neuron, weight, bit):
            """Turn a bit of a counter in the device's memory over."""
            state = self.read_state()
            layer = state.counters[0]
            layer[neuron, weight] = turned(int(layer[neuron, weight]), bit)
            beats = packing.scatter(state.counters, self.placement)
            parts = packing.pack_counters(beats, self.shape)
            signs = packing.pack_bits(beats >= 0, 1)[..., 0]
            for element in range(self.shape.elements):
                self.write_space(Space.COUNTERS, parts[element].ravel(), element)
                self.write_space(Space.SIGNS, signs[element], element)

    _side, _error = train(kind=FaultyDriver, compare_every=2)
    mo.stop(_error is None, mo.md("> nothing is noticed: it has healed"))
    _finding = pinpoint(_side, _error)
    mo.md(
        f"Seen after tile {_error.tile}; the last agreement was before tile {_error.agreed}. "
        f"The replay says: tile {_finding.tile}, sample {_finding.sample}.\n\n"
        + "\n".join(f"> {divergence}" for divergence in _finding.divergences)
        + f"\n\nThe sample is number {order[100]} of the training samples, the "
        f"{100 % 8 + 1}th of tile {100 // 8}."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A bit on the line

    Requests and replies are frames with a checksum. Here every twentieth of either has one bit
    turned over.
    """)
    return


@app.cell
def _(sound, train):
    class NoisyLine(SimulatedTransport):
        """A line that turns over a bit of every twentieth frame, to the device and back."""

        def __init__(self, device, cycles):
            super().__init__(device, cycles)
            self._draws = np.random.default_rng(0)
            self._frames = 0

        def _noise(self, frame):
            self._frames += 1
            if self._frames % 20 == 0:
                spoilt = bytearray(frame)
                spoilt[self._draws.integers(len(spoilt))] ^= 1 << self._draws.integers(8)
                return bytes(spoilt)
            return frame

        def send(self, raw):
            super().send(self._noise(raw))

        def receive(self):
            return self._noise(super().receive())

    _side, _error = train(line=NoisyLine)
    assert _error is None
    _link = _side.driver.link
    _same = network_sha256(_side.golden.network) == network_sha256(sound.golden.network)
    mo.md(
        f"{_link.answered:,} requests were answered, {_link.errors} times something was noticed, "
        f"{_link.resent} frames were sent again. Golden and device still agree, and the state is "
        f"{'the same' if _same else 'another one'} as with a sound line."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A bit in a file

    A checkpoint holds counters, generator, and where the training stands. Each of 300 bits of it,
    drawn at random, is turned over in turn.
    """)
    return


@app.cell
def _(config, data):
    def read(path):
        """Return the hash of the state in a checkpoint, or what is said against it."""
        try:
            return network_sha256(load_checkpoint(path).network())
        except MetabitError as error:
            return str(error).replace(str(path), path.name)

    _folder = Path(tempfile.mkdtemp(prefix="metabit-class-"))
    _path = _folder / "run.npz"
    save_checkpoint(_path, Run.start(config, data, 10).checkpoint())
    _whole, _state = _path.read_bytes(), read(_path)
    _draws, _found = np.random.default_rng(0), {}
    for _ in range(300):
        _spoilt = bytearray(_whole)
        _spoilt[_draws.integers(len(_spoilt))] ^= 1 << _draws.integers(8)
        _path.write_bytes(_spoilt)
        _said = read(_path)
        # What comes behind the colon differs from bit to bit.
        _said = "read as it was" if _said == _state else _said.partition(": ")[0]
        _found[_said] = _found.get(_said, 0) + 1
    assert set(_found) <= {"run.npz is damaged or no checkpoint", "read as it was"}
    mo.md(
        "| what is said | bits |\n|---|---:|\n"
        + "\n".join(
            f"| {said} | {count} |" for said, count in sorted(_found.items(), key=lambda x: -x[1])
        )
        + "\n\n*Read as it was* are bits that nobody needs, such as the date of a member of the "
        "archive. No bit has made another network."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A slip in the design

    Before a device is ever put together, each block has been held against golden by itself. The
    block that steps counters is described in `hdl/learn/step.py`. In a copy of it, an `&` is lost:
    counters no longer stop at the end of their range, but wrap. All values, directions and
    reinforcements of a counter of 4 bits:
    """)
    return


@app.cell
def _():
    def plant(module, *slips):
        """Return a copy of a module with slips in it: what stands there, and what instead."""
        source = inspect.getsource(module)
        for right, wrong in slips:
            assert source.count(right) == 1, f"{right!r} must be there once"
            source = source.replace(right, wrong)
        planted = ModuleType(module.__name__)
        planted.__package__ = module.__package__
        exec(compile(source, "planted", "exec"), vars(planted))
        return planted

    def golden_step(value, down, reinforce):
        """Step a counter of 4 bits as golden does."""
        value = min(max(value + (-1 if down else 1), -8), 7)
        if reinforce:
            value = min(max(value + (1 if value >= 0 else -1), -8), 7)
        return value

    def check_step(module):
        """Return the cases in which the block of a module differs from golden."""
        cases = list(product(range(-8, 8), (0, 1), (0, 1)))
        block, found = module.Step(4, len(cases)), []

        async def bench(context):
            for port, bits in (
                (block.positive, [value >= 0 for value, _, _ in cases]),
                (block.down, [down for _, down, _ in cases]),
                (block.reinforce, [reinforce for _, _, reinforce in cases]),
                (block.enable, [1] * len(cases)),
            ):
                context.set(port, sum(int(bit) << lane for lane, bit in enumerate(bits)))
            for plane in range(3):
                bits = sum((value >> plane & 1) << lane for lane, (value, _, _) in enumerate(cases))
                context.set(block.low[plane], bits)
            context.set(block.move, 1)
            await context.tick().repeat(2)
            positive = context.get(block.positive_after)
            planes = [context.get(block.low_after[plane]) for plane in range(3)]
            for lane, case in enumerate(cases):
                value = sum((plane >> lane & 1) << n for n, plane in enumerate(planes))
                value -= 0 if positive >> lane & 1 else 8
                if value != golden_step(*case):
                    found.append((*case, golden_step(*case), value))

        simulator = Simulator(block)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
        return found, len(cases)

    assert not check_step(step_module)[0]
    wrapping = (
        ('named("top", above & upper)', 'named("top", above & ~above)'),
        ("(carry_1 & was_upper & ~was_above)", "(carry_1 & was_upper)"),
    )
    _wrong, _cases = check_step(plant(step_module, *wrapping))
    mo.md(
        f"The block as it is: no difference in {_cases} cases. With the slip, {len(_wrong)} differ:"
        "\n\n| counter | goes | reinforced | golden | block |\n|---:|---|---|---:|---:|\n"
        + "\n".join(
            f"| {value} | {'down' if down else 'up'} | {'yes' if reinforce else 'no'} "
            f"| {golden} | {block} |"
            for value, down, reinforce, golden, block in _wrong
        )
    )
    return check_step, plant


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Gates, and the bitstream

    What synthesis makes of the device is trained against golden, too, cell by cell, and so is the
    file that is flashed, decoded into cells. Bits are broken by the thousand: each of the mutants
    of `metabit bench mutants` is a bit of a cell that is inverted or stuck. These take minutes:

    ```sh
    metabit simulate --netlist ice40 --config tiny --samples 800
    metabit bench mutants --count 1000
    metabit build icebreaker
    metabit simulate --bitstream build/icebreaker-up5k
    ```

    On a board, `metabit selftest --port PORT` looks for such faults in under a minute. What each
    check covers: [How it is verified](../verification.md).

    ## Exercises

    **1. Unseen.** In golden, break each bit of a counter in turn before the first span, and compare
    all state after every span, or only every six. When is it noticed, and by what?
    """)
    return


@app.cell(hide_code=True)
def solution_unseen(in_golden):
    def _seen(bit, compare_every):
        error = in_golden(5, 40, bit, 0, compare_every)[1]
        return f"after tile {error.tile}, by a {error.divergences[0].kind}" if error else "never"

    _rows = "\n".join(f"| {bit} | {_seen(bit, 1)} | {_seen(bit, 6)} |" for bit in range(4))
    mo.accordion(
        {
            "Solution": mo.md(
                "The counter of neuron 5, weight 40, broken before the first span, is seen\n\n"
                f"| bit | comparing every span | every six |\n|---:|---|---|\n{_rows}\n\n"
                "A pass sees the sign of a counter only. A low bit changes how many steps it is to "
                "the next flip, and nothing that can be predicted until one comes early or late; "
                "where it heals before that, no prediction is ever wrong. That is why all state is "
                "compared, and not predictions alone."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **2. The generator.** Turn over a bit of the random generator's state in golden. What is said?
    """)
    return


@app.cell(hide_code=True)
def solution_generator(train):
    def _turn(side, number):
        if number == 2:
            side.golden.network.generator.state ^= 1

    _, _error = train(before_span=_turn)
    mo.accordion(
        {
            "Solution": mo.md(
                f"> {_error}\n\nThe generator draws reinforcement. Its state is compared itself, "
                "and from the next draw on, all that follow are others: counters differ soon."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **3. Your own slip.** Plant another one in the block that steps counters: let reinforcement
    always go up. Is it noticed?
    """)
    return


@app.cell(hide_code=True)
def solution_slip(check_step, plant):
    _wrong, _cases = check_step(
        plant(step_module, ("twice & (above | (upper & up[0]))", "twice & (above | above)"))
    )
    assert _wrong
    mo.accordion(
        {
            "Solution": mo.md(
                "For instance, `two = twice & (above | (upper & up[0]))` without its second half, "
                "so that a counter just below zero, seen in its direction, is not taken along: "
                f"{len(_wrong)} of {_cases} cases differ, the first of them at counter "
                f"{_wrong[0][0]}. A test that passes with the slip would be no test: "
                "`tests/hdl/test_planted.py` plants more than twenty, one after the other, and "
                "demands that each be noticed."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Next: `images.py`, from pictures of your own to a bitstream.
    """)
    return


if __name__ == "__main__":
    app.run()
