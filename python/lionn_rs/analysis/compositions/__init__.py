"""Which composition conducts best, and whether the runs decide it."""
