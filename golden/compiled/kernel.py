"""The training rule, compiled: 64 weights at a time.

Functions here say the same as :class:`metabit.golden.network.Network`, which is the one to read.
"""

import numpy as np

from ..config import WORD
from ..generator import PERIOD, SHIFTS
from . import state as engine_state
from .state import Layer
from .vector import LANES, at_least, cached, compiled, learn_word, popcount

_LEFT, _RIGHT, _LEFT_AGAIN = (np.uint64(shift) for shift in SHIFTS)
_STATE_MASK = np.uint64(PERIOD)
_PARTS = LANES // WORD
_PART_MASK = np.uint64((1 << WORD) - 1)
_ONE = np.uint64(1)
_cached = cached(engine_state.__file__, constants=(WORD, SHIFTS))


@compiled
def _rows(flat, start, rows, columns):
    """Return the part of an array that belongs to a layer."""
    return flat[start : start + rows * columns].reshape(rows, columns)


@compiled
def _layer(geometry, state, scratch, visible):
    """Return the part of all arrays that belongs to a layer, ``visible`` being what it sees."""
    it, tile = geometry, len(scratch.z)
    return Layer(
        it.fan_in,
        it.width,
        it.group,
        it.margin,
        _rows(state.counters, it.counters, it.width, it.words * LANES),
        _rows(state.signs, it.signs, it.width, it.words),
        _rows(visible, it.signs, it.width, it.words),
        _rows(state.codes, it.codes, len(scratch.scores), it.out_words),
        _rows(scratch.inputs, it.inputs, tile, it.words),
        _rows(scratch.inputs, it.inputs + tile * it.words, tile, it.out_words),
        _rows(scratch.winners, it.winners, tile, it.groups),
    )


@compiled
def _trim(bits, width):
    """Clear the bits of the last word that are beyond the width."""
    rest = np.uint64(width % LANES)
    if rest:
        bits[len(bits) - 1] &= (_ONE << rest) - _ONE


@compiled
def _compare(z, sample, width, threshold, bits):
    """Set bits to ``z >= threshold``."""
    for word in range(len(bits)):
        bits[word] = at_least(z, sample, word * LANES, np.int32(threshold))
    _trim(bits, width)


@compiled
def _mismatches(left, right):
    """Return in how many bits two rows differ."""
    count = 0
    for word in range(len(left)):
        count += popcount(left[word] ^ right[word])
    return count


@compiled
def _forward(layer, samples, z):
    """Compute pre-activations and activations of a layer for a tile."""
    for k in range(layer.width):
        for sample in range(samples):
            mismatches = _mismatches(layer.inputs[sample], layer.visible[k])
            z[sample, k] = layer.fan_in - 2 * mismatches
    for sample in range(samples):
        _compare(z, sample, layer.width, 0, layer.outputs[sample])


@compiled
def _add_scores(layer, bits, scores):
    """Add the class scores of one bit per neuron."""
    for label in range(len(scores)):
        scores[label] += layer.width - 2 * _mismatches(bits, layer.codes[label])


@compiled
def _score(layer, sample, offset, scratch):
    """Compute the class scores of a sample."""
    for label in range(len(scratch.scores)):
        scratch.scores[label] = 0
    _add_scores(layer, layer.outputs[sample], scratch.scores)
    if offset:
        bits = scratch.head[: layer.outputs.shape[1]]
        for threshold in (offset, -offset):
            _compare(scratch.z, sample, layer.width, threshold, bits)
            _add_scores(layer, bits, scratch.scores)


@compiled
def _add_up(number, sample, summed, scratch):
    """Add a layer's scores to those that the prediction follows from, or take their place."""
    for label in range(len(scratch.scores)):
        before = scratch.sums[sample, label] if summed and number else 0
        scratch.sums[sample, label] = before + scratch.scores[label]


@compiled
def _best(scores, without):
    """Return the lowest index of the largest score, leaving out one index."""
    best = -1
    for label in range(len(scores)):
        if label != without and (best < 0 or scores[label] > scores[best]):
            best = label
    return best


@compiled
def _choose(layer, sample, z, label, rival, rival_selection):
    """Find the winner of every group: the candidate of smallest ``|z|``, or -1."""
    desired, other = layer.codes[label], layer.codes[rival]
    for group in range(layer.winners.shape[1]):
        winner, least = -1, 0
        for k in range(group * layer.group, min(layer.width, (group + 1) * layer.group)):
            word, bit = k // LANES, np.uint64(k % LANES)
            candidates = layer.outputs[sample, word] ^ desired[word]
            if rival_selection:
                candidates &= desired[word] ^ other[word]
            if (candidates >> bit) & _ONE and (winner < 0 or abs(z[sample, k]) < least):
                winner, least = k, abs(z[sample, k])
        layer.winners[sample, group] = winner


@compiled
def _draw(generator):
    """Advance the generator and return its state."""
    state = generator[0]
    state ^= (state << _LEFT) & _STATE_MASK
    state ^= state >> _RIGHT
    state ^= (state << _LEFT_AGAIN) & _STATE_MASK
    generator[0] = state
    return state


@compiled
def _learn(layer, sample, winner, label, rule, rare, generator):
    """Update and reinforce the counters of a winner."""
    inputs = layer.inputs[sample]
    desired = (layer.codes[label, winner // LANES] >> np.uint64(winner % LANES)) & _ONE
    words = -(-layer.fan_in // WORD)
    phase = _draw(generator) & rule.phase_mask
    for column in range(len(inputs)):
        touched = reinforced = np.uint64(0)
        for part in range(min(_PARTS, words - column * _PARTS)):
            draw = _draw(generator)
            if np.uint64(column * _PARTS + part) & rule.phase_mask == phase:
                lanes = _PART_MASK << np.uint64(part * WORD)
                touched |= lanes
                if draw & rare == 0:
                    reinforced |= lanes
        if touched:
            up = inputs[column] if desired else ~inputs[column]
            layer.signs[winner, column] = learn_word(
                *(layer.counters, winner, column * LANES),
                *(up, touched, reinforced, rule.low, rule.high),
            )
    _trim(layer.signs[winner], layer.fan_in)


@compiled
def _show(layer, triggered):
    """Make visible what the tile before, whose winners are still there, has changed."""
    for sample in range(len(triggered)):
        if triggered[sample]:
            for winner in layer.winners[sample]:
                if winner >= 0:
                    layer.visible[winner] = layer.signs[winner]


@compiled
def _train_tile(geometry, state, scratch, rule, visible, labels, predictions):
    """Train on one tile: all forward passes first, then the updates in order."""
    for number in range(len(geometry)):
        layer = _layer(geometry[number], state, scratch, visible)
        _forward(layer, len(labels), scratch.z)
        if rule.lag:
            _show(layer, scratch.triggered[:, number])
        for sample, label in enumerate(labels):
            _score(layer, sample, rule.head_offset, scratch)
            best, rival = _best(scratch.scores, -1), _best(scratch.scores, label)
            margin = scratch.scores[label] - scratch.scores[rival]
            triggered = best != label or margin < layer.margin
            if triggered:
                _choose(layer, sample, scratch.z, label, rival, rule.rival_selection)
            scratch.triggered[sample, number] = triggered
            _add_up(number, sample, rule.summed_scores, scratch)
    for sample, label in enumerate(labels):
        predictions[sample] = _best(scratch.sums[sample], -1)
        state.statistics[0, 0] += 1
        state.statistics[0, 1] += predictions[sample] == label
        for number in range(len(geometry)):
            if scratch.triggered[sample, number]:
                state.statistics[1 + number, 0] += 1
                layer = _layer(geometry[number], state, scratch, visible)
                for winner in layer.winners[sample]:
                    if winner >= 0:
                        state.statistics[1 + number, 1] += 1
                        _learn(
                            *(layer, sample, winner, label),
                            *(rule, rule.rare[number], state.generator),
                        )


@compiled
def _load(samples, indices, words, inputs):
    """Copy samples to the inputs of the first layer."""
    for sample, index in enumerate(indices):
        for word in range(words):
            inputs[sample * words + word] = samples[index, word]


@_cached
def train(geometry, state, scratch, rule, drained, samples, indices, labels, predictions):
    """Train on tiles, one after the other.

    Parameters
    ----------
    geometry : ndarray of GEOMETRY
        A record per layer.
    state : State
        Is trained.
    scratch : Scratch
        For tiles of its size.
    rule : Rule
        What to do.
    drained : bool
        Whether the first pass is to see all updates of before; if not, those of the tile before
        are the next to be made visible.
    samples : ndarray of uint64, shape (n, words)
        Packed samples.
    indices, labels : ndarray of int64
        Samples to train on, in order, and their classes.
    predictions : ndarray of int64
        Receives the predictions of their forward passes.
    """
    tile = len(scratch.z)
    visible = state.signs
    if rule.lag:
        visible = scratch.visible
        if drained:
            # All is visible, and no tile before has left anything to show.
            visible[:] = state.signs
            scratch.triggered[:] = False
    for start in range(0, len(indices), tile):
        end = min(start + tile, len(indices))
        _load(samples, indices[start:end], geometry[0].words, scratch.inputs)
        _train_tile(
            *(geometry, state, scratch, rule, visible, labels[start:end]), predictions[start:end]
        )


@_cached
def predict(geometry, state, scratch, rule, samples, predictions):
    """Set the classes of samples, without learning; parameters as in :func:`train`."""
    tile = len(scratch.z)
    for start in range(0, len(samples), tile):
        end = min(start + tile, len(samples))
        _load(samples, range(start, end), geometry[0].words, scratch.inputs)
        for number in range(len(geometry)):
            layer = _layer(geometry[number], state, scratch, state.signs)
            _forward(layer, end - start, scratch.z)
            if rule.summed_scores or number == len(geometry) - 1:
                for sample in range(end - start):
                    _score(layer, sample, rule.head_offset, scratch)
                    _add_up(number, sample, rule.summed_scores, scratch)
        for sample in range(end - start):
            predictions[start + sample] = _best(scratch.sums[sample], -1)
