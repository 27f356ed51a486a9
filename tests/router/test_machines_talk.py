"""Machines of the configuration, asked about in a chat: from the file to the sentence."""

from pathlib import Path

import pytest

from tests.fakes.routers import config_for, maek
from tests.router.tools.hosts.given import answer, saying

CONTAINERS = b'[{"Names": ["/ollama"], "Image": "ollama/ollama", "State": "running", "Status": "Up 2 hours"}]'
PAGE = b"node_load1 1\n" + b"".join(
    b'node_filesystem_%s_bytes{device="/dev/a",fstype="ext4",mountpoint="/data"} %d\n' % row
    for row in ((b"size", 10), (b"avail", 4))
)


@pytest.mark.parametrize("path", ["", "/", "/metrics"])
async def test_machines_are_built_from_the_configuration_and_answer(tmp_path: Path, path: str) -> None:
    socket = tmp_path / "docker.sock"
    async with saying(answer(CONTAINERS), socket=socket), saying(answer(PAGE)) as exporter:
        hosts = {
            "gpu": {"address": "GPU.invalid", "docker": f"unix://{socket}", "node_exporter": exporter.url + path},
            "home": {"local": True},
        }
        backends = [{"name": "far", "url": "http://gpu.invalid:9"}, {"name": "near", "url": "http://127.0.0.1:9"}]
        async with maek(config_for(backends, tools={"infra": {"hosts": hosts}})) as router:
            _, told = await router.post("/chat", {"message": "gpu 상태"})
            _, models = await router.post("/chat", {"message": "home 모델 뭐 있어?"})
    assert told["text"].splitlines() == [
        "gpu:",
        "far: 응답 없음",
        "/data: 전체 10 B 중 4 B 남음 (60% 사용)",
        "컨테이너 1개 중 1개 실행 중",
        "ollama (ollama/ollama): 실행 중 — Up 2 hours",
    ]
    assert models["text"] == "home: near: 확인된 모델이 없어요"
    assert exporter.heads[0].startswith("GET /metrics HTTP/1.1")
