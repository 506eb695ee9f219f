"""Soft errors in golden and device alike, and what they cost."""
