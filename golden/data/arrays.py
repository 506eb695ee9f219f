"""The user's own data: NumPy files or a folder of IDX files, checked before anything uses them."""

import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .idx import PARTS, decompressed, find_idx, parse_idx
from .npz import read_npz

MAX_CLASSES = 256

Arrays = tuple[npt.NDArray, npt.NDArray[np.int64], npt.NDArray | None, npt.NDArray[np.int64] | None]
"""Training images and labels, test images and labels (None, None if there are none)."""


def is_file_name(name: str) -> bool:
    """Whether a data set's name means NumPy files."""
    return name.endswith((".npz", ".npy"))


def load_arrays(name: str) -> Arrays:
    """Load and check the user's own data.

    Parameters
    ----------
    name : str
        ``"file.npz"``, ``"x.npy,y.npy"`` or a folder.

    Raises
    ------
    DataError
        If a file is missing or damaged, or its contents cannot be trained on.
    """
    if name.endswith(".npz"):
        arrays = _load_npz(Path(name))
    elif name.endswith(".npy"):
        paths = name.split(",")
        if len(paths) != 2:
            raise DataError(
                f"two .npy files are needed, samples and labels: X.npy,Y.npy, not {name!r}"
            )
        arrays = {"x": _load_npy(Path(paths[0])), "y": _load_npy(Path(paths[1]))}
    else:
        arrays = _load_folder(Path(name))
    images, labels = check_samples(arrays["x"], arrays["y"], f"{name}: x", f"{name}: y")
    if "x_test" not in arrays:
        return images, labels, None, None
    test_images, test_labels = check_samples(
        arrays["x_test"], arrays["y_test"], f"{name}: x_test", f"{name}: y_test"
    )
    if test_images.shape[1:] != images.shape[1:]:
        raise DataError(
            f"{name}: samples of x_test must have the shape of those of x, {images.shape[1:]}, "
            f"not {test_images.shape[1:]}"
        )
    return images, labels, test_images, test_labels


def check_samples(
    images: npt.NDArray, labels: npt.NDArray, image_name: str = "x", label_name: str = "y"
) -> tuple[npt.NDArray, npt.NDArray[np.int64]]:
    """Check samples and labels, and return them with labels as int64.

    Raises
    ------
    DataError
        If there are no samples, lengths differ, a type is not numeric, a value is NaN or
        infinite, or a label is no class.
    """
    if images.ndim < 2:
        raise DataError(
            f"{image_name} must have shape (samples, ...), at least two dimensions, "
            f"not {images.shape}"
        )
    if images.dtype.kind not in "biuf":
        raise DataError(f"{image_name} must hold numbers, not {images.dtype}")
    if labels.ndim != 1:
        raise DataError(f"{label_name} must have shape (samples,), not {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{label_name} must hold integers, the classes, not {labels.dtype}")
    if len(images) != len(labels):
        raise DataError(
            f"{image_name} and {label_name} must be equally long, "
            f"not {len(images)} and {len(labels)}"
        )
    if not images.size:
        raise DataError(f"{image_name} is empty: its shape is {images.shape}")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(images))[0])
        raise DataError(
            f"{image_name} must be finite, but {image_name.split()[-1]}"
            f"[{', '.join(map(str, index))}] is {images[index]}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= MAX_CLASSES:
        raise DataError(
            f"{label_name} must hold classes of 0 to {MAX_CLASSES - 1}, not {low} to {high}"
        )
    return images, labels.astype(np.int64)


def _load_npz(path: Path) -> dict[str, npt.NDArray]:
    """Return the arrays of an .npz file, those that are needed and those that may be there."""
    arrays, names = read_npz(path, DataError, ".npz file", ("x", "y", "x_test", "y_test"))
    missing = {"x", "y"} - arrays.keys()
    if "x_test" in arrays or "y_test" in arrays:
        missing |= {"x_test", "y_test"} - arrays.keys()
    if missing:
        raise DataError(
            f"{path} lacks {', '.join(sorted(missing))}; it holds {', '.join(names) or 'nothing'}"
        )
    return arrays


def _load_npy(path: Path) -> npt.NDArray:
    """Return the array of an .npy file."""
    try:
        array = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is damaged or no .npy file: {error}") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise DataError(f"{path} is no .npy file but an .npz file; name it so")
    return array


def _load_folder(folder: Path) -> dict[str, npt.NDArray]:
    """Return the arrays of a folder of IDX files; test files are optional."""
    paths = [find_idx(folder, part) for part in PARTS]
    missing = [part for part, path in zip(PARTS, paths, strict=True) if path is None]
    if missing and missing != list(PARTS[2:]):
        raise DataError(f"{folder} lacks the IDX files {', '.join(f'{m}-ubyte' for m in missing)}")
    return {
        key: parse_idx(decompressed(path), path, 1 if key.startswith("y") else 3)
        for key, path in zip(("x", "y", "x_test", "y_test"), paths, strict=True)
        if path is not None
    }
