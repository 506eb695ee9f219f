"""How this Metabit was installed, and so what brings the packages that an extra names."""

import json
import shlex
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement

NAME = "metabit"

_PIPX, _UV_TOOL = "pipx_metadata.json", "uv-receipt.toml"
"""Files that managers of commands leave in the environments that they make."""


def install_command(extra: str) -> str:
    """Return the command that brings the packages of an extra, for the way Metabit was installed.

    Parameters
    ----------
    extra : str
        One of the extras of ``pyproject.toml``.

    Returns
    -------
    str
        To be typed as it is. Managers of commands install anew what they are given; the extras
        that are there stay among it.
    """
    found = _distribution()
    if found is None:
        return _pip([shlex.quote(f"{NAME}[{extra}]")])
    prefix = Path(sys.prefix)
    managed = (prefix / _PIPX).exists() or (prefix / _UV_TOOL).exists()
    extras = sorted({extra, *(_present_extras(found) if managed else ())})
    editable, source = _source(found.read_text("direct_url.json"), ",".join(extras))
    words = [*(["--editable"] if editable else []), shlex.quote(source)]
    if (prefix / _PIPX).exists():
        return " ".join(["pipx install --force", *words])
    if (prefix / _UV_TOOL).exists():
        return " ".join(["uv tool install --force", *words])
    if (found.read_text("INSTALLER") or "").strip() == "uv":
        return " ".join(["uv pip install --python", shlex.quote(sys.executable), *words])
    return _pip(words)


def _distribution() -> metadata.Distribution | None:
    """Return the installed Metabit.

    A build leaves metadata in the folder of the sources, too, which are found first from there; but
    only what has been installed says by what.
    """
    found = list(metadata.distributions(name=NAME))
    installed = (each for each in found if each.read_text("INSTALLER") is not None)
    return next(installed, found[0] if found else None)


def _pip(words: list[str]) -> str:
    return " ".join([shlex.quote(sys.executable), "-m pip install", *words])


def _source(direct_url: str | None, extras: str) -> tuple[bool, str]:
    """Return whether the installation can be edited, and where it came from, extras added.

    Parameters
    ----------
    direct_url : str or None
        Content of the file of that name (PEP 610); None: it came from an index.
    extras : str
        Divided by commas.
    """
    named = f"{NAME}[{extras}]"
    if direct_url is None:
        return False, named
    origin = json.loads(direct_url)
    url = origin["url"]
    if "dir_info" in origin:
        folder = unquote(urlsplit(url).path)
        return bool(origin["dir_info"].get("editable")), f"{folder}[{extras}]"
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        revision = vcs.get("requested_revision")
        url = f"{vcs['vcs']}+{url}" + (f"@{revision}" if revision else "")
    return False, f"{named} @ {url}"


def _present_extras(found: metadata.Distribution) -> list[str]:
    """Return the extras whose packages are all there."""
    requirements = [Requirement(text) for text in found.requires or ()]
    marked = [needed for needed in requirements if needed.marker is not None]
    return [
        name
        for name in found.metadata.get_all("Provides-Extra") or ()
        if all(_installed(needed.name) for needed in marked if _belongs(needed, name))
    ]


def _belongs(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement that has a marker is one of an extra's."""
    return requirement.marker is not None and requirement.marker.evaluate({"extra": extra})


def _installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True
