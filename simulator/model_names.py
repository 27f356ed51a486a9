"""What a model's name says about its size.

Rules of this file
- Pure. The name is all there is: "sim-large-32b" has 32 billion parameters.
"""

import re

_BILLIONS = re.compile(r"(\d+(?:\.\d+)?)b(?![a-z0-9])", re.IGNORECASE)

ASSUMED_BILLIONS = 8.0
"""For names without a size: the size that the presets are made for."""

BYTES_PER_PARAMETER = 0.6
"""Four bits and a little, as Q4_K_M takes."""


def billions(model: str) -> float:
    """Return the billions of parameters."""
    found = _BILLIONS.search(model)
    return float(found[1]) if found else ASSUMED_BILLIONS


def parameter_count(model: str) -> int:
    """Return the number of parameters."""
    return int(billions(model) * 1e9)


def parameter_size(model: str) -> str:
    """Return the size as Ollama writes it: "32B", "1.5B"."""
    return f"{billions(model):g}B"


def size_bytes(model: str) -> int:
    """Return the size on disk and in memory."""
    return int(parameter_count(model) * BYTES_PER_PARAMETER)
