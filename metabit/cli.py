"""The `metabit` command."""

from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from .commands import evaluate, train
from .errors import MetabitError


class _Group(TyperGroup):
    """Commands whose users see one clear line when something is theirs to mend."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error of the user's ends it with status 1 and no traceback."""
        try:
            return super().invoke(ctx)
        except MetabitError as error:
            Console(stderr=True, soft_wrap=True).print(
                f"[bold red]error:[/] {escape(str(error))}", highlight=False
            )
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Train binary neural networks on small FPGAs.",
)
app.command(epilog=train.EPILOG)(train.train)
app.command(epilog=evaluate.EPILOG)(evaluate.evaluate)
