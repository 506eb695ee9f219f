"""What holds for all tests."""

from hypothesis import settings

# A machine under load is slow, not wrong; and a failure must come back when it is looked into.
settings.register_profile("metabit", deadline=None, derandomize=True)
settings.load_profile("metabit")
