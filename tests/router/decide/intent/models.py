"""Small models made by hand, and what the tests of the intent model share."""

from router.decide.intent.artefact import NOTHING, Artefact
from router.decide.intent.labels import ACCEPTED, Label

LABELS = tuple(Label)


def artefact(weights: dict[str, dict[Label, int]], scale: float = 0.5) -> Artefact:
    """Pieces with steps for some labels; every other weight is nothing."""
    pieces = tuple(sorted(weights))
    return Artefact(
        labels=LABELS,
        thresholds=dict.fromkeys(ACCEPTED, 0.5),
        scales=(scale,) * (len(LABELS) - 1),
        biases=(0.0,) * len(LABELS),
        pieces=pieces,
        planes=tuple(bytes(NOTHING + weights[piece].get(label, 0) for piece in pieces) for label in LABELS[:-1]),
    )


SMALL = artefact({"=일정": {Label.CALENDAR_QUERY: 100, Label.DIRECT: -100}, "=안녕": {Label.DIRECT: 127}})
