"""The host's side of the link: drives a device behind any transport, real or simulated."""
