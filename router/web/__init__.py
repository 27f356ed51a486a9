"""The status page at `/`: its files, and what it is told live."""
