"""From bytes on a line to commands and words, and back."""
