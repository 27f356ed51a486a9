"""Trains the embedded intent model: `python -m bench.decide.train --data DIR` (needs the dependency group `train`).

Rules of this file
- The only place that needs scikit-learn. What a text's pieces are is the run time's own code.
- Reproducible to the byte on the same versions: sorted rows, one thread, no chance, no time stamp.
- Weights from the train files, the temperature and the thresholds from the dev files. Nothing else is read.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from bench.decide.corpus import corpus_rows
from bench.decide.measure import Measured, measured
from bench.decide.own import own_rows
from bench.decide.row import Row
from bench.decide.silver import silver_rows
from bench.decide.wrapped import wrapped_rows
from router.decide.intent.artefact import FILE, NOTHING, Artefact, written
from router.decide.intent.features import features
from router.decide.intent.labels import ACCEPTED, Label
from router.decide.intent.model import IntentModel

LABELS = tuple(Label)
TEMPERATURES = tuple(round(0.4 + 0.02 * step, 2) for step in range(61))
LOWEST_THRESHOLD = 0.45
"""Under it the second likeliest label may be as likely."""
WANTED_PRECISION = {"ko": 0.986, "en": 0.985, "natural": 0.97}
"""Of what the model accepts, on the dev files and on the sentences labelled by hand: a little over what is promised."""
MIN_TEXTS = 4
"""A piece in fewer texts than this tells more about them than about their label."""
STRENGTH = 20.0
"""The inverse of the regularisation (scikit-learn's C)."""
TOLERANCE = 1e-5
MAX_ROUNDS = 2000
KEPT_PIECES = 50_000
"""The pieces with the largest weights; the rest together moved no decision on the dev files."""
WIDEST_STEPS = 127
CLIPPED_SHARE = 0.0005
"""Of a label's weights are clipped, so that the others keep finer steps."""
FOLDS = 5
CONTRADICTED_FROM = 0.97
"""A row of a public corpus is dropped when a model that has not seen it gives another label that much."""


class Table:
    """Pieces with a column and an inverse document frequency."""

    def __init__(self, pieces: Sequence[set[str]]) -> None:
        counts = Counter(piece for row in pieces for piece in row)
        self.pieces = sorted(piece for piece, count in counts.items() if count >= MIN_TEXTS)
        self.column = {piece: at for at, piece in enumerate(self.pieces)}
        self.rarity = np.array([math.log(len(pieces) / counts[piece]) / math.log(len(pieces)) for piece in self.pieces])

    def matrix(self, rows: Iterable[set[str]]) -> sparse.csr_matrix:
        """A line a row: the rarity of each known piece, divided by the root of the number of all pieces."""
        values: list[float] = []
        columns: list[int] = []
        ends = [0]
        for pieces in rows:
            known = sorted(self.column[piece] for piece in pieces if piece in self.column)
            columns.extend(known)
            values.extend(self.rarity[known] / math.sqrt(len(pieces) or 1))
            ends.append(len(columns))
        return sparse.csr_matrix((values, columns, ends), shape=(len(ends) - 1, len(self.pieces)))


def main() -> None:
    """Train, choose the thresholds, write the artefact, and print what the model card says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the *_train.jsonl and *_dev.jsonl files")
    parser.add_argument("--out", type=Path, default=Path("router/decide/intent") / FILE)
    parser.add_argument("--keep-contradicted", action="store_true", help="skip cleaning by cross-validation")
    parser.add_argument("--without-share-alike", action="store_true", help="train without the CC BY-SA corpus")
    given = parser.parse_args()
    with threadpool_limits(1):
        _train(given)


def _train(given: argparse.Namespace) -> None:
    rows = training_rows(given.data, silver=not given.without_share_alike)
    print(f"{len(rows)} rows: {dict(sorted(Counter(row.label for row in rows).items()))}")
    if not given.keep_contradicted:
        rows = cleaned(rows)
    artefact = thresholded(calibrated(trained(rows), given.data), given.data)
    given.out.write_bytes(written(artefact))
    print(f"{given.out}: {given.out.stat().st_size} bytes")


def training_rows(data: Path, *, silver: bool = True) -> list[Row]:
    """The train files and the own sentences, in the order of their ids. A text is in it once; the first corpus wins."""
    once: dict[str, Row] = {}
    for row in (*corpus_rows(data, "train"), *own_rows(), *(silver_rows(data) if silver else ())):
        once.setdefault(row.text, row)
    for row in wrapped_rows(sorted(once.values(), key=lambda row: row.id)):
        once.setdefault(row.text, row)
    return sorted(once.values(), key=lambda row: row.id)


def cleaned(rows: list[Row]) -> list[Row]:
    """Without the rows of public corpora that models trained on the others contradict."""
    pieces = [features(row.text) for row in rows]
    table = Table(pieces)
    matrix, labels = table.matrix(pieces), _numbers(rows)
    fold = np.arange(len(rows)) % FOLDS
    dropped: set[int] = set()
    for held in range(FOLDS):
        model = _fitted(matrix[fold != held], labels[fold != held], 1e-3)
        shares = model.predict_proba(matrix[fold == held])
        for at, share in zip(np.flatnonzero(fold == held), shares, strict=True):
            best = int(share.argmax())
            if rows[at].source not in {"own", "sae4k"} and best != labels[at] and share[best] >= CONTRADICTED_FROM:
                dropped.add(int(at))
    told = Counter((rows[at].source, str(rows[at].label)) for at in sorted(dropped))
    print(f"dropped as contradicted: {len(dropped)} {dict(sorted(told.items()))}")
    return [row for at, row in enumerate(rows) if at not in dropped]


def trained(rows: list[Row]) -> Artefact:
    """The artefact of `rows`, with thresholds that nobody has chosen yet (1: never)."""
    pieces = [features(row.text) for row in rows]
    table = Table(pieces)
    model = _fitted(table.matrix(pieces), _numbers(rows), TOLERANCE)
    print(f"rounds: {int(model.n_iter_[0])} of {MAX_ROUNDS}")
    if model.n_iter_[0] >= MAX_ROUNDS:
        raise SystemExit("the fit did not converge")
    # Only differences between labels count, so the last label's weights can be nothing.
    weights = (model.coef_ - model.coef_[-1]) * table.rarity
    biases = model.intercept_ - model.intercept_[-1]
    largest = np.abs(weights).max(axis=0)
    kept = np.sort(np.argsort(-largest, kind="stable")[:KEPT_PIECES])
    weights = weights[:-1, kept]
    scales = np.quantile(np.abs(weights), 1 - CLIPPED_SHARE, axis=1) / WIDEST_STEPS
    steps = np.clip(np.rint(weights / scales[:, None]), -WIDEST_STEPS, WIDEST_STEPS).astype(int) + NOTHING
    return Artefact(
        labels=LABELS,
        thresholds=dict.fromkeys(ACCEPTED, 1.0),
        scales=_rounded(scales),
        biases=_rounded(biases),
        pieces=tuple(table.pieces[at] for at in kept),
        planes=tuple(bytes(plane.tolist()) for plane in steps),
    )


def calibrated(artefact: Artefact, data: Path) -> Artefact:
    """The artefact with its numbers divided by the temperature under which the dev files are likeliest."""
    rows = list(corpus_rows(data, "dev"))
    model = IntentModel.of(artefact)
    logits = np.array([model.logits(row.text) for row in rows])
    labels = _numbers(rows)

    def surprise(temperature: float) -> float:
        scaled = logits / temperature
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(rows)), labels]))

    temperature = min(TEMPERATURES, key=surprise)
    print(f"temperature: {temperature} (mean surprise {surprise(1.0):.4f} -> {surprise(temperature):.4f})")
    return replace(
        artefact,
        scales=_rounded(scale / temperature for scale in artefact.scales),
        biases=_rounded(bias / temperature for bias in artefact.biases),
    )


def thresholded(artefact: Artefact, data: Path) -> Artefact:
    """The artefact with thresholds under which every group is right enough.

    All begin low. As long as a group is not right enough, the threshold of one label is raised over its next mistake
    there: that of the label which loses the fewest right answers by it.
    """
    passed = [one for one in measured(IntentModel.of(artefact), data) if one.passed]
    thresholds = dict.fromkeys(ACCEPTED, LOWEST_THRESHOLD)
    while failing := [group for group in WANTED_PRECISION if not _right_enough(passed, thresholds, group)]:
        mistakes = [
            one for one in _taken(passed, thresholds) if one.group in failing and one.row.label != one.guess.label
        ]
        raised = {
            one.guess.label: _over(one.guess.probability) for one in sorted(mistakes, key=_probability, reverse=True)
        }
        label = min(raised, key=lambda label: (_lost(passed, thresholds, label, raised[label]), label))
        thresholds[label] = raised[label]
    print("thresholds:", {str(label): threshold for label, threshold in thresholds.items()})
    return replace(artefact, thresholds=thresholds)


def _right_enough(passed: Sequence[Measured], thresholds: dict[Label, float], group: str) -> bool:
    taken = [one.row.label == one.guess.label for one in _taken(passed, thresholds) if one.group == group]
    return sum(taken) >= WANTED_PRECISION[group] * len(taken)


def _taken(passed: Sequence[Measured], thresholds: dict[Label, float]) -> list[Measured]:
    return [one for one in passed if one.guess.probability >= thresholds[one.guess.label]]


def _lost(passed: Sequence[Measured], thresholds: dict[Label, float], label: Label, threshold: float) -> int:
    return sum(
        one.guess.label is label and one.row.label == label and one.guess.probability < threshold
        for one in _taken(passed, thresholds)
    )


def _over(probability: float) -> float:
    """The next hundredth."""
    return round(math.floor(probability * 100 + 1) / 100, 2)


def _probability(one: Measured) -> float:
    return one.guess.probability


def _fitted(matrix: sparse.csr_matrix, labels: np.ndarray, tolerance: float) -> LogisticRegression:
    return LogisticRegression(C=STRENGTH, tol=tolerance, max_iter=MAX_ROUNDS).fit(matrix, labels)


def _numbers(rows: Sequence[Row]) -> np.ndarray:
    number = {label: at for at, label in enumerate(LABELS)}
    return np.array([number[Label(row.label)] for row in rows])


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)


if __name__ == "__main__":
    main()
