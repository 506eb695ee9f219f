"""Bugs planted in blocks: their source with a slip, as anybody might make it."""

import inspect
from types import ModuleType


def plant(module: ModuleType, *slips: tuple[str, str]) -> ModuleType:
    """Return a module with a bug in it; the module itself stays as it is.

    Parameters
    ----------
    module : module
        Where the block is described.
    *slips : (str, str)
        What stands there exactly once, and what stands there instead.

    Raises
    ------
    LookupError
        If it does not stand there once.
    """
    source = inspect.getsource(module)
    for right, wrong in slips:
        found = source.count(right)
        if found != 1:
            # Not an AssertionError, which is what a planted bug is to cause.
            raise LookupError(f"{module.__name__} has {right!r} {found} times, not once")
        source = source.replace(right, wrong)
    planted = ModuleType(module.__name__)
    planted.__package__, planted.__file__ = module.__package__, module.__file__
    exec(compile(source, f"{module.__name__} with a bug", "exec"), vars(planted))
    return planted
