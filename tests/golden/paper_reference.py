"""The paper's rule once more: scalar, slow, without NumPy, straight from the written rule.

It shares nothing with :mod:`metabit.golden.paper.network` but the configuration's plain fields, so
that agreement of the two means something. What follows from a field is computed here again.
"""

import math
from bisect import bisect_right

from reference import Xorshift, argmax

DEVIATION = 64


def sign(value):
    return (value > 0) - (value < 0)


class PaperReference:
    def __init__(self, config):
        self.config = config
        # A seed spreads over the state by an odd multiplier, as in hardware mode.
        self.generator = Xorshift((config.seed * 0x9E3779B1 + 0x6D2B79F5) % 2**32 or 0x6D2B79F5)
        self.widths = list(config.hidden)
        self.fan_in = [config.inputs, *self.widths[:-1]]
        self.voters = [
            width // config.group if config.rule == "baldassi" else width for width in self.widths
        ]
        self.samples = self.correct = 0
        self.triggers = [0] * len(self.widths)
        self.updates = [0] * len(self.widths)
        self.classifier = [self._codes(voters) for voters in self.voters]
        self.hidden = [
            [[self._weight() for _ in range(fan_in)] for _ in range(width)]
            for width, fan_in in zip(self.widths, self.fan_in, strict=True)
        ]

    def _codes(self, width):
        if self.config.rule == "bep":
            return self._balanced(width)
        return [[sign(self._weight()) for _ in range(width)] for _ in range(self.config.classes)]

    def _balanced(self, width):
        """For half of the classes: those of the smallest draws, neuron by neuron."""
        codes = [[-1] * width for _ in range(self.config.classes)]
        for k in range(width):
            draws = [self.generator.draw() for _ in codes]
            for label in sorted(range(len(codes)), key=draws.__getitem__)[
                : (len(codes) + k % 2) // 2
            ]:
                codes[label][k] = 1
        return codes

    def _weight(self):
        """Inverse of the distribution function of trunc(N(0, 64)), by bisection."""
        draw = self.generator.draw()

        def below(value):
            # trunc(x) <= value  <=>  x < value + 1 from zero on, x <= value below it
            bound = value + 1 if value >= 0 else value
            return round(2**32 * 0.5 * math.erfc(-bound / DEVIATION / math.sqrt(2)))

        low, high = -7 * DEVIATION, 7 * DEVIATION
        while low < high:
            middle = (low + high) // 2
            if draw < below(middle):
                high = middle
            else:
                low = middle + 1
        return low

    def _hits(self, count, probability):
        """Positions of hits in a row of trials, by the distances between them."""
        if probability <= 0:
            return []
        mean = count * probability
        size = int(mean + 4 * math.sqrt(mean)) + 4
        bounds, above = [], 1.0
        while len(bounds) < count:
            above *= 1 - probability
            bounds.append(round(2**32 * (1 - above)))
        hits, position = [], -1
        while position < count:
            for _ in range(size):
                position += 1 + bisect_right(bounds, self.generator.draw())
                hits.append(position)
        return [hit for hit in hits if hit < count]

    def _votes(self, activations):
        if self.config.rule != "baldassi":
            return activations
        group = self.config.group
        return [
            sign(sum(activations[start : start + group]))
            for start in range(0, len(activations), group)
        ]

    def forward(self, sample):
        """Return inputs, pre-activations and class scores of each layer."""
        inputs, zs, scores = [], [], []
        x = [1 if bit else -1 for bit in sample]
        for hidden, codes in zip(self.hidden, self.classifier, strict=True):
            inputs.append(x)
            z = [sum(sign(h) * v for h, v in zip(row, x, strict=True)) for row in hidden]
            x = [sign(value) for value in z]
            votes = self._votes(x)
            zs.append(z)
            scores.append([sum(p * v for p, v in zip(code, votes, strict=True)) for code in codes])
        return inputs, zs, scores

    def predict(self, sample):
        return argmax(self.forward(sample)[2][-1])

    def train_batch(self, samples, labels, accuracy):
        passes = [self.forward(sample) for sample in samples]
        for layer in range(len(self.widths)):
            self._learn(layer, passes, labels, accuracy)
        predictions = [argmax(scores[-1]) for _, _, scores in passes]
        self.samples += len(labels)
        self.correct += sum(p == y for p, y in zip(predictions, labels, strict=True))
        return predictions

    def _learn(self, layer, passes, labels, accuracy):
        moves = []
        triggered = 0
        for (inputs, zs, scores), label in zip(passes, labels, strict=True):
            judge = -1 if self.config.rule == "bep" else layer
            first, second = sorted(scores[judge], reverse=True)[:2]
            threshold = int(self.config.margin * self.voters[judge])
            if argmax(scores[judge]) == label and first - second >= threshold:
                continue
            triggered += 1
            desired = self._desired(layer, zs, label)
            for winner in self._winners(zs[layer], desired):
                moves.append((winner, desired[winner], inputs[layer]))
        if not triggered:
            return
        self.triggers[layer] += triggered
        self.updates[layer] += len(moves)
        hidden = self.hidden[layer]
        for winner, wanted, x in moves:
            for i, value in enumerate(x):
                hidden[winner][i] += 2 * wanted * value
        fan_in = self.fan_in[layer]
        probability = (
            self.config.reinforcement * math.sqrt(1 - accuracy) * math.sqrt(2 / (math.pi * fan_in))
        )
        for hit in self._hits(len(hidden) * fan_in, probability):
            row, column = divmod(hit, fan_in)
            hidden[row][column] += 2 * sign(hidden[row][column])
        limit = self.config.weight_clip
        if limit:
            for row in hidden:
                row[:] = [max(-limit, min(limit, value)) for value in row]

    def _desired(self, layer, zs, label):
        if self.config.rule == "bep":
            return self._handed_on(layer, zs, label)
        code = self.classifier[layer][label]
        if self.config.rule == "paper":
            return code
        votes = self._votes([sign(value) for value in zs[layer]])
        desired = []
        for vote, wanted in zip(votes, code, strict=True):
            desired += [wanted if vote * wanted < 0 else 0] * self.config.group
        return desired

    def _handed_on(self, layer, zs, label):
        """Desired activations of a layer: of those that the layer above hands on, the majority."""
        if layer == len(self.widths) - 1:
            return self.classifier[layer][label]
        above = self._handed_on(layer + 1, zs, label)
        desired = []
        for column in range(self.widths[layer]):
            total = 0
            for row, z, wanted in zip(self.hidden[layer + 1], zs[layer + 1], above, strict=True):
                if abs(z) <= self.config.gate * self.fan_in[layer + 1]:
                    total += sign(row[column]) * wanted
            desired.append(sign(total))
        return desired

    def _winners(self, z, desired):
        for start in range(0, len(z), self.config.group):
            winner = None
            for k in range(start, start + self.config.group):
                wrong = z[k] * desired[k] < 0
                if wrong and (winner is None or abs(z[k]) < abs(z[winner])):
                    winner = k
            if winner is not None:
                yield winner
