"""Answers of servers, from the files under `tests/data/engines`, given as an engine would get them."""

import json
from pathlib import Path

from sidecar.engines import ENGINES, Answer, Answers, Ask, Model, Reading, detect

FOLDER = Path(__file__).parents[2] / "data" / "engines"


def names() -> list[str]:
    """All recordings, as "llamacpp-b11434/idle"."""
    return sorted(str(file.relative_to(FOLDER).with_suffix("")) for file in FOLDER.glob("*/*.json"))


class Recording:
    """One server in one state."""

    def __init__(self, name: str) -> None:
        self.content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        self.by_path = {row["path"]: row for row in self.content["answers"]}

    def answer(self, question: Ask) -> Answer | None:
        """What it answers; a question that a recording does not have is a mistake of the test or of the engine.

        What was written from documents says under `otherwise` how the server answers paths that it does not have.
        """
        row = self.by_path.get(question.path) or self.content["otherwise"]
        if row["status"] is None:
            return None
        assert row.get("method", question.method) == question.method
        assert row.get("port", question.port) == question.port
        return Answer(row["status"], row["body"].replace("{path}", question.path).encode(), row["headers"])

    def answers(self, questions: tuple[Ask, ...]) -> Answers:
        return tuple(self.answer(question) for question in questions)

    def identity(self) -> detect.Identity | None:
        return detect.identify(self.answers(detect.QUESTIONS))

    def models(self, engine: str) -> tuple[Model, ...]:
        return ENGINES[engine].read_models(self.answers(ENGINES[engine].models))

    def stats_asked(self, engine: str) -> tuple[str, ...]:
        return tuple(question.path for question in self._stats(engine)[0])

    def reading(self, engine: str) -> Reading:
        return ENGINES[engine].read_stats(self._stats(engine)[1])

    def _stats(self, engine: str) -> tuple[tuple[Ask, ...], Answers]:
        asked: tuple[Ask, ...] = ()
        answers: Answers = ()
        while more := ENGINES[engine].asks(answers):
            asked += more
            answers += self.answers(more)
        return asked, answers
