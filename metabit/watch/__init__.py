"""A live page of trainings: what there is to see in them while they run, and their controls."""
