"""All pictures of a training as files, and a page to look at them together."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .. import __version__
from ..errors import MetabitError
from .curves import activity, learning_curve
from .distributions import confusion, counters, margins
from .fields import class_fields, receptive_fields
from .subject import Subject

PAGE = "index.html"
_DPI = 130

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #3a4450; background: #f6f8fa; margin: 2rem; }
figure { background: white; border: 1px solid #e3e8ed; border-radius: 8px; padding: 1rem;
         margin: 0 0 1.5rem; display: inline-block; vertical-align: top; }
img { display: block; max-width: 100%; height: auto; }
"""


def write_pictures(
    subject: Subject, folder: Path, neurons: Sequence[int] | None = None
) -> list[Path]:
    """Draw all that a training has to show.

    Parameters
    ----------
    subject : Subject
        Training.
    folder : Path
        Where to; created if it is not there. Pictures of an earlier call are replaced.
    neurons : sequence of int, optional
        Whose receptive fields, in layers that have one of them; None: the first of each layer.

    Returns
    -------
    list of Path
        Pictures written. The page that shows them all is :data:`PAGE`.

    Raises
    ------
    MetabitError
        If a file cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, draw in _pictures(subject, neurons):
            path = folder / f"{name}.png"
            figure = draw()
            FigureCanvasAgg(figure)
            # Nothing of when and with what: equal trainings make equal files.
            figure.savefig(
                path, dpi=_DPI, bbox_inches="tight", pad_inches=0.15, metadata={"Software": None}
            )
            written.append(path)
        (folder / PAGE).write_text(_page(subject, written), encoding="utf-8")
    except OSError as error:
        raise MetabitError(f"cannot write {error.filename}: {error.strerror}") from error
    return written


def _pictures(
    subject: Subject, neurons: Sequence[int] | None
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Yield the names of the pictures that there is something to show in, and how to draw them."""
    tested = subject.tested
    if subject.train_accuracy:
        yield "learning_curve", lambda: learning_curve(subject)
    if subject.observations:
        yield "activity", lambda: activity(subject)
    yield "counters", lambda: counters(subject)
    if subject.observations or tested is not None:
        yield "margins", lambda: margins(subject)
    if tested is not None:
        yield "confusion", lambda: confusion(subject, tested)
    yield "class_fields", lambda: class_fields(subject)
    for layer, width in enumerate(subject.config.hidden):
        if neurons is not None and min(neurons) >= width:
            continue
        yield f"fields_{layer}", partial(receptive_fields, subject, layer, neurons)


def _page(subject: Subject, pictures: Sequence[Path]) -> str:
    """Return a page that shows pictures beside it."""
    figures = "\n".join(
        f'<figure><a href="{escape(path.name)}">'
        f'<img src="{escape(path.name)}" alt="{escape(path.stem.replace("_", " "))}"></a></figure>'
        for path in pictures
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(subject.config.name)}: a training of Metabit</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(subject.config.name)}</h1>\n"
        f"<p>{escape(subject.title)}; Metabit {__version__}</p>\n{figures}\n</body>\n</html>\n"
    )
