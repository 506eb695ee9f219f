"""Bit-exact NumPy model of the training rule: the truth that hardware is held to.

Start with :mod:`~metabit.golden.config` and :mod:`~metabit.golden.network`, the hardware's rule in
full, then :mod:`~metabit.golden.schedule` and :mod:`~metabit.golden.runs.trainer`, the loop that
golden model, simulation and boards share. The rest stands beside them: `data` and `encoding` bring
samples in, `configurations` reads and checks what users write, `runs` trains, stops and goes on,
`compiled` computes the same faster, `paper` is the paper's own rule, `modes` says what differs
between the rules, `checkpoints` keep runs as files, and `studies` measure what a choice is worth.
"""
