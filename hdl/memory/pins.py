"""Pins of memories beside the FPGA, each as seen by its controller; a board puts pads behind them.

*Pads.* Every pad has a register for each direction, in the pad itself, so that no route through
the FPGA takes part in the timing at the pins. What a controller drives in cycle n stands on the
pins during cycle n + 1. D is the delay from the clock of the FPGA to a pin, nearly equal for clock
and data, as both come from registers of pads.

*SDRAM.* Its clock is that of the FPGA, three quarters of a cycle late: its rising edge comes when
three quarters of cycle n + 1 are over, and takes what has stood on the pins since the cycle began.
This is edge n + 1. The pins are read at the end of a cycle m; that is ``dq_i`` in cycle m + 1. With
CAS latency L::

    cycle          n       | n + 1   | n + 2   | ... | n + 1 + L  | n + 2 + L
    controller     READ    |         |         |     |            | dq_i: first beat
    pins                   | READ    |         |     | first beat |
    edge of chip           |      ^  |      ^  |     |        ^   |

``dq_i`` of cycle n + 2 + L, and of the three cycles behind, is the answer to a READ of cycle n. The
first beat stands on the pins from tAC after edge n + L until tOH after edge n + 1 + L, where both
edges are late by D. docs/machine/memory.md has the sums.

*Flash.* With ``sck`` in cycle n the clock pin is low in the first half of cycle n + 1 and high in
the second. The flash takes ``dq_o`` at the rise in the middle of cycle n + 1. It changes its own
pins after the fall at the end of cycle n + 1, and they may be read at the end of cycle n + 2, a
whole cycle later, or whenever the clock has stood still since::

    cycle          n       | n + 1       | n + 2       | n + 3
    controller     sck     |             |             | dq_i: the answer
    clock pin              | ____/~~~~~  |             |
    pins of flash          |             | the answer  |

So an answer is read in the cycle of the pulse that ends it: ``dq_i`` of cycle n + 2 is what stood
on the pins before a pulse of cycle n fell.
"""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

SDRAM_PAD_CYCLES = 2
"""From a READ to its first beat there pass as many cycles more than the CAS latency."""

FLASH_PAD_CYCLES = 2
"""From ``sck`` to what the flash drove before this pulse fell."""


class SdramPins(wiring.Signature):
    """Single data rate SDRAM of 16 bits; see the module for the timing.

    Interface attributes
    --------------------
    cke, cs_n, ras_n, cas_n, we_n : Out(1)
    ba : Out(2)
    a : Out(13)
    dqm : Out(2)
    dq_o : Out(16)
    dq_oe : Out(1)
        Drive ``dq_o``, in the same cycle.
    dq_i : In(16)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "cke": Out(1),
                "cs_n": Out(1, init=1),
                "ras_n": Out(1, init=1),
                "cas_n": Out(1, init=1),
                "we_n": Out(1, init=1),
                "ba": Out(2),
                "a": Out(13),
                "dqm": Out(2, init=0b11),
                "dq_o": Out(16),
                "dq_oe": Out(1),
                "dq_i": In(16),
            }
        )


class FlashPins(wiring.Signature):
    """Serial flash on four data pins; see the module for the timing.

    Interface attributes
    --------------------
    cs_n : Out(1)
    sck : Out(1)
        A clock pulse in the second half of the cycle.
    dq_o : Out(4)
        Bit i goes to pin IOi.
    dq_oe : Out(4)
        Drive these bits, in the same cycle.
    dq_i : In(4)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "cs_n": Out(1, init=1),
                "sck": Out(1),
                "dq_o": Out(4),
                "dq_oe": Out(4),
                "dq_i": In(4),
            }
        )
