"""How far a stage of deciding is trusted. Pure."""

from enum import StrEnum


class Trust(StrEnum):
    """What a stage's decisions are worth to the operator."""

    OFF = "off"
    """It is not asked."""
    SHADOW = "shadow"
    """It decides, nobody acts on it, and how often the classifier agrees with it is counted."""
    ON = "on"
