import logging
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from router.decide.decision import Action, Decision, Source
from router.decide.intent.model import Overlay
from router.learning import keeping as module
from router.learning.fitting import fit
from router.learning.keeping import Keeping, Learned, read_rows, with_learned
from tests.router.learning.given import HOUSE, MODEL

TODAY = Decision(Action.TOOLS, Source.LLM, "classifier", tool="calendar", operation="today")
OVERLAY = fit(HOUSE, MODEL)
LEARNED = Learned(OVERLAY, MODEL.base_version, len(HOUSE), "2026-11-28T10:00:00+00:00")


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    return Keeping(tmp_path)


def test_a_kept_message_waits_until_the_operator_has_looked_at_it(keeping: Keeping) -> None:
    assert keeping.waiting() == []
    keeping.keep("1", "오늘 뭐 잡혔노", "ko", TODAY)
    keeping.keep("2", "오늘 뭐 잡혔노", "ko", TODAY)
    keeping.keep("3", "우짜노", "ko", TODAY)
    assert [row["id"] for row in keeping.waiting()] == ["1", "3"]
    keeping.confirm(keeping.waiting()[0])
    assert [row["id"] for row in keeping.waiting()] == ["3"]
    assert keeping.confirmed()[0]["operation"] == "today"


def test_what_is_kept_can_be_read_by_its_owner_alone(keeping: Keeping) -> None:
    keeping.keep("1", "비밀", "ko", TODAY)
    keeping.learn(LEARNED)
    for path in keeping.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_takes_no_more(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_KEPT_BYTES", 10)
    keeping.keep("1", "a", "en", TODAY)
    keeping.keep("2", "b", "en", TODAY)
    assert [row["id"] for row in keeping.waiting()] == ["1"]
    assert "reason=full" in caplog.text


def test_a_broken_line_is_told_and_the_rest_goes_on(keeping: Keeping, caplog: pytest.LogCaptureFixture) -> None:
    keeping.keep("1", "a", "en", TODAY)
    keeping.kept_file.write_bytes(b'{"id"\n[1]\n\n' + keeping.kept_file.read_bytes())
    assert [row["id"] for row in keeping.waiting()] == ["1"]
    assert "line=1" in caplog.text
    assert list(read_rows([b"\n", b"1", b'{"a": 1}'])) == [(2, None), (3, {"a": 1})]


def test_what_was_learned_comes_back_to_the_last_digit(keeping: Keeping) -> None:
    assert keeping.learned() is None
    keeping.learn(LEARNED)
    assert keeping.learned() == LEARNED


def test_learning_is_undone_step_by_step(keeping: Keeping) -> None:
    second = replace(LEARNED, lessons=99)
    for learned in (LEARNED, second, replace(LEARNED, lessons=100)):
        keeping.learn(learned)
    assert keeping.undo()
    assert keeping.learned() == second
    assert keeping.undo()
    assert keeping.learned() == LEARNED
    assert keeping.undo()
    assert keeping.learned() is None
    assert not keeping.undo()


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"weights": [], "biases": []}', '{"weights": {"a": 1}}'])
def test_a_broken_overlay_is_left_out_and_told(keeping: Keeping, text: str, caplog: pytest.LogCaptureFixture) -> None:
    keeping.folder.mkdir()
    (keeping.folder / "overlay.json").write_text(text)
    assert keeping.learned() is None
    assert "cannot be read" in caplog.text


def test_what_was_learned_is_put_on_the_model_that_it_was_learned_on(caplog: pytest.LogCaptureFixture) -> None:
    assert with_learned(MODEL, LEARNED).version == f"{MODEL.base_version}+{OVERLAY.version}"
    with caplog.at_level(logging.WARNING):
        assert with_learned(MODEL, replace(LEARNED, base_version="other")) is MODEL
        assert with_learned(MODEL, replace(LEARNED, overlay=Overlay({}, (0.0,), "x"))) is MODEL
    assert caplog.text.count("belongs to another model") == 2
    assert with_learned(MODEL, None) is MODEL
