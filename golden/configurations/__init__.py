"""Configurations of any mode: their fields as users write them, named ones, files, checks."""
