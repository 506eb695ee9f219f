"""Data sets: loading, splitting, and the samples of a training."""
