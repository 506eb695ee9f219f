"""Bit-exact NumPy model of the training rule: the truth that hardware is held to.

Start with :mod:`~metabit.golden.config` and :mod:`~metabit.golden.network`, the hardware's rule in
full, then :mod:`~metabit.golden.schedule` and :mod:`~metabit.golden.trainer`, the training loop
that golden model, simulation and boards share. The rest stands beside them: `data` and `encoding`
bring samples in, `compiled` computes the same faster, `paper` is the paper's own rule,
`checkpoints` keep runs as files, and `studies` measure what a choice is worth.
"""
