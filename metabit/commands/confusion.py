"""The confusion matrix on the screen."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.markup import escape
from rich.table import Table

from metabit.golden.data.class_names import numbered_names


def confusion_table(confusion: npt.NDArray[np.int64], names: Sequence[str]) -> Table:
    """Return the confusion matrix: a row per true class, a column per predicted one."""
    table = Table(title="true class (rows) and prediction (columns)")
    named = numbered_names(names)
    whole = all(name == str(number) for number, name in enumerate(names))
    table.add_column("class", justify="right" if whole else "left", style="bold", overflow="fold")
    for label in range(len(confusion)):
        table.add_column(str(label), justify="right")
    table.add_column("correct %", justify="right")
    for label, row in enumerate(confusion):
        cells = [
            f"[bold green]{count}[/]" if label == predicted else str(count) if count else "."
            for predicted, count in enumerate(row)
        ]
        correct = f"{row[label] / row.sum() * 100:.1f}" if row.sum() else "-"
        table.add_row(escape(named[label]), *cells, correct)
    return table
