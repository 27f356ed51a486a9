"""Learning from the operator's own confirmed decisions: on this machine, on request, and undone in one step."""
