import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="A tile, cycle by cycle")

with app.setup:
    import tempfile
    from bisect import bisect_right
    from pathlib import Path

    import marimo as mo
    from sklearn.datasets import load_digits
    from vcd.reader import TokenKind, tokenize

    from metabit.golden.config import Config
    from metabit.golden.data.datasets import Dataset
    from metabit.golden.data.training_data import prepare
    from metabit.golden.learner import GoldenLearner
    from metabit.golden.runs.run import Run
    from metabit.hdl.device import Device
    from metabit.hdl.shape import Shape
    from metabit.plots.timeline import draw_timeline
    from metabit.sim.named_rows import NOTHING
    from metabit.sim.simulate import Stalls, Trace, simulation
    from metabit.sim.timeline import read_timeline
    from metabit.sim.verilate import build


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # A tile, cycle by cycle

    The rule that the first notebook has watched, in hardware: a tile of eight samples passes a
    device, and every cycle is recorded. The device is small, so that all of it fits on the screen:
    three digits, eight neurons.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## A device and a network

    A device is a *shape*: how many elements its array has, how many samples pass side by side, and
    what its memories hold. A network is data that is loaded into it. This shape holds ours and
    little more.
    """)
    return


@app.cell
def _():
    shape = Shape(
        name="snug",
        elements=2,  # 64 inputs each
        samples=2,  # side by side
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
    return config, shape


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
            default_split="paper",
            class_names=("zero", "one", "two"),
        ),
    )
    return (data,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    The device is compiled into a program that runs it cycle by cycle. That takes half a minute when
    it is done for the first time (to optimise it would take longer); the program is kept. Then
    golden and device train side by side, eight tiles, and all that they compute is compared. The
    tiles 3 and 4 are recorded, with the one before and the one behind, since the device has several
    under way.
    """)
    return


@app.cell
def _(config, data, shape):
    TILES = 8
    FIRST = 3

    folder = Path(tempfile.mkdtemp(prefix="metabit-class-"))

    full = folder / "full.vcd"
    recording = Trace(full, FIRST, 2, named=folder)

    def train(trace=None, stalls=None):
        """Train golden and device side by side; return what the simulation says."""
        run = Run.start(config, data, epochs=10, observe=False)
        library = build(Device(shape, supply=True), optimise="-O0", trace="vcd")
        with simulation(run, shape, library, trace=trace, stalls=stalls) as both:
            for _ in both.spans(samples=TILES * config.tile):
                pass
            return both.finish()

    outcome = train(recording)
    return FIRST, TILES, folder, full, outcome, train


@app.cell(hide_code=True)
def _(outcome):
    mo.md(
        f"Device and golden agree in every bit: {outcome.samples} samples in {outcome.tiles} "
        f"tiles, {outcome.cycles_per_sample:.1f} cycles a sample, all state compared "
        f"{outcome.comparisons} times."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Who is busy when

    Everything happens at once. While neurons pass the array with the samples of a tile, the head
    finds the classes of the ones before, the search looks for neurons to be updated, and rows of
    counters are still being updated for the tile before that. Zoom in until single samples can be
    told apart.
    """)
    return


@app.cell(hide_code=True)
def _(full):
    timeline = read_timeline(full)
    window = mo.ui.dictionary(
        {
            "from": mo.ui.slider(0, timeline.cycles - 50, 10, value=0, show_value=True),
            "cycles": mo.ui.slider(50, timeline.cycles, 10, value=timeline.cycles, show_value=True),
        }
    )
    window
    return timeline, window


@app.cell
def _(timeline, window):
    _start = window.value["from"]
    _part = timeline.part(_start, window.value["cycles"])
    draw_timeline(
        _part, "Who is busy when", f"{_part.cycles:,} cycles from cycle {_start:,} of the recording"
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The waveform

    The recording has every wire of the device, thousands of them. Beside it lies another one, for
    people: few rows, states as words, classes as names, and a cycle is a nanosecond on its axis.
    """)
    return


@app.cell
def _(folder, full):
    sizes = {path.name: path.stat().st_size for path in (full, *sorted(folder.glob("tile.*")))}
    mo.md(
        "| file | bytes |\n|---|---:|\n"
        + "\n".join(f"| `{name}` | {size:,} |" for name, size in sizes.items())
    )
    return (sizes,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    `tile.gtkw` and `tile.sucl` are layouts for two viewers. In the folder of the files:

    ```sh
    gtkwave tile.vcd tile.gtkw
    surfer tile.vcd --command-file tile.sucl
    ```

    At the shell, `metabit simulate --config tiny --waves waves --trace-from 3` writes the same of a
    network for ten digits. Here, a cycle at a time:
    """)
    return


@app.cell
def _(folder):
    def read_rows(path):
        """Return cycles and values of every row of a waveform, in its order."""
        names, rows, scopes, now = {}, {}, [], 0
        with path.open("rb") as file:
            for token in tokenize(file):
                match token.kind:
                    case TokenKind.SCOPE:
                        scopes.append(token.scope.ident)
                    case TokenKind.UPSCOPE:
                        scopes.pop()
                    case TokenKind.VAR:
                        names[token.var.id_code] = ".".join([*scopes[1:], token.var.reference])
                        rows[names[token.var.id_code]] = []
                    case TokenKind.CHANGE_TIME:
                        now = token.time_change // 1000
                    case (
                        TokenKind.CHANGE_SCALAR | TokenKind.CHANGE_VECTOR | TokenKind.CHANGE_STRING
                    ):
                        rows[names[token.data.id_code]].append((now, str(token.data.value)))
        return rows

    rows = read_rows(folder / "tile.vcd")
    return (rows,)


@app.cell(hide_code=True)
def _(rows, timeline):
    # The first sample that is judged in the recording.
    judged = [cycle for cycle, label in rows["head.label_0"] if label != NOTHING]
    cursor = mo.ui.dictionary(
        {"cycle": mo.ui.slider(0, timeline.cycles - 1, value=judged[0], show_value=True)}
    )
    cursor
    return cursor, judged


@app.cell
def _(cursor, rows):
    def at(name, cycle):
        """Return the value of a row in a cycle."""
        changes = rows[name]
        return changes[bisect_right(changes, cycle, key=lambda change: change[0]) - 1][1]

    _cycle = cursor.value["cycle"]
    mo.md(
        f"| row | cycle {_cycle - 1} | cycle {_cycle} | cycle {_cycle + 1} |\n|---|---|---|---|\n"
        + "\n".join(
            f"| {name} | " + " | ".join(at(name, _cycle + n) for n in (-1, 0, 1)) + " |"
            for name in rows
            if name != "clk"
        )
    )
    return (at,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The same tile in golden

    What do the samples of the recording become, in hardware and in NumPy?
    """)
    return


@app.cell
def _(FIRST, TILES, at, config, data, judged, rows):
    _run = Run.start(config, data, epochs=10, observe=False)
    _step = _run.schedule.step(TILES)
    _labels = data.train_labels[_step.indices]
    _golden = GoldenLearner(_run.network).train_tiles(
        data.train,
        data.train_labels,
        _step.indices,
        annealing=_step.annealing,
        damping=_step.damping,
    )
    # Two samples side by side: columns 0 and 1.
    _device = [
        [at(f"head.{what}_{column}", cycle) for what in ("label", "prediction", "triggered")]
        for cycle in judged
        for column in (0, 1)
    ]
    _names = data.class_names
    # The recording begins in the middle of a tile: the first place at which all labels are these.
    _first = next(
        n
        for n in range(len(_labels) - len(_device) + 1)
        if [row[0] for row in _device] == [_names[label] for label in _labels[n:][: len(_device)]]
    )
    assert _first <= FIRST * config.tile
    comparison = [(_first + n, *row, _names[_golden[_first + n]]) for n, row in enumerate(_device)]
    assert all(device == golden for _, _, device, _, golden in comparison)
    mo.md(
        "| sample | is a | device says | triggers | golden says |\n|---:|---|---|---|---|\n"
        + "\n".join("| " + " | ".join(map(str, row)) + " |" for row in comparison[:16])
        + f"\n\nand so on: {len(comparison)} samples, all the same."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercises

    **1. From the first word to the class.** A sample comes as three words of 64 bits: label and
    inputs. How many cycles after its first word is its class known?
    """)
    return


@app.cell(hide_code=True)
def solution_latency(rows):
    _came = [cycle for cycle, value in rows["samples.visit_asked_for"] if value == "1"]
    _known = [cycle for cycle, value in rows["head.prediction_0"] if value != NOTHING]
    _waits = [
        known - max(cycle for cycle in _came if cycle < known)
        for known in _known
        if known > _came[0]
    ]
    mo.accordion(
        {
            "Solution": mo.md(
                "From the cycle in which the array asks for the inputs of a pass "
                "(`samples.visit_asked_for`) to the class (`head.prediction_0`): "
                f"{min(_waits)} to {max(_waits)} cycles. Words of later samples have come long "
                "before they are asked for: the memory is a ring that the host fills ahead. So the "
                "time from a sample's *first word* to its class is a matter of how full the ring "
                "is, and the time from the request is what the device itself takes."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **2. The slowest.** Which part of the device is it that the others wait for, in this stretch?
    """)
    return


@app.cell(hide_code=True)
def solution_slowest(timeline):
    _shares = {title: timeline.share(title) for title in timeline.spans}
    mo.accordion(
        {
            "Solution": mo.md(
                "| busy | share of the cycles |\n|---|---:|\n"
                + "\n".join(f"| {title} | {share:.0%} |" for title, share in _shares.items())
                + "\n\nIn this device the search is busiest: with only eight neurons, samples pass "
                "the array sooner than codes can be scanned for winners. Nobody is busy all of the "
                "time, because a tile of the beginning waits for the commit of one before. In a "
                "device of a board, hundreds of neurons pass, and the array is what all wait for "
                "in the end: `metabit plan` says what both take."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **3. Hold it up.** Let every stream stall at random, half of the time. Does anything change but
    the time it takes?
    """)
    return


@app.cell(hide_code=True)
def solution_stalls(outcome, train):
    _slow = train(stalls=Stalls(seed=1, receive=0.5, transmit=0.5, samples=0.5, predictions=0.5))
    assert _slow.state_sha256 == outcome.state_sha256
    mo.accordion(
        {
            "Solution": mo.md(
                f"{_slow.cycles['run']:,} cycles of training instead of "
                f"{outcome.cycles['run']:,}, and the same state to the last bit, "
                f"`{_slow.state_sha256[:8]}…`. Every engine waits for its neighbours through "
                "streams; when something happens is not what happens. Random numbers are drawn by "
                "updates, in golden's order, and not by the clock."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Next: `fault.py`, where bits break. What the blocks are, and what each costs:
    [The machine](../machine/array.md). How the time of a device is spent:
    [Speed](../performance.md#hardware).
    """)
    return


if __name__ == "__main__":
    app.run()
