"""All looks at once: bounded in time whatever the others do."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from router.config_load import loads
from router.doctor import tools
from router.doctor.finding import Grade
from router.doctor.rounds import Wanted, examined
from tests.fakes.talkers import talking

LOOK_SECONDS = 1.0


async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take a connection and say nothing, until the other side has had enough."""
    await reader.read()


CONFIG = """
sidecar: {{discover: false, backends: [{{name: gpu, url: "http://127.0.0.1:{port}", models: {{reasoner: m}}}}]}}
router:
  tracing: {{endpoint: "http://127.0.0.1:{port}"}}
  data_dir: {folder}
  tools:
    calendar: {{kind: caldav, accounts: {{kim: {{url: "http://127.0.0.1:{port}", {account}}}}}}}
    email: {{accounts: {{kim: {{host: 127.0.0.1, port: {port}, {account}}}}}}}
    document: {{kind: remote, url: "http://127.0.0.1:{port}"}}
    mcp: {{servers: {{far: {{url: "http://127.0.0.1:{port}/mcp"}}}}}}
    infra:
      hosts: {{nas: {{docker: "tcp://127.0.0.1:{port}", node_exporter: "http://127.0.0.1:{port}"}}}}
      services: {{door: {{url: "http://127.0.0.1:{port}"}}}}
      tailscale_socket: {folder}/tailscaled.sock
"""
SUBJECTS = {
    "backends gpu", "tools calendar kim", "tools mail kim", "tools document server", "tools mcp far", "tools host nas",
    "tools service door", "tools traces", "tools Tailscale", "chat reasoner",
}  # fmt: skip
"""Of whom there is nothing but trouble to be told then."""


async def test_where_everything_hangs_each_has_its_line_within_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "c4narysecret")
    for seconds in ("MAIL_SECONDS", "CALENDAR_SECONDS"):  # their threads would be waited for in the end
        monkeypatch.setattr(tools, seconds, LOOK_SECONDS)
    account = "username: kim, password: env:SECRET, everyone: true"
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(talking(hang))
        await stack.enter_async_context(talking(hang, path=tmp_path / "tailscaled.sock"))
        config = loads(CONFIG.format(port=port, folder=tmp_path, account=account))
        told: list[tuple[int, int]] = []
        wanted = Wanted(f"http://127.0.0.1:{port}", chat_seconds=LOOK_SECONDS, look_seconds=LOOK_SECONDS)
        found = await examined(config, wanted, lambda done, of, _names: told.append((done, of)))
    assert {f"{line.area} {line.subject}" for line in found if line.grade is Grade.PROBLEM} >= SUBJECTS
    assert all(line.advice is not None for line in found if line.grade is not Grade.OK)
    assert "c4narysecret" not in str(found)
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]
