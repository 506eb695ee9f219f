"""An iCE40's bitstream, read back into the netlist that it is."""
