"""What a line has carried, and how fast."""

from dataclasses import dataclass


@dataclass
class Traffic:
    """Runs of a device, with samples that came over its line.

    Attributes
    ----------
    samples : int
    seconds : float
        From the start of each run to its end.
    sent_bytes : int
        What it took to send, with headers, checks and repeats.
    """

    samples: int = 0
    seconds: float = 0.0
    sent_bytes: int = 0

    @property
    def samples_per_second(self) -> float:
        """Speed; 0 of nothing."""
        return self.samples / self.seconds if self.seconds else 0.0

    @property
    def bytes_per_sample(self) -> float:
        """What a sample takes on the line; 0 of nothing."""
        return self.sent_bytes / self.samples if self.samples else 0.0
