"""The Prometheus text format, as much of it as reading a few gauges takes.

Rules of this file
- Names match exactly, never by their beginning: servers have families called `x` and `x_by_reason`.
- A family that is not there is unknown (None), not 0; so is one with a NaN in it.
- One line that is no sample makes the whole text unreadable: a page that is not what we take it for is not believed
  in parts.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4).
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sidecar.engines.body import refusal, shown
from sidecar.engines.engine import Answer, Selector, Unreadable

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
QUOTED = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
LABEL = rf"\s*+({NAME})\s*+=\s*+({QUOTED})\s*+"

# Possessive throughout: nothing that was read is ever read another way, so a hostile line costs its length and no more.
SAMPLE = re.compile(
    rf"({NAME})\s*+(?:\{{((?:{LABEL},)*+(?:{LABEL})?+\s*+)\}})?+"  # name and labels
    r"\s*+(?<=[\s}])(\S++)(?:\s++-?\d++(?:\.\d++)?+)?+\s*+(?:#.*+)?+"  # value, moment, exemplar
)
SELECTOR = re.compile(rf"({NAME})(?:\{{((?:{LABEL},)*+(?:{LABEL})?+\s*+)\}})?+")
LABELS = re.compile(LABEL)
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

FLOAT = re.compile(r"[+-]?(?:(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?+|inf|nan)", re.IGNORECASE)
"""What `float` takes, without the underscores and the word "infinity" that it takes besides."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: a value of a family, with the labels that tell it from the others."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Families:
    """All samples of one page, by the exact name of their family."""

    samples: Mapping[str, tuple[Sample, ...]]

    def total(self, selector: Selector) -> float | None:
        """The sum over the samples that fit; None if there is none, or one is a NaN."""
        values = self._values(selector)
        return None if values is None else math.fsum(values)

    def mean(self, selector: Selector) -> float | None:
        """The mean over the samples that fit; None if there is none, or one is a NaN."""
        values = self._values(selector)
        return None if values is None else math.fsum(values) / len(values)

    def _values(self, selector: Selector) -> list[float] | None:
        samples = self.samples.get(selector.name, ())
        values = [sample.value for sample in samples if selector.labels.items() <= sample.labels.items()]
        if not values or any(math.isnan(value) for value in values):
            return None
        # Infinities of both signs have no sum; one alone is kept, for its reader to refuse.
        infinite = {value for value in values if math.isinf(value)}
        return None if len(infinite) > 1 else values


def families(answer: Answer) -> Families:
    """The samples of a 200 answer. Raises `Unreadable` for another status and for anything that is not this format."""
    if answer.status != 200:
        raise Unreadable(refusal(answer))
    return families_of(answer.body)


def families_of(body: bytes) -> Families:
    """The samples of a page. Raises `Unreadable` for anything that is not this format."""
    try:
        page = body.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"no Prometheus text: {shown(body)}") from error
    found: dict[str, list[Sample]] = {}
    for sample in samples(page):
        found.setdefault(sample.name, []).append(sample)
    return Families({name: tuple(group) for name, group in found.items()})


def samples(page: str) -> Iterator[Sample]:
    """The samples of a page, in its order; comments and empty lines tell nothing here."""
    for number, line in enumerate(page.split("\n"), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield sample_of(stripped, number)


def sample_of(line: str, number: int) -> Sample:
    """One line as a sample. Raises `Unreadable` with the line's number."""
    match = SAMPLE.fullmatch(line)
    if match is None or not FLOAT.fullmatch(match[7]):
        raise Unreadable(f"no Prometheus text: line {number} is {shown(line.encode())}")
    labels = {key: unescaped(quoted) for key, quoted in LABELS.findall(match[2] or "")}
    return Sample(match[1], labels, float(match[7]))


def unescaped(quoted: str) -> str:
    """A label's value without its quotes and escapes."""
    return re.sub(r"\\.", lambda found: ESCAPES.get(found[0], found[0]), quoted[1:-1])


def selector_of(text: str) -> Selector | None:
    """The metric that `name` or `name{label="value",…}` selects; None if the text is neither."""
    match = SELECTOR.fullmatch(text.strip())
    if match is None:
        return None
    labels = [(key, unescaped(quoted)) for key, quoted in LABELS.findall(match[2] or "")]
    return Selector(match[1], dict(labels)) if len(dict(labels)) == len(labels) else None
