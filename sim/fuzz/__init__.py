"""A line that brings anything: random bytes, frames damaged, doubled and out of order."""
