"""`maek serve` as a process of its own: start, reload, recording, stop."""

import signal
from pathlib import Path

import aiohttp
import orjson

from router.keys import new_key
from simulator import SimSettings, serving
from tests.fakes.processes import maek_command, maek_serve
from tests.fakes.waiting import until

QUIET = "sidecar: {discover: false}\nrouter: {listen: 127.0.0.1:0, sessions: {store: memory}}\n"


def written(folder: Path, text: str) -> str:
    """The path of a configuration with this text."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


async def test_it_starts_without_any_server_says_so_plainly_and_answers(tmp_path: Path) -> None:
    async with maek_serve(tmp_path, ["-c", written(tmp_path, QUIET)]) as served, aiohttp.ClientSession() as client:
        async with client.post(served.url + "/chat", json={"message": "양자역학 설명해줘"}) as response:
            answer = await response.json()
    assert "No LLM server was found" in served.banner
    assert "simulator (sim-large-32b)" in served.banner
    assert answer["simulated"] is True
    assert served.process.returncode == 0


async def test_conversations_survive_a_restart(tmp_path: Path) -> None:
    path = written(tmp_path, "sidecar: {discover: false}\nrouter: {listen: 127.0.0.1:0}\n")
    async with aiohttp.ClientSession() as client:
        async with maek_serve(tmp_path, ["-c", path]) as served:
            async with client.post(served.url + "/chat", json={"message": "안녕", "session": "s1"}) as response:
                assert response.status == 200
        async with maek_serve(tmp_path, ["-c", path]) as served:
            async with client.post(served.url + "/chat", json={"message": "안녕", "session": "s1"}) as response:
                assert (await response.json())["session"] == "s1"
    assert (tmp_path / "data" / "sessions.sqlite3").stat().st_mode & 0o077 == 0


async def test_a_changed_file_is_taken_up_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    path = Path(written(tmp_path, QUIET))
    async with serving(SimSettings()) as url, aiohttp.ClientSession() as client:
        backend = f"{{name: new, url: '{url}', models: {{reasoner: sim-large-32b}}}}"
        async with maek_serve(tmp_path, ["-c", str(path)]) as served:
            path.write_text(QUIET.replace("discover: false", f"discover: false, backends: [{backend}]"))
            await until(lambda: "config taken up" in served.log())
            names = await backend_names(client, served.url)
            path.write_text(QUIET.replace("discover: false", "discovr: false"))
            served.process.send_signal(signal.SIGHUP)
            await until(lambda: "config rejected" in served.log())
            after = await backend_names(client, served.url)
            async with client.get(served.url + "/metrics") as response:
                metrics = await response.text()
    assert names == after == ["new"]
    assert "sidecar.discovr" in served.log()
    assert "maek_config_last_reload_success 0.0" in metrics
    assert 'backend="simulator"' not in metrics


async def test_a_recording_of_a_live_process_replays_to_the_answers_that_it_gave(tmp_path: Path) -> None:
    path = written(tmp_path, QUIET)
    given: list[str] = []
    async with maek_serve(tmp_path, ["-c", path, "--record", "flight.jsonl"]) as served:
        async with aiohttp.ClientSession() as client:
            for _ in range(3):
                async with client.post(served.url + "/chat", json={"message": "양자역학 설명해줘"}) as response:
                    given.append(response.headers["x-maek-load"])
    exit_code, out, err = await maek_command("replay", "flight.jsonl", cwd=tmp_path)
    assert exit_code == 0
    assert err.endswith(" choices of a backend made again, 0 came out differently.\n")
    assert [orjson.loads(line)["load"] for line in out.splitlines()] == given
    exit_code, seed, _ = await maek_command("replay", "--rules", "seed", "flight.jsonl", cwd=tmp_path)
    assert exit_code == 0
    assert {orjson.loads(line)["source"] for line in seed.splitlines()} == {"hybrid"}
    assert "양자역학" not in (tmp_path / "flight.jsonl").read_text(encoding="utf-8")


async def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path, QUIET)
    async with maek_serve(tmp_path, ["-c", path]) as served:
        port = served.url.rpartition(":")[2]
        exit_code, out, err = await maek_command("serve", "-c", path, "--port", port)
    assert (exit_code, out) == (1, "")
    assert f"Cannot listen on 127.0.0.1:{port}" in err
    assert "Traceback" not in err


async def test_other_addresses_than_loopback_want_keys(tmp_path: Path) -> None:
    path = written(tmp_path, QUIET)
    exit_code, _, err = await maek_command("serve", "-c", path, "--listen", "0.0.0.0:0")
    assert exit_code == 1
    assert "maek key new" in err


async def test_a_chat_that_runs_may_end_when_maek_is_told_to_stop(tmp_path: Path) -> None:
    async with maek_serve(tmp_path, ["-c", written(tmp_path, QUIET)]) as served, aiohttp.ClientSession() as client:
        body = {"message": "양자역학 설명해줘", "stream": True}
        async with client.post(served.url + "/chat", json=body) as response:
            await response.content.readany()
            served.process.terminate()
            text = (await response.read()).decode()
    assert "event: done" in text


async def backend_names(client: aiohttp.ClientSession, url: str) -> list[str]:
    """The names of the backends that a router knows."""
    async with client.get(url + "/backends") as response:
        return [backend["name"] for backend in (await response.json())["backends"]]


async def test_what_users_write_is_not_in_the_log_at_any_level(tmp_path: Path) -> None:
    text = "sidecar: {discover: false}\nrouter: {listen: 127.0.0.1:0, log_level: debug}\n"
    async with maek_serve(tmp_path, ["-c", written(tmp_path, text)]) as served, aiohttp.ClientSession() as client:
        async with client.post(served.url + "/chat", json={"message": "양자역학 설명해줘 c4n4ry"}) as response:
            assert response.status == 200
    assert "DEBUG" in served.log()
    assert "c4n4ry" not in served.log()


async def test_keys_cannot_be_taken_away_while_other_machines_reach_the_door(tmp_path: Path) -> None:
    key, key_hash = new_key()
    text = QUIET.replace("127.0.0.1:0", f"0.0.0.0:0, keys: ['{key_hash}']")
    path = Path(written(tmp_path, text))
    async with maek_serve(tmp_path, ["-c", str(path)]) as served, aiohttp.ClientSession() as client:
        path.write_text(QUIET)
        served.process.send_signal(signal.SIGHUP)
        await until(lambda: "config rejected" in served.log())
        async with client.get(served.url + "/backends") as stranger:
            assert stranger.status == 401
        async with client.get(served.url + "/backends", headers={"authorization": f"Bearer {key}"}) as friend:
            assert friend.status == 200
    assert "router.keys: found no keys, while Maek listens on 0.0.0.0" in served.log()
