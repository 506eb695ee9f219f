"""Folders of pictures: found, opened, said, refused; the same network as from an array."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.data import pictures
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.options import DataOptions
from metabit.golden.data.pictures import every_picture, find_pictures, load_pictures
from metabit.golden.errors import DataError

RNG = np.random.default_rng(3)
GREY = RNG.integers(0, 256, (7, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
SMALL = ("--config", "tiny", "--hidden", "16", "--group", "8", "--epochs", "2")


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def put(array, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def opened_pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Three hundred digits as pictures, and the same as an array in the order of their files."""
    folder = tmp_path_factory.mktemp("digits")
    images, labels = load_digits(return_X_y=True)
    images = (images[:300].reshape(-1, 8, 8) * 15).astype(np.uint8)
    names = np.array([f"digit {label}" for label in labels[:300]])
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        put(image, folder / "pictures" / name / f"{number}.png")
    order = np.argsort(names, kind="stable")
    np.savez(folder / "array.npz", x=images[order], y=names[order])
    return folder


def test_pictures_train_as_the_same_array_does(digits, tmp_path):
    found = []
    for name in ("pictures", "array.npz"):
        out = tmp_path / f"{name}.run.npz"
        printed = metabit("train", *SMALL, "--dataset", digits / name, "--out", out)
        assert "samples 300 samples of 8 x 8, uint8, 0 to 240; no test set" in printed
        assert "target 10 classes, digit 0, digit 1," in printed
        found.append(load_checkpoint(out).record.state_sha256)
    assert found[0] == found[1]


def test_a_network_of_pictures_predicts_files(digits, tmp_path):
    run, out = tmp_path / "run.npz", tmp_path / "classes.csv"
    metabit("train", *SMALL, "--dataset", digits / "pictures", "--out", run)
    new = tmp_path / "new"
    for number in (0, 7, 10, 9):
        source = next((digits / "pictures").rglob(f"{number}.png"))
        put(opened_pixels(source), new / f"{number}.png")
    metabit("predict", run, "--dataset", new, "--out", out)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["sample"] for row in rows] == ["0.png", "7.png", "9.png", "10.png"]
    metabit("predict", run, "--dataset", new, "--out", tmp_path / "classes.json")
    found = json.loads((tmp_path / "classes.json").read_text())
    assert found["files"] == [row["sample"] for row in rows]
    assert found["predictions"] == [row["class"] for row in rows]
    one = metabit("predict", run, "--dataset", new / "9.png")
    assert f"│ 9.png │ {rows[2]['class']} │" in one
    # The same pictures in colour are those of the training again.
    for path in every_picture(new):
        put(np.repeat(opened_pixels(path)[..., None], 3, axis=2), path)
    metabit("predict", run, "--dataset", new, "--out", tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == out.read_text()
    assert "test accuracy" in metabit("evaluate", run)


def test_train_and_test_folders(tmp_path):
    for part, count in (("train", 3), ("test", 2), ("val", 1)):
        for name in ("cat", "dog"):
            for number in range(count):
                put(
                    RNG.integers(0, 256, (6, 5), np.uint8), tmp_path / part / name / f"{number}.bmp"
                )
    data = load_dataset(str(tmp_path))
    assert (data.images.shape, data.test_images.shape) == ((6, 6, 5), (4, 6, 5))
    assert data.class_names == ("cat", "dog")
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.default_split == "official"
    assert ("not used", "val/") in data.summary


def test_order_is_that_of_numbers(tmp_path):
    for name in ("b", "a"):
        for number in (10, 9, 1):
            put(GREY, tmp_path / name / f"x{number}.png")
    found = [path.name for path, _ in find_pictures(tmp_path).train]
    assert found == ["x1.png", "x9.png", "x10.png"] * 2


def opened(tmp_path, *images, shape=None, like=None):
    paths = []
    for number, image in enumerate(images):
        paths.append(tmp_path / f"{number}.png")
        image.save(paths[-1])
    return load_pictures(paths, shape, like)


def test_greys_and_colours(tmp_path):
    grey, colour = Image.fromarray(GREY), Image.fromarray(COLOUR)
    np.testing.assert_array_equal(opened(tmp_path, grey).images[0], GREY)
    np.testing.assert_array_equal(opened(tmp_path, colour).images[0], COLOUR)
    bits = Image.fromarray(GREY > 99)
    np.testing.assert_array_equal(opened(tmp_path, bits).images[0], np.uint8(255) * (GREY > 99))
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    found = opened(tmp_path, deep)
    assert found.images.dtype == np.uint16
    np.testing.assert_array_equal(found.images[0], GREY.astype(np.uint16) * 257)
    clear = colour.copy()
    clear.putalpha(40)
    found = opened(tmp_path, clear, grey, deep)
    np.testing.assert_array_equal(found.images[0], COLOUR)
    for image in found.images[1:]:
        np.testing.assert_array_equal(image, np.repeat(GREY[..., None], 3, axis=2))
    assert found.notes == (
        "2 that are not are taken in colour",
        "the transparency of 1 is left out",
    )
    assert opened(tmp_path, colour, like=(7, 9)).images.shape == (1, 7, 9)


def test_photographs_are_turned(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6  # to be turned to the right
    path = put(GREY, tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(load_pictures([path]).images[0], np.rot90(GREY, -1))


def test_sizes(tmp_path):
    put(GREY, tmp_path / "a" / "0.png")
    put(np.repeat(np.repeat(GREY, 2, 0), 2, 1), tmp_path / "b" / "0.png")
    with pytest.raises(
        DataError, match=r"a/0.png is 7 x 9 and .*b/0.png is 14 x 18; --image-shape"
    ):
        load_dataset(str(tmp_path))
    data = load_dataset(str(tmp_path), options=DataOptions(image_shape=(7, 9)))
    for image in data.images:
        np.testing.assert_array_equal(image, GREY)
    assert ("pictures", "scaled to 7 x 9") in data.summary


def test_what_is_no_folder_of_classes(tmp_path, monkeypatch):
    def refused(message):
        with pytest.raises(DataError, match=message):
            load_dataset(str(tmp_path))

    alone = put(GREY, tmp_path / "0.png")
    refused(
        "must hold a folder of pictures for each class, two at least, not pictures alone|"
        "is in no folder of a class"
    )
    put(GREY, tmp_path / "a" / "0.png")
    put(GREY, tmp_path / "b" / "0.png")
    refused("0.png is in no folder of a class")
    alone.unlink()
    (tmp_path / "c").mkdir()
    refused("c holds no pictures")
    (tmp_path / "c").rmdir()
    assert len(load_dataset(str(tmp_path)).images) == 2
    damaged = put(GREY, tmp_path / "b" / "1.png")
    damaged.write_bytes(damaged.read_bytes()[:60])
    refused("1.png is damaged")
    damaged.write_bytes(b"no picture")
    refused("1.png is damaged, or no picture")
    damaged.unlink()
    monkeypatch.setattr(pictures, "MAX_UNPACKED", 2 * GREY.size - 1)
    refused("are more than 0 MiB; scale them, e.g. --image-shape 32x32")
    put(GREY, tmp_path / "test" / "a" / "0.png")
    refused("but no train/ beside it")
    put(GREY, tmp_path / "train" / "a" / "0.png")
    refused("holds train/ and a/; put classes into")


def test_a_class_of_the_test_set_alone(tmp_path):
    for name in ("train/a", "train/b", "test/c"):
        put(GREY, tmp_path / name / "0.png")
    with pytest.raises(DataError, match="class c is not in"):
        load_dataset(str(tmp_path))


def test_a_picture_beside_idx_files_is_none_of_them(idx_folder, idx_arrays):
    put(GREY, idx_folder / "preview.png")
    assert np.array_equal(load_dataset(str(idx_folder)).images, idx_arrays[0])
