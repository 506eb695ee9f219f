"""MNIST and Fashion-MNIST: where their files may be, and what they must hold."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pooch

from ...cache import cache_folder, make_cache_folder
from ..errors import DataError
from .idx import PARTS, decompressed, find_idx, parse_idx

FOLDER_VARIABLE = "METABIT_DATA"
"""Environment variable that names a folder with the files, or with a folder per data set."""


@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Checksums stand in the order of :data:`~metabit.golden.data.idx.PARTS`.

    Attributes
    ----------
    url : str
        Folder that the files are downloaded from.
    compressed : tuple of str
        SHA-256 of the files for download.
    content : tuple of str
        SHA-256 of what they hold, however it was compressed.
    package : str or None
        Debian package that has them, and
    folder : str or None
        the folder where it puts them.
    """

    url: str
    compressed: tuple[str, ...]
    content: tuple[str, ...]
    package: str | None = None
    folder: str | None = None


SOURCES = {
    "fashion-mnist": Source(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        package="dataset-fashion-mnist",
        folder="/usr/share/datasets/fashion-mnist",
    ),
    "mnist": Source(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
}
"""The two data sets."""

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def load_mnist(name: str, data_dir: Path | None = None) -> tuple[Images, Labels, Images, Labels]:
    """Return training images and labels, test images and labels.

    Looks in ``data_dir`` and nowhere else if it is given; else in the folder of the environment
    variable METABIT_DATA, where the Debian package puts the files, and in the download cache;
    downloads them if they are nowhere.

    Parameters
    ----------
    name : str
        A key of :data:`SOURCES`.
    data_dir : Path, optional
        Folder with the four files, compressed or not.

    Raises
    ------
    DataError
        If the files cannot be had, or do not hold this data set.
    """
    source = SOURCES[name]
    arrays = []
    for index, path in enumerate(_paths(name, source, data_dir)):
        raw = decompressed(path)
        values = parse_idx(raw, path, 1 if index % 2 else 3)
        if hashlib.sha256(raw).hexdigest() != source.content[index]:
            raise DataError(
                f"{path} does not hold {name}: its checksum differs; fetch it again, "
                f"or, if the data are your own, pass --dataset {path.parent}"
            )
        arrays.append(values)
    images, labels, test_images, test_labels = arrays
    return images, labels.astype(np.int64), test_images, test_labels.astype(np.int64)


def find_local(name: str) -> Path | None:
    """Return the folder that has a data set's files already, or None; downloads nothing.

    Parameters
    ----------
    name : str
        A key of :data:`SOURCES`.
    """
    for folder in [*_folders(name, SOURCES[name]), _cache(name)]:
        if all(find_idx(folder, part) for part in PARTS):
            return folder
    return None


def _paths(name: str, source: Source, data_dir: Path | None) -> list[Path]:
    """Find the four files, or download them."""
    if data_dir is not None:
        paths = [find_idx(data_dir, part) for part in PARTS]
        missing = [f"{p}-ubyte.gz" for p, path in zip(PARTS, paths, strict=True) if path is None]
        if missing:
            reason = "does not exist" if not data_dir.is_dir() else f"lacks {', '.join(missing)}"
            raise DataError(f"folder {data_dir} of --data-dir {reason}")
        return [path for path in paths if path is not None]
    for folder in _folders(name, source):
        paths = [find_idx(folder, part) for part in PARTS]
        if all(paths):
            return [path for path in paths if path is not None]
    return _download(name, source)


def _folders(name: str, source: Source) -> list[Path]:
    """Folders to look in, first one first."""
    folders = []
    variable = os.environ.get(FOLDER_VARIABLE)
    if variable:
        folders += [Path(variable) / name, Path(variable)]
    if source.folder:
        folders.append(Path(source.folder))
    return folders


def _cache(name: str) -> Path:
    """Folder that downloads go to."""
    return cache_folder(name)


def _download(name: str, source: Source) -> list[Path]:
    """Return the files of the download cache, and fetch those that it lacks."""
    cache = _cache(name)
    make_cache_folder(cache)
    paths = []
    try:
        for part, checksum in zip(PARTS, source.compressed, strict=True):
            file = f"{part}-ubyte.gz"
            paths.append(
                Path(pooch.retrieve(source.url + file, f"sha256:{checksum}", file, str(cache)))
            )
    except (OSError, ValueError) as error:
        install = f"apt-get install {source.package}, or " if source.package else ""
        files = ", ".join(f"{part}-ubyte.gz" for part in PARTS)
        raise DataError(
            f"cannot download {name} from {source.url} ({_short(error)}); without network: "
            f"{install}put the four files {files} in a folder and pass --data-dir FOLDER "
            f"(or set {FOLDER_VARIABLE})"
        ) from error
    return paths


def _short(error: BaseException) -> str:
    """Name an error without the chain of wrappers that requests puts around it."""
    text = str(error).splitlines()[0] if str(error) else ""
    return type(error).__name__ if len(text) > 80 or not text else text
