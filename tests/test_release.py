"""What is published: the same bytes from the same commit, with everything in it."""

import gzip
import importlib.util
import io
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def dist():
    spec = importlib.util.spec_from_file_location("dist", ROOT / ".ci" / "dist.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archive(names, *, mtime, owner):
    """An archive as it comes from some machine, at some time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.uname, entry.uid = len(name), mtime, owner, mtime % 1000
            entry.mode = 0o664
            tar.addfile(entry, io.BytesIO(name.encode()))
    return packed.getvalue()


def test_archives_depend_on_their_files_only(dist):
    first = archive(["m/a.py", "m/b.py"], mtime=1_700_000_000, owner="me")
    second = archive(["m/b.py", "m/a.py"], mtime=1_800_000_123, owner="you")
    assert first != second
    packed = dist.normalised(first, 1_600_000_000)
    assert packed == dist.normalised(second, 1_600_000_000)
    assert packed != dist.normalised(archive(["m/a.py"], mtime=0, owner="me"), 1_600_000_000)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == ["m/a.py", "m/b.py"]
        assert {(entry.mtime, entry.mode, entry.uid) for entry in tar} == {(1.6e9, 0o644, 0)}
        assert tar.extractfile("m/b.py").read() == b"m/b.py"
    assert gzip.decompress(packed)


def test_a_wheel_without_a_module_is_not_published(dist):
    files = ["golden/a.py", "metabit/b.py", "metabit/golden", "tests/c.py", "README.md"]
    whole = ["metabit/golden/a.py", "metabit/b.py", "metabit/py.typed", "metabit/t.html"]
    dist.check_contents(whole, files)
    for missing in whole[:3]:
        with pytest.raises(dist.DistributionError, match=f"lacks {missing}"):
            dist.check_contents([name for name in whole if name != missing], files)
    with pytest.raises(dist.DistributionError, match=r"has tests/c\.py, which the repository has"):
        dist.check_contents([*whole, "tests/c.py"], files)


def test_a_program_that_fails_is_quoted(dist, tmp_path):
    with pytest.raises(dist.DistributionError, match=r"ls nothing.* has failed:\n(.|\n)*nothing"):
        dist.run("ls", "nothing", folder=tmp_path)


def test_modules_of_the_package_are_those_of_the_repository(dist):
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("no Git repository")
    expected = dist.expected(done.stdout.splitlines())
    assert {"metabit/golden/network.py", "metabit/cli.py", "metabit/sim/model.py"} <= expected
    assert not {name for name in expected if name.startswith(("tests", "metabit/metabit"))}


def test_types_and_data_are_declared_for_the_wheel():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "py.typed" in tool["package-data"]["metabit"]
    for package, patterns in tool["package-data"].items():
        folder = ROOT.joinpath(*package.split("."))
        for pattern in patterns:
            assert list(folder.glob(pattern)), f"{package}: {pattern}"
