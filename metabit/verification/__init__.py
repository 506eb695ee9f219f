"""What verification has found, in figures: results of several commands, brought together."""
