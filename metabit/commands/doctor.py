"""`metabit doctor`: what is installed, what is missing, and how to mend it."""

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from . import options

EPILOG = """
**Examples**

metabit doctor

metabit doctor --json doctor.json
"""


def doctor(json: options.JsonOption = None) -> None:
    """Look at every tool, permission and data set, and print the exact fix for what is missing.

    Ends with status 1 if something is missing that make demo needs.
    """
    from metabit.diagnosis import diagnose

    console = Console()
    with console.status("looking"):
        checks = list(diagnose())
    bad = [check for check in checks if not check.ok]
    if json is not None:
        options.write_json(
            json,
            {
                "ok": not any(check.needed for check in bad),
                "checks": [check.to_dict() for check in checks],
            },
        )
    table = Table(title="metabit doctor", title_justify="left")
    table.add_column("")
    table.add_column("what")
    table.add_column("found", overflow="fold")
    group = ""
    for check in checks:
        if check.group != group:
            table.add_section()
            group = check.group
        mark = (
            "[green]ok[/]" if check.ok else "[red]missing[/]" if check.needed else "[yellow]--[/]"
        )
        table.add_row(mark, f"[bold]{check.name}[/]", escape(check.detail))
    console.print(table)

    for check in bad:
        use = "needed" if check.needed else "optional"
        console.print(f"[bold]{check.name}[/] ({use}): {escape(check.fix)}", soft_wrap=True)
    if not bad:
        console.print("[green]everything is there[/]")
    if any(check.needed for check in bad):
        raise typer.Exit(1)
