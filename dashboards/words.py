"""What numbers of enums mean, in words and colours, and how an enum that is a label becomes one number.

Rules of this file
- Made from the enums of the code: a new state is in.
"""

from dashboards.names import highest, series
from dashboards.panel import Word
from sidecar import Circuit, Level, Standing

LEVEL_COLOURS = {
    Level.FREE: "green",
    Level.NORMAL: "semi-dark-green",
    Level.BUSY: "yellow",
    Level.VERY_BUSY: "red",
    Level.UNAVAILABLE: "purple",
}
STANDING_COLOURS = {
    Standing.READY: "green",
    Standing.LOADING: "yellow",
    Standing.SLEEPING: "blue",
    Standing.SUSPENDED: "purple",
    Standing.DRAINING: "orange",
    Standing.DOWN: "red",
}
CIRCUIT_COLOURS = {Circuit.CLOSED: "green", Circuit.HALF_OPEN: "yellow", Circuit.OPEN: "red"}

LEVELS = tuple(Word(level, level.label.replace("_", " "), LEVEL_COLOURS[level]) for level in Level)
STANDINGS = tuple(Word(number, word, STANDING_COLOURS[word]) for number, word in enumerate(Standing))
CIRCUITS = tuple(Word(one, one.name.lower().replace("_", " "), CIRCUIT_COLOURS[one]) for one in Circuit)
YES_NO = (Word(0, "no", "red"), Word(1, "yes", "green"))


def standing_number() -> str:
    """For every backend the number of the state that it is in, as `STANDINGS` counts them."""
    states = [f"{number} * {series('maek_backend_state', state=word)}" for number, word in enumerate(Standing)]
    return highest("sum by (job, instance, backend) (" + " or ".join(states) + ")", "backend")


def levels_of_signals() -> str:
    """For every signal the level that it alone would mean: how many of its thresholds it has reached."""
    signal, threshold = series("maek_backend_load_signal"), series("maek_backend_load_threshold")
    reached = f"{signal} >= bool on(job, instance, backend, signal) group_right() {threshold}"
    return highest(f"sum without(level) ({reached})", "signal")
