"""The HTML report of a training, its simulation and its bitstream."""
