"""`maek serve` is killed with SIGKILL while it records: what is on the disk is whole, and no older than a second."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import orjson

from router.flight.files import recordings, whole_lines
from simulator import SimSettings, serving
from tests.fakes.processes import maek_command, maek_serve
from tests.fakes.waiting import until

KILLS = int(os.environ.get("MAEK_TEST_KILLS", "3"))
"""More for a long look: each takes a start of Maek."""
CONFIG = """\
sidecar:
  discover: false
  retry_interval_seconds: 0.2
  backends: [{{name: sim, url: '{url}', models: {{classifier: sim-small-1b, reasoner: sim-large-32b}}}}]
router:
  listen: 127.0.0.1:0
  recorder: {{bytes: 1048576}}
"""
LOST_SECONDS = 1.0
MESSAGE = {"model": "reasoner", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 1}


def recorded(folder: Path) -> list[dict[str, object]]:
    """Every whole line, over all segments; AssertionError if one that is whole is broken."""
    lines = [
        line
        for path in recordings(folder)
        for line in whole_lines(path.read_bytes().splitlines(keepends=True), lambda: None)
    ]
    return [orjson.loads(line) for line in lines]


async def test_kill_9_loses_at_most_the_last_second_and_nothing_before(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ended: dict[str, float] = {}
    async with serving(SimSettings()) as url, aiohttp.ClientSession() as client:
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=url), "utf-8")
        for _ in range(KILLS):
            before = len(ended)
            async with maek_serve(tmp_path) as served:

                async def ask(url: str) -> None:
                    while True:
                        async with client.post(url + "/v1/chat/completions", json=MESSAGE) as response:
                            assert response.status == 200
                            ended[response.headers["x-maek-decision"]] = asyncio.get_running_loop().time()

                asking = asyncio.create_task(ask(served.url))
                await until(lambda: len(ended) > before + 50)  # noqa: B023 - waited for within the round
                enough = asyncio.get_running_loop().time() + 1.5 * LOST_SECONDS
                await until(lambda: asyncio.get_running_loop().time() > enough)  # noqa: B023
                served.process.send_signal(signal.SIGKILL)
                killed_at = asyncio.get_running_loop().time()
                await served.process.wait()
                await asyncio.wait((asking,))
                assert isinstance(asking.exception(), aiohttp.ClientError)
            kept = {line["id"] for line in recorded(data) if line["event"] == "decision"}
            due = {one for one, at in list(ended.items())[before:] if at < killed_at - LOST_SECONDS}
            size = sum(path.stat().st_size for path in recordings(data))
            assert size <= 1_048_576
            oldest = recorded(data)[0]
            # The ring is small here: the oldest may have made way already.
            assert {one for one in list(due)[-20:] if one not in kept} == set(), oldest
    code, _, told = await maek_command("replay", str(data))
    assert code == 0, told
    assert "0 came out differently." in told
