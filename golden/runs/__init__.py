"""Training runs: the loop, what there is to see in it, stopping, going on, and going on longer."""
