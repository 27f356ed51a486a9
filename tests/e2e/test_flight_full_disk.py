"""The disk is full while `maek serve` records: chats go on, the log says it once, and what was written stays whole.

A process may be forbidden to let a file grow, wherever it runs; a disk to fill up would have to be mounted.
"""

import resource
from pathlib import Path

import aiohttp

from router.flight.files import recordings
from simulator import SimSettings, serving
from tests.e2e.test_flight_killed import MESSAGE, recorded
from tests.fakes.processes import maek_command, maek_serve
from tests.fakes.waiting import until

CONFIG = """\
sidecar:
  discover: false
  retry_interval_seconds: 0.2
  backends: [{{name: sim, url: '{url}', models: {{classifier: sim-small-1b, reasoner: sim-large-32b}}}}]
router:
  listen: 127.0.0.1:0
"""
CHATS = 20


async def test_a_full_disk_stops_no_chat_is_told_once_and_counted_and_loses_nothing_before(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with serving(SimSettings()) as url, aiohttp.ClientSession() as client:
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=url), "utf-8")
        async with maek_serve(tmp_path) as served:

            async def chats() -> None:
                for _ in range(CHATS):
                    async with client.post(served.url + "/v1/chat/completions", json=MESSAGE) as response:
                        assert (response.status, "choices" in await response.json()) == (200, True)

            def decisions() -> int:
                return sum(line["event"] == "decision" for line in recorded(data)) if data.exists() else 0

            async def lost() -> float:
                async with client.get(served.url + "/metrics") as response:
                    lines = (await response.text()).splitlines()
                found = [line for line in lines if line.startswith('maek_recording_lines_lost_total{reason="disk"}')]
                return float(found[0].rpartition(" ")[2]) if found else 0.0

            await chats()
            await until(lambda: decisions() == CHATS)
            assert await lost() == 0
            size = recordings(data)[-1].stat().st_size
            assert size > len(served.log()) + 1000  # of which there is room for more
            resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (size, size))
            await chats()
            await until(lambda: "recording paused" in served.log())
            await chats()
            assert await lost() > 0
        # It has ended, and has tried to write what was left.
        assert served.log().count("recording paused") == 1
        assert f"folder={data}/flight reason=File too large; chats go on" in served.log()
    assert decisions() == CHATS
    assert recordings(data)[-1].stat().st_size == size
    code, _, said = await maek_command("replay", str(data))
    assert (code, said) == (0, f"maek replay: {CHATS} choices of a backend made again, 0 came out differently.\n")
