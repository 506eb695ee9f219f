"""Measurements: published tables, deviations and alternatives of the rule."""
