"""The commands of `metabit`, one module each."""
