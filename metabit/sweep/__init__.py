"""Many trainings at once: a grid of points, workers anywhere, and a ledger of what is done."""
