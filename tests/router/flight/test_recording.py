"""A whole Maek with its flight recorder: what stands on the disk, what can be made of it, and what is never there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.app import House
from router.flight.choices import choice_of
from router.flight.files import FOLDER, recordings, whole_lines
from router.flight.replaying import difference
from sidecar.recording import Note, Query, read
from simulator import SimSettings, serving
from tests.fakes.processes import maek_command
from tests.fakes.routers import config_for, maek, maek_with_simulators
from tests.fakes.waiting import until

SIM = SimSettings()
CANARY = "카나리아canary"


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAEK_DATA_DIR", raising=False)


def recorder(folder: Path, size: int = 67_108_864) -> dict[str, Any]:
    """The settings of a Maek that records there."""
    return {"data_dir": str(folder), "recorder": {"bytes": size}}


def notes(folder: Path, kind: str) -> Iterator[Note]:
    """All of one kind in the ring."""
    for path in recordings(folder) if (folder / FOLDER).is_dir() else ():
        for line in whole_lines(path.read_bytes().splitlines(keepends=True), lambda: None):
            entry = read(line)
            if isinstance(entry, Note) and entry.kind == kind:
                yield entry


async def test_every_choice_is_recorded_with_all_that_it_takes_to_make_it_again(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, SIM, **recorder(tmp_path)) as (router, _):
        for number in range(6):
            body = {"message": "양자역학 설명해줘", "session": None, "role": "reasoner", "stream": number % 2 == 0}
            async with router.client.post(router.url + "/chat", json=body) as response:
                await response.read()
                assert response.status == 200
    chosen = [choice_of(note.at, note.body) for note in notes(tmp_path, "choice")]
    assert len(chosen) == 6
    assert [difference(one) for one in chosen] == [None] * 6
    assert {note.body["id"] for note in notes(tmp_path, "decision")} == {one.decision for one in chosen}


async def test_a_choice_that_nobody_could_win_is_recorded_too(tmp_path: Path) -> None:
    dead = {"name": "dead", "url": "http://127.0.0.1:9", "models": {"reasoner": "m"}}
    async with maek(config_for([dead], **recorder(tmp_path))) as router:
        status, _ = await router.post("/chat", {"message": "hello", "role": "reasoner"})
    [note] = notes(tmp_path, "choice")
    [decision] = notes(tmp_path, "decision")
    assert status == 503
    assert (note.body["winner"], note.body["excluded"]) == (None, [["dead", "m", "down"]])
    assert decision.body["error"] == "no_backend"


async def test_no_text_of_anybody_is_on_the_disk(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, **recorder(tmp_path)) as (router, urls):
        for body in (
            {"message": CANARY, "session": None},
            {"message": f"{CANARY} 설명해줘", "role": CANARY},
            {"message": f"내일 3시 {CANARY} 회의", "stream": True},
            {"message": f"{CANARY} 메일 찾아줘"},
        ):
            async with router.client.post(router.url + "/chat", json=body) as response:
                await response.read()
        asked = {"model": "reasoner", "user": CANARY, "messages": [{"role": "user", "content": CANARY}]}
        for headers, most in (({"x-request-id": "canary-id"}, 10**18), ({"x-maek-session": CANARY.encode().hex()}, 2)):
            asked |= {"max_tokens": most}
            async with router.client.post(router.url + "/v1/chat/completions", json=asked, headers=headers) as response:
                answer = await response.text()
        async with router.client.post(router.url + "/v1/chat/completions", json=asked | {"model": CANARY}) as response:
            assert response.status == 404
    text = b"".join(path.read_bytes() for path in recordings(tmp_path))
    assert len(list(notes(tmp_path, "decision"))) == 7
    assert {note.body["max_tokens"] for note in notes(tmp_path, "choice")} >= {2, 10**18}
    assert "choices" in orjson.loads(answer)
    for secret in (CANARY, "canary", "카나리아", CANARY.encode().hex(), urls[0].removeprefix("http://")):
        assert secret.encode() not in text
        assert orjson.dumps(secret)[1:-1] not in text


async def test_a_decision_of_a_life_before_is_explained_from_the_recording(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, **recorder(tmp_path)) as (router, _):
        _, answer = await router.post("/chat", {"message": "양자역학 설명해줘"})
        _, before = await router.get(f"/decisions/{answer['id']}")
    environ = {"LC_ALL": "C.UTF-8", "MAEK_KEY": "", "MAEK_DATA_DIR": str(tmp_path)}
    async with maek_with_simulators(SIM) as (router, _):
        asked = ("explain", "--url", router.url)
        code, told, problem = await maek_command(*asked, answer["id"], environ=environ, cwd=tmp_path)
        _, as_json, _ = await maek_command(*asked, answer["id"], "--json", environ=environ, cwd=tmp_path)
        unknown, _, _ = await maek_command(*asked, "0000", environ=environ, cwd=tmp_path)
    gone = await maek_command("explain", "--url", "http://127.0.0.1:9", answer["id"], environ=environ, cwd=tmp_path)
    assert (code, problem, unknown) == (0, "", 1)
    assert told.startswith(f"Decision {answer['id']}")
    assert orjson.loads(as_json) == before
    assert gone[:2] == (0, told)


async def test_what_was_recorded_replays_and_can_be_compared(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, SIM, **recorder(tmp_path / "data")) as (router, _):
        for _ in range(4):
            await router.post("/chat", {"message": "양자역학 설명해줘", "role": "reasoner"})
    segment = recordings(tmp_path / "data")[-1]
    text = segment.read_bytes()
    segment.write_bytes(text + b'{"t":1')
    code, out, said = await maek_command("replay", str(tmp_path / "data"))
    assert (code, out) == (0, "")
    assert f"{segment}: the last line was cut short, and is left out" in said
    assert "4 choices of a backend made again, 0 came out differently." in said
    code, out, _ = await maek_command("replay", str(segment), "--policy", "round_robin", "--json")
    assert (code, orjson.loads(out)["choices"]) == (0, 4)
    code, out, _ = await maek_command("replay", str(segment.parent), "--policy", "least_in_flight")
    assert (code, out.partition(" would")[0]) == (0, "4 choices made by predicted: least_in_flight")


async def test_a_choice_that_comes_out_differently_is_printed_and_ends_with_one(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, SIM, **recorder(tmp_path)) as (router, _):
        await router.post("/chat", {"message": "양자역학 설명해줘", "role": "reasoner"})
    changed = tmp_path / "changed.jsonl"
    lines = [orjson.loads(line) for path in recordings(tmp_path) for line in path.read_bytes().splitlines()]
    for line in lines:
        if line["event"] == "choice":
            line["winner"] = ["somebody", "else"]
    changed.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    code, out, said = await maek_command("replay", str(changed))
    assert code == 1
    assert orjson.loads(out)["recorded"]["backend"] == "somebody"
    assert "1 choice of a backend made again, 1 came out differently." in said


async def test_a_folder_that_cannot_be_written_stops_no_chat_and_is_counted(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_bytes(b"not a folder")
    async with maek_with_simulators(SIM, **recorder(tmp_path)) as (router, _):
        status, _ = await router.post("/chat", {"message": "양자역학 설명해줘"})

        def lost() -> float:
            value = router.house.parts.registry.get_sample_value("maek_recording_lines_lost_total", {"reason": "disk"})
            return value or 0.0

        await until(lambda: lost() > 0)
    assert status == 200


async def test_it_is_switched_off_and_on_with_the_configuration(tmp_path: Path) -> None:
    async with maek_with_simulators(SIM, **recorder(tmp_path, 0)) as (router, _):
        await router.post("/chat", {"message": "양자역학 설명해줘"})
        assert not (tmp_path / FOLDER).exists()
        house: House = router.house
        config = house.current.service.config
        on = config.router.recorder.model_copy(update={"bytes": 1_048_576})
        house.adopt(config.model_copy(update={"router": config.router.model_copy(update={"recorder": on})}))
        await router.post("/chat", {"message": "양자역학 설명해줘"})
    assert len(list(notes(tmp_path, "decision"))) == 1


async def test_a_file_that_was_asked_for_has_the_questions_and_the_choices(tmp_path: Path) -> None:
    path = tmp_path / "flight.jsonl"
    async with serving(SIM) as url:
        backend = {"name": "sim", "url": url, "models": {"reasoner": "sim-large-32b"}}
        async with maek(config_for([backend], **recorder(tmp_path, 0)), record=path) as router:
            await router.post("/chat", {"message": "양자역학 설명해줘", "role": "reasoner"})
            await router.get("/backends")
    said = list(map(read, path.read_bytes().splitlines()))
    code, out, told = await maek_command("replay", str(path))
    seed_code, by_the_seed, silent = await maek_command("replay", "--rules", "seed", str(path))
    questions = sum(isinstance(entry, Query) for entry in said)
    assert questions >= 2
    assert [note.kind for note in said if isinstance(note, Note)] == ["choice", "decision"]
    assert (code, len(out.splitlines()), seed_code, len(by_the_seed.splitlines()), silent) == (
        0, questions, 0, questions, "",
    )  # fmt: skip
    assert "1 choice of a backend made again, 0 came out differently." in told
    assert not (tmp_path / FOLDER).exists()
