"""Source archive and wheel, built twice: ``python .ci/dist.py FOLDER [--install]``.

Both builds start from the commit that is checked out, in folders of their own, and must give the
same bytes: who has the commit can make the files that were published. With ``--install``, the wheel
is installed in a clean environment outside the repository, and trains there.
"""

import argparse
import gzip
import hashlib
import io
import os
import shlex
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent

_FOLDERS = ("golden", "hdl", "sim", "boards", "metabit")
"""What becomes the package, by the names of the repository."""

_TRIES = (
    "metabit --version",
    "metabit train --config tiny --epochs 2 --out run.npz",
    "metabit evaluate run.npz",
    "metabit plan run.npz",
    "python -m metabit boards",
    "python -c 'from metabit import MetabitClassifier'",
)
"""What a clean environment must be able to do."""


class DistributionError(Exception):
    """Files that must not be published."""


def run(*command: str, folder: Path, **environment: str) -> str:
    """Run a program and return what it prints; one that fails ends everything."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DistributionError(f"{shlex.join(command)} has failed:\n{done.stdout}")
    return done.stdout


def normalised(archive: bytes, epoch: int) -> bytes:
    """Return a source archive that depends on nothing but names and contents of its files.

    Parameters
    ----------
    archive : bytes
        A ``.tar.gz``, as setuptools writes it: with times, owners and the order of a folder.
    epoch : int
        Time of all files, in seconds since 1970.
    """
    tar = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as old,
        tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            entry = tarfile.TarInfo(member.name)
            entry.type, entry.size, entry.mtime = member.type, member.size, epoch
            entry.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(entry, old.extractfile(member) if member.isfile() else None)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=epoch) as file:
        file.write(tar.getvalue())
    return packed.getvalue()


def expected(files: list[str]) -> set[str]:
    """Return the modules that the wheel must have, of the files of the repository."""
    found = set()
    for name in files:
        top, _, rest = name.partition("/")
        if top in _FOLDERS and name.endswith(".py"):
            found.add(name if top == "metabit" else f"metabit/{top}/{rest}")
    return found


def check_contents(names: list[str], files: list[str]) -> None:
    """Hold the names of a wheel's files to the files of the repository.

    Raises
    ------
    DistributionError
        If a module or the mark of types is missing, or a module does not belong there.
    """
    needed = expected(files) | {"metabit/py.typed"}
    if missing := sorted(needed - set(names)):
        raise DistributionError(f"the wheel lacks {', '.join(missing)}")
    modules = {name for name in names if name.endswith(".py")}
    if foreign := sorted(modules - needed):
        raise DistributionError(f"the wheel has {', '.join(foreign)}, which the repository has not")


def build(folder: Path, epoch: int) -> dict[str, bytes]:
    """Build the checked-out commit in an empty folder, and return the files by name."""
    source = folder / "source"
    source.mkdir(parents=True)
    with subprocess.Popen(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE) as git:
        run_tar = subprocess.run(["tar", "-x"], cwd=source, stdin=git.stdout, check=False)
    if git.returncode or run_tar.returncode:
        raise DistributionError("git archive HEAD has failed")
    built = folder / "built"
    command = (sys.executable, "-m", "build", "--outdir", str(built), str(source))
    run(*command, folder=folder, SOURCE_DATE_EPOCH=str(epoch))
    found = {file.name: file.read_bytes() for file in sorted(built.iterdir())}
    return {
        name: normalised(content, epoch) if name.endswith(".tar.gz") else content
        for name, content in found.items()
    }


def try_out(wheel: Path) -> None:
    """Install a wheel in a clean environment, and use it there."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "clean", with_pip=True)
        tools = folder / "clean" / "bin"
        run(str(tools / "python"), "-m", "pip", "install", "--quiet", str(wheel), folder=folder)
        work = folder / "work"
        work.mkdir()
        for line in _TRIES:
            tool, *arguments = shlex.split(line)
            print(f"$ {line}")
            print(run(str(tools / tool), *arguments, folder=work, PYTHONPATH="").strip())


def main(arguments: list[str]) -> None:
    """Build, compare, check, install, and leave the files in a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--install", action="store_true", help="install the wheel and use it")
    chosen = parser.parse_args(arguments)
    os.umask(0o022)
    epoch = int(run("git", "log", "-1", "--format=%ct", folder=ROOT))
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        files = build(Path(first) / "here", epoch)
        again = build(Path(second) / "elsewhere", epoch)
    for name in files.keys() | again.keys():
        if files.get(name) != again.get(name):
            raise DistributionError(f"two builds of {name} differ")
    tracked = run("git", "ls-files", folder=ROOT).splitlines()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if name.endswith(".whl"):
            check_contents(zipfile.ZipFile(io.BytesIO(content)).namelist(), tracked)
        (chosen.folder / name).write_bytes(content)
        print(f"{hashlib.sha256(content).hexdigest()}  {name}")
    if chosen.install:
        for wheel in chosen.folder.glob("*.whl"):
            if wheel.name in files:
                try_out(wheel.resolve())


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except DistributionError as error:
        raise SystemExit(f"error: {error}") from None
