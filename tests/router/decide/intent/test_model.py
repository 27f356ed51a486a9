"""The model's arithmetic: what a slow and plain reckoning says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.intent.artefact import NOTHING, Artefact, packaged
from router.decide.intent.features import features
from router.decide.intent.labels import Label
from router.decide.intent.model import IntentModel, Overlay, packaged_model
from tests.router.decide.intent.models import LABELS, SMALL, artefact

MODEL = IntentModel.of(SMALL)


def plainly(made: Artefact, text: str) -> list[float]:
    """The logits, label by label and piece by piece."""
    pieces = features(text)
    known = [at for at, piece in enumerate(made.pieces) if piece in pieces]
    return [
        bias + (scale * sum(plane[at] - NOTHING for at in known) / math.sqrt(len(pieces) or 1) if plane else 0)
        for bias, scale, plane in zip(made.biases, (*made.scales, 0.0), (*made.planes, b""), strict=True)
    ]


@given(st.text(alphabet="일정안녕 가ab3", max_size=60))
def test_adding_four_labels_at_once_is_adding_each(text: str) -> None:
    assert MODEL.logits(text) == pytest.approx(plainly(SMALL, text))


@pytest.mark.parametrize("text", ["내일 일정 알려줘", "안녕", "메일 왔어?", "가나다 " * 90, "what's on my calendar"])
def test_the_packaged_model_reckons_the_same_as_the_plain_way(text: str) -> None:
    made = packaged()
    assert IntentModel.of(made).logits(text) == pytest.approx(plainly(made, text))


def test_a_thousand_pieces_of_the_largest_weight_do_not_run_into_the_next_label() -> None:
    text = " ".join(f"{chr(first)}{chr(second)}" for first in range(0xAC00, 0xAC0C) for second in range(0xAC20, 0xAC2B))
    made = artefact({piece: {Label.DIRECT: 127, Label.CALENDAR_QUERY: -128} for piece in features(text)})
    assert len(made.pieces) > 257 * 2
    assert IntentModel.of(made).logits(text) == pytest.approx(plainly(made, text))


def test_a_guess_has_the_likeliest_label_its_share_and_its_lead() -> None:
    guess = MODEL.guess("안녕")
    shares = [math.exp(logit) for logit in MODEL.logits("안녕")]
    assert guess.label is Label.DIRECT
    assert guess.probability == pytest.approx(max(shares) / sum(shares))
    assert guess.margin == pytest.approx((max(shares) - 1) / sum(shares))
    assert guess.sure


def test_a_text_of_nothing_known_is_guessed_without_being_sure() -> None:
    guess = MODEL.guess("")
    assert guess.probability == pytest.approx(1 / len(LABELS))
    assert guess.margin == 0
    assert not guess.sure


def test_a_label_that_never_decides_is_never_sure() -> None:
    guess = IntentModel.of(artefact({"=알람": {Label.NEAR: 127}})).guess("알람")
    assert guess.label is Label.NEAR
    assert guess.probability > 0.9
    assert not guess.sure


def overlay(weights: dict[str, tuple[float, ...]], biases: tuple[float, ...] = (0.0,) * len(LABELS)) -> Overlay:
    return Overlay(weights, biases, "abc")


def test_an_overlay_adds_its_weights_and_biases_also_for_pieces_that_the_artefact_does_not_know() -> None:
    number = LABELS.index(Label.MAIL_QUERY)
    extra = tuple(8.0 if at == number else 0.0 for at in range(len(LABELS)))
    model = MODEL.with_overlay(overlay({"=주간보고": extra}, tuple(0.25 for _ in LABELS)))
    root = math.sqrt(len(features("주간보고")))
    expected = [logit + 0.25 for logit in MODEL.logits("주간보고")]
    expected[number] += 8.0 / root
    assert model.logits("주간보고") == pytest.approx(expected)
    assert MODEL.guess("주간보고").label is not Label.MAIL_QUERY
    assert model.guess("주간보고").label is Label.MAIL_QUERY


def test_an_overlay_shows_in_the_version_and_can_be_taken_off() -> None:
    model = MODEL.with_overlay(overlay({}))
    assert model.version == f"{MODEL.version}+abc"
    assert model.with_overlay(None) == MODEL


@pytest.mark.parametrize("bad", [overlay({"=가": (1.0,)}), overlay({}, (0.0,))])
def test_an_overlay_of_another_model_is_refused(bad: Overlay) -> None:
    with pytest.raises(ValueError, match="a number for each label"):
        MODEL.with_overlay(bad)


@given(st.text(max_size=200))
def test_any_text_has_one_guess_and_always_the_same(text: str) -> None:
    model = packaged_model()
    guess = model.guess(text)
    assert guess == model.guess(text)
    assert 0 < guess.probability <= 1
    assert 0 <= guess.margin <= guess.probability
