"""What a simulation may put in the place of gates."""


class Behavioural:
    """Platform of a design that is compiled for simulation.

    A block may then say what it computes instead of how, if a test proves both equal. Only
    :class:`~metabit.hdl.array.popcount.Popcount` does: its compressor trees would take most of a
    simulation's time.
    """

    POPCOUNT = "metabit_popcount"
    """Verilog module that counts ones; of ``WIDTH`` bits, after ``LATENCY`` cycles."""
