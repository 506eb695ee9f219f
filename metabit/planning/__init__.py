"""What a network takes on a device, before anything is built: memories, cycles, energy."""
