"""The training rule once more: scalar, slow, without NumPy, straight from the written rule.

It shares nothing with :mod:`metabit.golden.network` but the configuration's plain fields, so that
agreement of the two means something. What follows from a field (fan-ins, margins, probabilities)
is computed here again.
"""

import math

MASK32 = 0xFFFFFFFF
WORD = 16


class Xorshift:
    def __init__(self, state):
        self.state = state

    def draw(self):
        x = self.state
        x = x ^ (x << 13) & MASK32
        x = x ^ (x >> 17)
        x = x ^ (x << 5) & MASK32
        self.state = x
        return x


def argmax(values, without=None):
    """Lowest index of the largest value, leaving out one index."""
    best = None
    for index, value in enumerate(values):
        if index != without and (best is None or value > values[best]):
            best = index
    return best


class Reference:
    def __init__(self, config):
        self.config = config
        self.generator = Xorshift(config.generator_state)
        self.bits = config.counter_bits
        self.low, self.high = -(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1
        self.widths = list(config.hidden)
        self.fan_in = [config.inputs, *self.widths[:-1]]
        self.planes = 3 if config.head_offset else 1
        self.samples = self.correct = 0
        self.triggers = [0] * len(self.widths)
        self.updates = [0] * len(self.widths)
        self.classifier = [self._codes(width) for width in self.widths]
        self.counters = [
            [self._row(fan_in) for _ in range(width)]
            for width, fan_in in zip(self.widths, self.fan_in, strict=True)
        ]
        self.drain()

    def drain(self):
        """Let the next forward pass see all updates."""
        self.visible = [[[v >= 0 for v in row] for row in layer] for layer in self.counters]

    def _codes(self, width):
        rows = []
        for _ in range(self.config.classes):
            row = []
            for start in range(0, width, WORD):
                word = self.generator.draw() & 0xFFFF
                row += [word >> bit & 1 for bit in range(min(WORD, width - start))]
            rows.append(row)
        return rows

    def _row(self, fan_in):
        bits = min(6, max(1, self.bits - 2))
        row = []
        for start in range(0, fan_in, WORD):
            for lane in range(WORD):
                value = self.generator.draw() % 2**bits
                if value >= 2 ** (bits - 1):
                    value -= 2**bits
                if start + lane < fan_in:
                    row.append(value)
        return row

    def forward(self, sample):
        """Return inputs, pre-activations and class scores of each layer."""
        inputs, zs, scores = [], [], []
        x = [int(bit) for bit in sample]
        for layer, width in enumerate(self.widths):
            inputs.append(x)
            z = []
            for row in self.visible[layer]:
                agree = sum(weight == bool(bit) for weight, bit in zip(row, x, strict=True))
                z.append(2 * agree - len(x))
            t = self.config.head_offset
            heads = [[zk >= 0] if not t else [zk >= -t, zk >= 0, zk >= t] for zk in z]
            scores.append(
                [
                    sum(1 if bit == bool(code[k]) else -1 for k in range(width) for bit in heads[k])
                    for code in self.classifier[layer]
                ]
            )
            zs.append(z)
            x = [int(zk >= 0) for zk in z]
        return inputs, zs, scores

    def _prediction(self, scores):
        if self.config.summed_scores:
            return argmax([sum(one_class) for one_class in zip(*scores, strict=True)])
        return argmax(scores[-1])

    def predict(self, sample):
        return self._prediction(self.forward(sample)[2])

    def train_tile(self, samples, labels, annealing, damping):
        passes = [self.forward(sample) for sample in samples]
        if self.config.lag == 1:
            self.drain()
        for (inputs, zs, scores), label in zip(passes, labels, strict=True):
            self.samples += 1
            self.correct += self._prediction(scores) == label
            for layer in range(len(self.widths)):
                self._learn(
                    layer, inputs[layer], zs[layer], scores[layer], label, annealing, damping
                )
        if self.config.lag == 0:
            self.drain()
        return [self._prediction(scores) for _, _, scores in passes]

    def _learn(self, layer, x, z, scores, label, annealing, damping):
        width = self.widths[layer]
        rival = argmax(scores, without=label)
        threshold = math.floor(self.config.margin * self.planes * width)
        if argmax(scores) == label and scores[label] - scores[rival] >= threshold:
            return
        self.triggers[layer] += 1
        mine, other = self.classifier[layer][label], self.classifier[layer][rival]
        for start in range(0, width, self.config.group):
            winner = None
            for k in range(start, min(width, start + self.config.group)):
                wrong = (z[k] >= 0) != bool(mine[k])
                if self.config.rival_selection and mine[k] == other[k]:
                    wrong = False
                if wrong and (winner is None or abs(z[k]) < abs(z[winner])):
                    winner = k
            if winner is not None:
                self.updates[layer] += 1
                self._update(layer, winner, x, mine[winner], annealing, damping)

    def _saturate(self, value):
        return min(self.high, max(self.low, value))

    def _update(self, layer, neuron, x, desired, annealing, damping):
        row = self.counters[layer][neuron]
        fan_in = len(row)
        period = 2**annealing
        phase = self.generator.draw() % period
        p = self.config.reinforcement * math.sqrt(2 / (math.pi * fan_in))
        for word in range(math.ceil(fan_in / WORD)):
            draw = self.generator.draw()
            if word % period != phase:
                continue
            reinforce = p > 0 and draw % 2 ** (max(0, round(-math.log2(p))) + damping) == 0
            for i in range(word * WORD, min(fan_in, (word + 1) * WORD)):
                row[i] = self._saturate(row[i] + (1 if x[i] == desired else -1))
                if reinforce:
                    row[i] = self._saturate(row[i] + (1 if row[i] >= 0 else -1))
