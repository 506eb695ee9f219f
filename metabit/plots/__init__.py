"""Pictures of a training and of what it has learnt."""
