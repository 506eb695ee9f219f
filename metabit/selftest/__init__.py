"""What a device is asked for to see whether it works: link, memories, training, aborts."""
