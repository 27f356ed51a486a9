"""One labelled sentence."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`label` is a class of the model; `source` the corpus; `intent` the corpus' own word for it."""

    id: str
    text: str
    label: str
    source: str
    intent: str = ""
    language: str = "ko"
