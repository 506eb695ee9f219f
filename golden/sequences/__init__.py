"""Sequences: a recurrent binary layer, and two ways to teach it. Software only."""
