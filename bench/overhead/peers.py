"""The peers: how each is started, and when it is ready.

Rules of this file
- Every peer is one process of work on one core, with its access log off and nothing cached.
- A peer that cannot be measured says why; it never becomes a silent gap in the table.
"""

import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]

# A thousand streams need two sockets each in nginx, and a queue for a thousand that knock at once.
_NGINX_CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit; worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off; tcp_nodelay on; keepalive_timeout 600s; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream backend {{ server 127.0.0.1:{backend_port}; keepalive 2048; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
"""


class Unavailable(Exception):
    """A peer cannot be measured here. The message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer shall run."""

    port: int
    backend_port: int
    folder: Path
    """For its configuration and whatever it writes."""


@dataclass(frozen=True, slots=True)
class Peer:
    """`command` prepares the folder and returns what to run; `ready_path` answers 200 once it serves."""

    about: str
    command: Callable[[Place], list[str]]
    ready_path: str = "/v1/models"


def _bare_aiohttp(place: Place) -> list[str]:
    backend_url = f"http://127.0.0.1:{place.backend_port}"
    return [sys.executable, "-m", "bench.overhead.bare_proxy", str(place.port), backend_url]


def _nginx(place: Place) -> list[str]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise Unavailable("nginx is not installed; `apt-get install nginx-light` adds its row.")
    config = place.folder / "nginx.conf"
    settings = {"folder": place.folder, "port": place.port, "backend_port": place.backend_port}
    config.write_text(_NGINX_CONFIG.format(**settings))
    return [program, "-e", "stderr", "-c", str(config)]


def _maek_command() -> str:
    program = shutil.which("maek", path=str(Path(sys.executable).parent)) or shutil.which("maek")
    if program is None:
        raise Unavailable("The command `maek` is not installed; `pip install -e .` adds its row.")
    return program


def _maek(place: Place) -> list[str]:
    backend = {
        "name": "mock",
        "url": f"http://127.0.0.1:{place.backend_port}",
        "engine": "openai",
        # The mock takes any number at once. Known slots scale the load levels, so that nothing is queued or
        # shed: this measures what relaying costs, not what admission does.
        "slots": 2048,
        "models": {"reasoner": "mock", "classifier": "mock"},
    }
    config = place.folder / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "sidecar": {"discover": False, "backends": [backend]},
                "router": {"listen": f"127.0.0.1:{place.port}"},
            }
        )
    )
    return [_maek_command(), "serve", "-c", str(config)]


def _maek_sidecar(place: Place) -> list[str]:
    backend_url = f"http://127.0.0.1:{place.backend_port}"
    where = ["--listen", f"127.0.0.1:{place.port}", "--listen-metrics", "127.0.0.1:0"]
    return [_maek_command(), "sidecar", "--backend", backend_url, "--name", "mock", "--engine", "openai", *where]


DIRECT = "direct"
MAEK = "maek"
SIDECAR = "maek-sidecar"
PEERS: dict[str, Peer | None] = {
    DIRECT: None,
    "nginx": Peer("nginx, proxy_buffering off", _nginx),
    "aiohttp": Peer("a bare reverse proxy in aiohttp on uvloop", _bare_aiohttp),
    MAEK: Peer("Maek, asked for the backend's own model: no decision takes part", _maek, "/readyz"),
    SIDECAR: Peer("`maek sidecar --listen`: every request counted, nothing else understood", _maek_sidecar),
}
"""In the order of the table. `direct` is the client without anything between: the floor of every delay."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
