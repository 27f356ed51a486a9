"""The status page at `/`: its three files, and what it is told live."""
