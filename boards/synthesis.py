"""How the device is synthesised: the same for a bitstream and for a netlist that is simulated."""

from .registry import Family

# Amaranth memories promise that a read of the address being written returns the old contents.
# Block RAM does not, and imitating it costs about 50 look-up tables and 83 flip-flops per port.
# These blocks never use such a read, so the promise is dropped for them.
# A star at the end: names of modules may end in a number that keeps them apart.
PREPARATION = """\
select -assert-any *.activations*/t:$memrd_v2
setparam -set COLLISION_X_MASK 1'1 *.store*/t:$memrd_v2 *.activations*/t:$memrd_v2 \
*.popcounts*/t:$memrd_v2 *.link.receiver*/t:$memrd_v2 *.link.encoder*/t:$memrd_v2"""
"""Commands of Yosys between reading the device and synthesising it."""

OPTIONS: dict[Family, str] = {"ecp5": "-nowidelut", "ice40": "-dsp"}
"""Options of the command ``synth_<family>``."""
