"""`python -m metabit`, the same as `metabit`."""

from .cli import app

app(prog_name="metabit")
