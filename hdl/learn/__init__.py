"""From class scores to updated counters: head, winner search, row updates."""
