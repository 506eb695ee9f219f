"""A campaign against a device: random networks, and a line that brings anything."""
