"""One file an engine: which questions to ask it, and how its answers read."""
