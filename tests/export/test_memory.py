"""Memory images of devices, written and read back."""

import json

import numpy as np
import pytest

from metabit.export.errors import ForeignNetworkError
from metabit.export.memory import DESCRIPTION, read_memory, write_memory
from metabit.golden.network import Network
from metabit.golden.state import network_sha256
from metabit.hdl.bundles import Space
from metabit.hdl.placement import CapacityError
from metabit.hdl.shape import SHAPES
from metabit.host.driver import Driver
from tests.host.model_device import ModelDevice

BITS = np.random.default_rng(4).random((60, 90)) < 0.5


def read_back(folder):
    found = read_memory(folder)
    network = Network(found.config)
    network.load(found.counters)
    network.generator.state = found.generator_state
    return found, network


@pytest.mark.parametrize("classes", [2, 10, 33])
@pytest.mark.parametrize("device", ["small", "small-spram", "up5k", "ecp5"])
def test_what_is_read_back_is_what_was_written(trained, tmp_path, device, classes):
    shape = SHAPES[device]
    # Few enough of everything for the smallest of them.
    fields = {"tile": 2, "summed_scores": False, "counter_bits": shape.counter_bits}
    fields["hidden"] = (13, 6) if shape.layers > 1 else (13,)
    checkpoint, _ = trained(BITS, "none", labels=classes, **fields)
    files = write_memory(tmp_path / "images", checkpoint, shape)
    found, network = read_back(tmp_path / "images")
    assert found.config == checkpoint.config
    assert found.shape == shape
    assert network_sha256(network) == checkpoint.record.state_sha256
    for code, expected in zip(found.classifier, checkpoint.network().classifier, strict=True):
        np.testing.assert_array_equal(code, expected)
    assert len(files) == 4 + 2 * shape.elements


def test_the_link_writes_the_same_words(trained, tmp_path):
    """What the files hold are the words that a device is loaded with, one for one."""
    shape = SHAPES["small"]
    counter_bits = shape.counter_bits
    checkpoint, _ = trained(BITS, "none", hidden=(13, 6), counter_bits=counter_bits)
    write_memory(tmp_path, checkpoint, shape)
    written = {}

    class Recording(Driver):
        def write_space(self, space, words, element=0):
            if space is not Space.STATISTICS:
                written[space.name.lower(), element] = words.tolist()
            super().write_space(space, words, element)

    Recording(ModelDevice(shape, checkpoint.config), shape).load(checkpoint.network())
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    for entry in description["memories"]:
        words = [int(line, 16) for line in (tmp_path / entry["file"]).read_text().split()]
        assert words == written.pop((entry["space"], entry["element"]))
        assert entry["number"] == Space[entry["space"].upper()].value
        assert entry["words"] == len(words)
    assert not written


def change(name):
    def plant(folder):
        path = folder / name
        text = path.read_text()
        path.write_text(text.replace("0", "1", 1))

    return plant


def describe(**fields):
    def plant(folder):
        path = folder / DESCRIPTION
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return plant


@pytest.mark.parametrize(
    ("plant", "message"),
    [
        (change("counters-0.hex"), "counters-0.hex is not what network.json describes"),
        (change("codes.hex"), "codes.hex is not what network.json describes"),
        (lambda folder: (folder / "signs-1.hex").unlink(), "signs-1.hex cannot be read"),
        (lambda folder: (folder / DESCRIPTION).unlink(), "network.json cannot be read"),
        (describe(format="x"), "network.json does not describe memory images of Metabit"),
        (describe(version=2), "network.json has version 2, this Metabit reads 1"),
        (describe(device_digest="00"), "a device small with digest 00, and that of this Metabit"),
        (describe(state_sha256="00"), "is damaged: its state hash differs"),
    ],
)
def test_changed_images_are_refused(trained, tmp_path, plant, message):
    checkpoint, _ = trained(BITS, "none", counter_bits=SHAPES["small"].counter_bits)
    write_memory(tmp_path, checkpoint, SHAPES["small"])
    plant(tmp_path)
    with pytest.raises(ForeignNetworkError, match=message):
        read_memory(tmp_path)


def test_a_network_that_does_not_fit_is_refused(trained, tmp_path):
    checkpoint, _ = trained(BITS, "none", hidden=(20, 9))
    with pytest.raises(CapacityError, match="has 1"):
        write_memory(tmp_path / "images", checkpoint, SHAPES["up5k"])
    assert not (tmp_path / "images").exists()
