"""Training the embedded intent model, and how fast it is."""
