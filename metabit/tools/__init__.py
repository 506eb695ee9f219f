"""Programs that Metabit runs: where they are, how they are run, and what they complain about."""
