"""Memory chips beside the FPGA: what reads stored samples from them."""
