import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Train, and watch")

with app.setup:
    import copy
    from dataclasses import dataclass

    import marimo as mo
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from metabit.golden.config import Config
    from metabit.golden.encoding.encoders import Encoder
    from metabit.golden.network import Network
    from metabit.golden.runs.observation import margins_of
    from metabit.golden.schedule import Schedule
    from metabit.plots.style import ACCENT, BAD, GOOD, INK, SECOND, SIGNED, name, panels


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Train, and watch

    A network learns ten handwritten digits. Each of its weights is one bit, the sign of a small
    counter, and learning only ever steps counters up or down. Here they can be seen doing so. Move
    the controls, and everything below them is computed anew.
    """)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## From pixels to bits

    The digits come with scikit-learn: 1,797 images of 8 x 8 pixels, 0 to 16. The network takes
    bits. A *thermometer* asks each pixel four questions: is it above 0, above 4, above 8, above 12?
    """)
    return


@app.cell
def _():
    images, labels = load_digits().images, load_digits().target
    bits = Encoder("thermometer:0,4,8,12").encode(images)
    train_bits, test_bits, train_labels, test_labels = train_test_split(
        bits, labels, random_state=0, stratify=labels
    )
    return bits, images, labels, test_bits, test_labels, train_bits, train_labels


@app.cell
def _(bits, images, labels):
    _figure, _axes = panels(2, 5, 9, 4.2, "Five images, and how many of a pixel's bits are 1")
    for _column in range(5):
        _axes[0][_column].imshow(images[_column], cmap="gray_r")
        # The bits of a threshold lie side by side, 64 of them.
        _axes[1][_column].imshow(bits[_column].reshape(4, 8, 8).sum(axis=0), cmap="Blues")
        name(_axes[0][_column], f"a {labels[_column]}")
        for _row in (0, 1):
            _axes[_row][_column].set(xticks=[], yticks=[])
    _figure
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The training

    Samples come in *tiles* of eight. All samples of a tile pass the network, then it learns from
    them. A sample *triggers* an update if its class was wrong, or right with too small a *margin*:
    the score of its class less that of the best other one. Then, in every group of neurons, the one
    that should change its mind and is nearest to doing so is *updated*: each of its counters takes
    a step, so that next time it is nearer. Where a counter passes zero, a weight *flips*.
    """)
    return


@app.cell
def _():
    controls = mo.ui.dictionary(
        {
            "neurons": mo.ui.slider(8, 128, 8, value=64, show_value=True),
            "counter_bits": mo.ui.slider(2, 8, value=8, show_value=True),
            "margin": mo.ui.slider(0.0, 0.5, 0.05, value=0.25, show_value=True),
            "epochs": mo.ui.slider(1, 10, value=5, show_value=True),
            "seed": mo.ui.slider(0, 9, value=0, show_value=True),
        }
    )
    controls
    return (controls,)


@app.class_definition
@dataclass
class Moment:
    """What there is to see after some tiles; counts are those since the beginning."""

    samples: int
    accuracy: float
    triggers: int
    updates: int
    flips: int
    counters: np.ndarray
    margins: np.ndarray


@app.cell
def _(test_bits, test_labels, train_bits, train_labels):
    EVERY = 13
    """Tiles from one moment to the next; an epoch has 13 times as many."""

    def look(network, moments):
        """Keep what there is to see now, without changing the training."""
        seen = copy.deepcopy(network)
        seen.drain()  # Passes see weights that are one tile old; a test should see today's.
        scores = seen.forward(test_bits).scores[0]
        statistics, counters = network.statistics, network.counters[0].copy()
        flips = 0
        if moments:
            turned = (counters >= 0) != (moments[-1].counters >= 0)
            flips = moments[-1].flips + int(turned.sum())
        moment = Moment(
            samples=statistics.samples,
            accuracy=float(np.mean(scores.argmax(axis=1) == test_labels)),
            triggers=statistics.triggers[0],
            updates=statistics.updates[0],
            flips=flips,
            counters=counters,
            margins=margins_of(scores, test_labels),
        )
        moments.append(moment)

    def watch(neurons=64, epochs=5, **settings):
        """Train a network; return it, and all moments on its way."""
        config = Config(
            inputs=train_bits.shape[1],
            hidden=(neurons,),
            classes=10,
            group=min(32, neurons),
            **settings,
        )
        network, moments = Network(config), []
        schedule = Schedule(config, len(train_labels), epochs)
        look(network, moments)
        for step in schedule:
            errors = 0
            for number, start in enumerate(range(0, len(step.indices), config.tile), 1):
                tile = step.indices[start : start + config.tile]
                passed = network.train_tile(
                    train_bits[tile],
                    train_labels[tile],
                    annealing=step.annealing,
                    damping=step.damping,
                )
                errors += np.count_nonzero(passed.predictions != train_labels[tile])
                if number % EVERY == 0:
                    look(network, moments)
            network.drain()
            schedule.advance(errors, step.tiles)
        return network, moments

    return (watch,)


@app.cell
def _(controls, watch):
    network, moments = watch(**controls.value)
    return moments, network


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Go back and forth in time:
    """)
    return


@app.cell(hide_code=True)
def _(moments):
    last = len(moments) - 1
    moment = mo.ui.dictionary({"moment": mo.ui.slider(0, last, value=last, show_value=True)})
    moment
    return (moment,)


@app.cell
def _(moment, moments, network):
    _now = moments[moment.value["moment"]]
    _samples = [each.samples for each in moments]
    _figure, _axes = panels(2, 2, 10.5, 6.6, f"After {_now.samples:,} samples")

    _curve = _axes[0][0]
    _curve.plot(_samples, [100 * each.accuracy for each in moments], color=ACCENT)
    name(_curve, f"Accuracy on the test samples: {100 * _now.accuracy:.1f} %", "samples", "%")

    _moves = _axes[0][1]
    for _what, _colour in (("triggers", SECOND), ("updates", GOOD), ("flips", BAD)):
        _counts = np.diff([getattr(each, _what) for each in moments])
        _moves.plot(_samples[1:], _counts, color=_colour, label=_what)
    _moves.set_yscale("symlog")
    _moves.legend(frameon=False, labelcolor=INK, fontsize=8)
    name(_moves, "From moment to moment", "samples")
    for _each in (_curve, _moves):
        _each.axvline(_now.samples, color=INK, linewidth=0.8)

    _low, _high = network.config.counter_range
    _edges = np.linspace(_low, _high + 1, min(65, _high - _low + 2))
    _axes[1][0].hist(_now.counters.ravel(), bins=_edges, color=ACCENT)
    _axes[1][0].axvline(0, color=INK, linewidth=0.8)
    name(_axes[1][0], "Counters; the weight is their sign", "value", "counters")

    _wrong, _right = _now.margins[_now.margins < 0], _now.margins[_now.margins >= 0]
    _edges = np.arange(_now.margins.min() - 2, _now.margins.max() + 3, 2)
    _axes[1][1].hist([_wrong, _right], bins=_edges, color=[BAD, GOOD], stacked=True)
    _axes[1][1].axvline(network.config.margin_threshold[0], color=INK, linewidth=0.8)
    name(_axes[1][1], "Margins; left of the line, a sample would trigger", "margin", "test samples")
    _figure
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    At first nearly every sample triggers. The counters begin in the middle of their range, so that
    weights flip easily, and drift apart as the training goes on: a counter far from zero is a
    weight that is sure of itself. Margins move to the right, past the line, and the updates become
    rarer.

    ## A neuron

    The counters of a neuron have a place each in the image, once for every threshold. What does it
    look for?
    """)
    return


@app.cell(hide_code=True)
def _(network):
    neuron = mo.ui.dictionary(
        {"neuron": mo.ui.slider(0, network.config.hidden[0] - 1, value=0, show_value=True)}
    )
    neuron
    return (neuron,)


@app.cell
def _(moment, moments, network, neuron):
    _number, _counters = neuron.value["neuron"], moments[moment.value["moment"]].counters
    _low, _high = network.config.counter_range
    _figure, [_axes] = panels(
        1, 4, 10, 3, f"Neuron {_number}: counters, blue where the weight is +1"
    )
    for _place, _threshold in zip(_axes, (0, 4, 8, 12), strict=True):
        _image = _counters[_number].reshape(4, 8, 8)[_threshold // 4]
        _place.imshow(_image, cmap=SIGNED, vmin=_low, vmax=_high)
        _place.set(xticks=[], yticks=[])
        name(_place, f"pixel above {_threshold}")
    _figure
    return


@app.cell(hide_code=True)
def _(network, neuron):
    _codes = network.classifier[0][:, neuron.value["neuron"]]
    _for = ", ".join(str(label) for label in np.flatnonzero(_codes)) or "none"
    mo.md(
        f"It votes for the classes {_for}, and against the others: that was drawn at random before "
        "the training, and stays. What is learnt is when to say so."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercises

    Try each with the controls first. The solutions are folded; so is their code.

    **1. Small counters.** A counter of 2 bits has four values, one of 8 bits 256. Are more bits
    always better, and how often do the weights flip?
    """)
    return


@app.cell(hide_code=True)
def solution_small_counters(watch):
    def _row(counter_bits):
        found = [watch(counter_bits=counter_bits, seed=seed)[1][-1] for seed in range(3)]
        accuracy = 100 * np.mean([each.accuracy for each in found])
        flips = np.mean([each.flips for each in found])
        return f"| {counter_bits} | {accuracy:.1f} | {flips:,.0f} |"

    mo.accordion(
        {
            "Solution": mo.md(
                "Mean of three seeds, five epochs:\n\n"
                "| bits of a counter | test accuracy, % | flips |\n|---:|---:|---:|\n"
                + "\n".join(_row(counter_bits) for counter_bits in (2, 4, 6, 8))
                + "\n\nA counter remembers how often a weight was right. With two bits it forgets "
                "at the second contradiction, and weights flip back and forth; a wide one averages "
                "over many samples before it gives in, and takes longer to learn anything. Give "
                "the networks ten epochs instead of five, and look again."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **2. No margin.** With a margin of 0 only wrong samples trigger. What is lost?
    """)
    return


@app.cell(hide_code=True)
def solution_no_margin(watch):
    def _row(margin):
        found = [watch(margin=margin, seed=seed)[1][-1] for seed in range(3)]
        accuracy = 100 * np.mean([each.accuracy for each in found])
        updates = np.mean([each.updates for each in found])
        return f"| {margin} | {accuracy:.1f} | {updates:,.0f} |"

    mo.accordion(
        {
            "Solution": mo.md(
                "Mean of three seeds, five epochs:\n\n"
                "| margin | test accuracy, % | updates |\n|---:|---:|---:|\n"
                + "\n".join(_row(margin) for margin in (0.0, 0.1, 0.25, 0.5))
                + "\n\nWithout a margin, a sample that is right by a hair teaches nothing, "
                "although the next one like it may be wrong. Updates cost time in hardware, so "
                "that the margin buys accuracy with cycles."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **3. Whose counters move?** Take the trained network and train it on one more tile. How many of
    its counters have moved, and by how much?
    """)
    return


@app.cell(hide_code=True)
def solution_whose_counters_move(network, train_bits, train_labels):
    _again = copy.deepcopy(network)
    _before = _again.counters[0].copy()
    _triggers, _updates = _again.statistics.triggers[0], _again.statistics.updates[0]
    _again.train_tile(train_bits[:8], train_labels[:8])
    _moved = _again.counters[0] - _before
    _triggers = _again.statistics.triggers[0] - _triggers
    _updates = _again.statistics.updates[0] - _updates
    _rows = int(np.any(_moved, axis=1).sum())
    _steps = (
        ", ".join(
            f"{count:,} by {step:+d}"
            for step, count in zip(*np.unique(_moved[_moved != 0], return_counts=True), strict=True)
        )
        or "none"
    )
    mo.accordion(
        {
            "Solution": mo.md(
                f"{_triggers} of the eight samples triggered, and {_updates} neurons were updated, "
                f"{_rows} different ones. Of their counters moved: {_steps}. All others, "
                f"{(_moved == 0).mean():.0%} of the network, have stood still. A step of two is "
                "*reinforcement*: now and then a counter is pushed away from zero, whatever the "
                "sample says. A counter at an end of its range stays there."
            )
        }
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Next: `tile.py`, where a tile passes the hardware, cycle by cycle. What the rule is in full:
    [The training rule](../algorithm.md).
    """)
    return


if __name__ == "__main__":
    app.run()
