"""Which networks fit which devices, and what is said if one does not."""

import pytest

from metabit.golden.config import Config
from metabit.golden.configurations.named import NAMES, named
from metabit.hdl.placement import CapacityError, Placement
from metabit.hdl.shape import SHAPES, Shape

HOMES = {
    "tiny": "small-spram",
    "up5k": "up5k",
    "ecp5": "ecp5",
    "ecp5-8bit": "ecp5-8bit",
    "up5k-flash": "up5k-flash",
    "ecp5-sdram": "ecp5-sdram",
    "up5k-live": "up5k-live",
    "multi": "ecp5",
    "paper-135": "paper",
}
SMALL = Config(inputs=100, hidden=(20,), classes=4, group=4, counter_bits=4)


def test_the_number_of_a_class_fits_a_byte() -> None:
    """A code word of 33 bits leaves gaps of 31 in the numbers."""
    shape = SHAPES["small"].model_copy(update={"code_bits": 33})
    Placement(SMALL.model_copy(update={"classes": 4 * 33}), shape)
    with pytest.raises(CapacityError, match="257 numbers of classes, device small has 256"):
        Placement(SMALL.model_copy(update={"classes": 4 * 33 + 1}), shape)


@pytest.mark.parametrize("name", NAMES)
def test_every_named_network_has_a_device(name: str) -> None:
    placement = Placement(named(name), SHAPES[HOMES[name]])
    assert placement.slots >= 2 * placement.passes


@pytest.mark.parametrize(
    ("name", "words", "of"),
    [
        ("up5k", 256, 256),
        ("ecp5", 512, 512),
        ("ecp5-8bit", 512, 512),
        ("up5k-flash", 512, 512),
        ("ecp5-sdram", 512, 512),
    ],
)
def test_the_largest_networks_fill_their_devices(name: str, words: int, of: int) -> None:
    placement = Placement(named(name), SHAPES[name])
    assert (placement.sign_words, placement.shape.depth) == (words, of)


def test_counters_of_another_width_are_refused_with_a_way_out() -> None:
    with pytest.raises(CapacityError) as caught:
        Placement(named("paper-135"), SHAPES["ecp5"])
    assert str(caught.value) == (
        "configuration paper-135 has counters of 8 bits, device ecp5 of 7; use --counter-bits 7"
    )
    Placement(named("paper-135").model_copy(update={"counter_bits": 7}), SHAPES["ecp5"])


@pytest.mark.parametrize(
    ("changes", "capacity", "needed", "available"),
    [
        ({"hidden": (20,) * 4}, "layers", 4, 3),
        ({"hidden": (65,)}, "neurons of a layer", 65, 64),
        ({"inputs": 513}, "inputs of a neuron", 513, 512),
        ({"inputs": 512, "hidden": (33,)}, "sign words", 132, 128),
        ({"classes": 256}, "words of the code memory", 1280, 512),
        ({"classes": 65, "hidden": (4,)}, "code words of a neuron", 17, 16),
        ({"classes": 9, "hidden": (9, 9)}, "classes with summed scores", 9, 8),
        ({"inputs": 512, "tile": 64, "hidden": (4,)}, "words of sample memory", 288, 256),
        ({"tile": 32, "hidden": (60,), "group": 2}, "winners of two tiles", 992, 64),
    ],
)
def test_what_is_short_is_named(changes: dict, capacity: str, needed: int, available: int) -> None:
    with pytest.raises(CapacityError) as caught:
        Placement(SMALL.model_copy(update=changes), SHAPES["small"])
    error = caught.value
    assert (error.capacity, error.needed, error.available) == (capacity, needed, available)
    assert str(error) == (
        f"configuration custom needs {needed} {capacity}, device small has {available}"
    )


@pytest.mark.parametrize("code_bits", [2, 3, 4, 5, 10, 32, 64])
def test_classes_keep_their_order_and_places(code_bits: int) -> None:
    shape = Shape.model_validate({**SHAPES["small"].model_dump(), "code_bits": code_bits})
    config = SMALL.model_copy(update={"classes": 24 if code_bits > 2 else 6, "hidden": (4,)})
    numbers = Placement(config, shape).class_numbers
    assert list(numbers) == sorted(set(numbers))
    for label, number in enumerate(numbers):
        word, position = number >> shape.position_bits, number % (1 << shape.position_bits)
        assert word * code_bits + position == label
        assert position < code_bits
