"""Memory beside the FPGA: stored samples at full speed."""
