"""A page of figures and their commands, gathered from the documents that state them."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
_SPAN = re.compile(r"`(metabit (?:bench|train|simulate|build|sweep|plan|evaluate) [^`\n]+)`")
_HEADING = re.compile(r"^#{2,6} (.+)$|^# (.+)$", re.M)
_MEASURES = {"bench", "train", "simulate", "build", "sweep", "plan", "evaluate"}


def page(documents: Mapping[str, Path]) -> str:
    """Return a page that lists the commands of documents, by heading.

    Parameters
    ----------
    documents : mapping of str to Path
        The documents that state figures, by the name of their page.
    """
    lines = [
        "# Figures and their commands",
        "",
        "Every figure that a document states stands beside the command that measured it. These are",
        "the commands, by document and section. All are seeded: results are the same on any",
        "machine, times are not.",
        "",
    ]
    for name, document in documents.items():
        text = document.read_text()
        title = re.search(r"^# (.+)$", text, re.M)
        lines += [f"## [{title[1] if title else name}]({name})", ""]
        for heading, commands in _sections(text):
            lines += [f"*{heading}*", "", "```sh", *commands, "```", ""]
    return "\n".join(lines)


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield headings and the commands below them, each command once."""
    seen: set[str] = set()
    headings = [
        (0, ""),
        *((match.end(), match[1] or match[2]) for match in _HEADING.finditer(text)),
    ]
    ends = [start for start, _ in headings[1:]] + [len(text)]
    for (start, heading), end in zip(headings, ends, strict=True):
        part = text[start:end]
        found = [line for block in _BLOCK.findall(part) for line in block.splitlines()]
        found += _SPAN.findall(part)
        new = [line for line in dict.fromkeys(found) if _measures(line) and line not in seen]
        seen.update(new)
        if new:
            yield heading, new


def _measures(line: str) -> bool:
    try:
        words = [word for word in shlex.split(line) if not re.match(r"\w+=", word)]
    except ValueError:
        return False
    return len(words) > 1 and words[0] == "metabit" and words[1] in _MEASURES
