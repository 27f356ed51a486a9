"""HTTP in, HTTP out: one file a dialect. Nothing is decided here."""
