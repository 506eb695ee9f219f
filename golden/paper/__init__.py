"""The paper's own rule, and its baseline's: software only."""
