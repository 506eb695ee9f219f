"""`metabit` and `python -m metabit`."""

import sys


def main() -> None:
    """Run the command; Ctrl-C is no error, not even while it is still being imported."""
    try:
        from .cli import app

        app(prog_name="metabit")
    except KeyboardInterrupt:
        from .errors import INTERRUPTED

        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
