"""The flight recording: what was chosen and from what, on disk, and how that is read again."""
