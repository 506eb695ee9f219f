"""A trained network as a C header: whole numbers, nothing but the standard integer types.

XNOR and popcount are portable C99; encoder, class names and, on request, samples to test it with
are in the same file. The predictions are golden's, sample by sample.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..golden.checkpoints.hardware import Checkpoint
from ..golden.data.class_names import class_names
from ..golden.data.seen import Seen
from ..golden.encoding.encoders import Encoder
from ..golden.network import Network
from .c_encoder import CEncoder, encoder_in_c
from .c_text import WORD, array, text_literal, words_of
from .errors import ExportError
from .whole_numbers import scaled_samples

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_HEAD = """\
/* Binary neural network "@", trained by Metabit {version}.

   {layers}, state {state}

   int @_predict(const @_value *sample)
       returns the class, 0 to {last}, of a sample of {values} numbers{shape}{scale}.{columns}
   int @_scores(const @_value *sample, int32_t *scores)
       also gives the scores of all classes; the highest wins, the first on ties.
   @_class_names[]
       says what the classes are called.{self_test}

   C99, whole numbers only, nothing is allocated and nothing changed. */

#ifndef {guard}
#define {guard}

#include <stdint.h>

typedef uint32_t @_word;
typedef {value} @_value;
"""

_TOLD = """
   int @_self_test(void)
       returns how many test samples come out wrong: 0."""

_POPCOUNT = """
static inline int32_t @_popcount(@_word x)
{
    x -= x >> 1 & 0x55555555u;
    x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0fu;
    return (int32_t)(x * 0x01010101u >> 24);
}

/* Sum of so many products of +1 and -1: those that are equal less those that differ. */
static inline int32_t @_product(const @_word *a, const @_word *b, uint32_t size)
{
    int32_t differ = 0;
    uint32_t i;
    for (i = 0; i < (size + 31) / 32; ++i)
        differ += @_popcount(a[i] ^ b[i]);
    return (int32_t)size - 2 * differ;
}

static inline void @_put(@_word *bits, uint32_t at, int bit)
{
    if (bit)
        bits[at / 32] |= (@_word)1 << (at % 32);
    else
        bits[at / 32] &= ~((@_word)1 << (at % 32));
}
"""

_LAYER = """
/* A layer: activations of all neurons and, if it votes, its votes for all classes. */
static inline void @_layer(const @_word *inputs, uint32_t size, const @_word *weights,
                           uint32_t neurons, const @_word *codes, @_word *outputs,
                           int32_t *scores)
{{
    const uint32_t words = (size + 31) / 32, votes = (neurons + 31) / 32;
    uint32_t n, c;
{declare}    for (n = 0; n < neurons; ++n) {{
        const int32_t z = @_product(inputs, weights + n * words, size);
        @_put(outputs, n, z >= 0);
{planes}    }}
    if (!codes)
        return;
    for (c = 0; c < @_CLASSES; ++c)
        scores[c] += @_product(outputs, codes + c * votes, neurons){more};
}}
"""

_SELF_TEST = """
/* Number of the test samples whose class is not what golden has predicted. */
static inline int @_self_test(void)
{
    int wrong = 0;
    uint32_t i;
    for (i = 0; i < @_TESTS; ++i)
        wrong += @_predict(@_test_samples + i * @_VALUES) != @_test_classes[i];
    return wrong;
}
"""


@dataclass(frozen=True)
class CHeader:
    """A header, and how samples are written for it.

    Attributes
    ----------
    text : str
        The header.
    value : str
        Type of a number of a sample.
    digits : int
        Numbers are written times ten to this power, rounded up.
    """

    text: str
    value: str
    digits: int

    def samples(self, images: npt.NDArray) -> npt.NDArray[np.int64]:
        """Return samples as the header takes them, shape (n, values)."""
        return scaled_samples(images, self.digits).reshape(len(images), -1)


def c_header(checkpoint: Checkpoint, name: str, tests: npt.NDArray | None = None) -> CHeader:
    """Return a network as a C header.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network, with its encoder and names.
    name : str
        Prefix of all names.
    tests : ndarray, shape (n, ...), optional
        Samples for the self-test.

    Raises
    ------
    ExportError
        If the name is none in C, or the checkpoint does not say what samples are.
    """
    if not _NAME.fullmatch(name):
        raise ExportError(f"--name must be a name in C, letters and digits, not {name!r}")
    record, config = checkpoint.record, checkpoint.config
    if record.seen is None:
        raise ExportError(
            "the checkpoint is of an earlier version, which did not keep the shape and type of "
            "its samples; train again, or let metabit train --resume make it longer"
        )
    network = checkpoint.network()
    encoder = record.encoder_of(config.encoder)
    written = encoder_in_c(encoder, record.seen, config.inputs)
    names = class_names(record.dataset, config.classes, record.class_names)
    parts = [
        _head(checkpoint, record.seen, written, tests is not None),
        _sizes(network, record.seen),
        _POPCOUNT,
        written.code + "\n",
        _layer_function(config.head_offset),
        *_layers(network),
        _scores(network),
        f"static const char *const @_class_names[{len(names)}] = {{\n"
        + "".join(f"    {text_literal(text)},\n" for text in names)
        + "};\n",
    ]
    header = CHeader("", written.value, written.digits)
    if tests is not None:
        parts += _self_test(header, network, encoder, tests)
    text = "\n".join(part.strip("\n") + "\n" for part in parts) + "\n#endif\n"
    return CHeader(text.replace("@", name), written.value, written.digits)


def _head(checkpoint: Checkpoint, seen: Seen, written: CEncoder, tested: bool) -> str:
    config = checkpoint.config
    scale = ""
    if written.digits:
        scale = f",\n       each times 10^{written.digits}, rounded up to a whole number"
    return _HEAD.format(
        version=__version__,
        layers="-".join(map(str, (config.inputs, *config.hidden, config.classes))),
        state=checkpoint.record.state_sha256[:16],
        last=config.classes - 1,
        values=int(np.prod(seen.shape)),
        shape=f" ({' x '.join(map(str, seen.shape))})" if len(seen.shape) > 1 else "",
        scale=scale,
        columns=_columns(checkpoint.record.columns),
        self_test=_TOLD if tested else "",
        guard="@_NETWORK_H",
        value=written.value,
    )


def _columns(names: tuple[str, ...]) -> str:
    """Return the names of columns as a comment has them, which nothing in them may end."""
    plain = [name.replace("*/", "* /").replace("@", "(at)") for name in names]
    lines = [f"\n       {number}: {' '.join(name.split())}" for number, name in enumerate(plain)]
    return "".join(["\n       The numbers are:", *lines]) if names else ""


def _sizes(network: Network, seen: Seen) -> str:
    """Return what is constant, as an enumeration."""
    config = network.config
    sizes = {
        "VALUES": int(np.prod(seen.shape)),
        "INPUTS": config.inputs,
        "CLASSES": config.classes,
        "WIDEST": max(config.hidden),
    }
    if len(seen.shape) == 2:
        sizes |= {"HEIGHT": seen.shape[0], "WIDTH": seen.shape[1], "STRIDE": 4}
    body = ", ".join(f"@_{name} = {value}" for name, value in sizes.items())
    return f"enum {{ {body} }};\n"


def _layer_function(offset: int) -> str:
    """Return the function of a layer, with the further planes of a head with an offset."""
    if not offset:
        return _LAYER.format(declare="", planes="", more="")
    size = f"(@_WIDEST + {WORD - 1}) / {WORD}"
    return _LAYER.format(
        declare=f"    @_word above[{size}] = {{0}}, below[{size}] = {{0}};\n",
        planes=f"        @_put(above, n, z >= {offset});\n"
        f"        @_put(below, n, z >= -{offset});\n",
        more="\n            + @_product(above, codes + c * votes, neurons)"
        "\n            + @_product(below, codes + c * votes, neurons)",
    )


def _voting(network: Network) -> range:
    """Return which layers' votes count."""
    layers = network.config.layers
    return range(layers) if network.config.summed_scores else range(layers - 1, layers)


def _layers(network: Network) -> list[str]:
    """Return weights of all layers, and codes of those that vote."""
    parts = []
    for layer, counters in enumerate(network.counters):
        parts.append(array("@_word", f"@_weights{layer}", words_of(counters >= 0)))
        if layer in _voting(network):
            code = network.classifier[layer]
            parts.append(array("@_word", f"@_codes{layer}", words_of(code)))
    return parts


def _scores(network: Network) -> str:
    config = network.config
    size = f"(@_WIDEST + {WORD - 1}) / {WORD}"
    lines = [
        "static inline int @_scores(const @_value *sample, int32_t *scores)",
        "{",
        f"    @_word bits[(@_INPUTS + {WORD - 1}) / {WORD}] = {{0}};",
        *(f"    @_word layer{layer}[{size}] = {{0}};" for layer in range(config.layers)),
        "    uint32_t c;",
        "    int best = 0;",
        "    for (c = 0; c < @_CLASSES; ++c)",
        "        scores[c] = 0;",
        "    @_encode(sample, bits);",
    ]
    for layer in range(config.layers):
        inputs = f"layer{layer - 1}" if layer else "bits"
        codes = f"@_codes{layer}" if layer in _voting(network) else "0"
        lines.append(
            f"    @_layer({inputs}, {config.fan_in[layer]}, @_weights{layer}, "
            f"{config.hidden[layer]}, {codes}, layer{layer}, scores);"
        )
    lines += [
        "    for (c = 1; c < @_CLASSES; ++c)",
        "        if (scores[c] > scores[best])",
        "            best = (int)c;",
        "    return best;",
        "}",
        "",
        "static inline int @_predict(const @_value *sample)",
        "{",
        "    int32_t scores[@_CLASSES];",
        "    return @_scores(sample, scores);",
        "}",
    ]
    return "\n".join(lines)


def _self_test(
    header: CHeader, network: Network, encoder: Encoder, tests: npt.NDArray
) -> list[str]:
    """Return samples with their classes, and the function that tries them."""
    values = header.samples(tests)
    classes = network.predict(encoder.encode(tests))
    return [
        f"enum {{ @_TESTS = {len(tests)} }};",
        array("@_value", "@_test_samples", values.ravel().tolist()),
        array("uint8_t", "@_test_classes", classes.tolist()),
        _SELF_TEST,
    ]
