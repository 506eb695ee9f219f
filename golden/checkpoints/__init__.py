"""Checkpoints: runs as files."""
