import errno
import socket
import ssl
from contextlib import suppress

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.tools.hosts.containers import Container, Containers, containers_of
from router.tools.hosts.exporters import Gpu
from router.tools.hosts.plain import plain
from router.tools.hosts.remedies import Whom, sentence
from router.tools.hosts.trouble import Trouble, Why, trouble_of
from router.tools.hosts.words import container_lines, gpu_line, machine_line, service_line
from router.tools.machine import Machine
from router.tools.reach import Reached

GIB = 1024**3


@pytest.mark.parametrize("why", Why)
def test_every_trouble_names_the_machine_and_says_what_to_do(why: Why) -> None:
    korean = sentence("ko", "nas", Whom.DOCKER, Trouble(why))
    english = sentence("en", "nas", Whom.DOCKER, Trouble(why))
    assert korean.startswith("nas의 Docker: ")
    assert korean.endswith("주세요.")
    assert english.startswith("Docker of nas: ")
    assert english.count(". ") == 1


def test_a_detail_stands_in_brackets() -> None:
    assert sentence("en", "nas", Whom.SERVICE, Trouble(Why.STATUS, "403")).startswith("nas: it declined (HTTP 403). ")
    assert "(Permission denied)" in sentence("ko", "nas", Whom.DOCKER, Trouble(Why.SSH, "Permission denied"))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Trouble(Why.HUGE), Why.HUGE),
        (TimeoutError(), Why.SLOW),
        (ssl.SSLError(), Why.UNTRUSTED),
        (socket.gaierror(), Why.NO_NAME),
        (ConnectionRefusedError(), Why.REFUSED),
        (ConnectionResetError(), Why.CUT),
        (OSError(errno.EACCES, ""), Why.FORBIDDEN),
        (PermissionError(errno.EPERM, ""), Why.FORBIDDEN),
        (OSError(errno.EHOSTUNREACH, ""), Why.SLOW),
        (OSError(), Why.CUT),
        (aiohttp.ServerDisconnectedError(), Why.CUT),
        (aiohttp.ClientPayloadError(), Why.CUT),
        (aiohttp.InvalidURL("x"), Why.UNREADABLE),
        (ValueError(), Why.UNREADABLE),
    ],
)
def test_what_an_exception_means(error: Exception, why: Why) -> None:
    assert trouble_of(error).why is why


def test_containers_are_told_with_those_in_trouble_first() -> None:
    body = (
        b'[{"Names": ["/web"], "Image": "nginx:1", "State": "running", "Status": "Up 2 hours (healthy)"},'
        b'{"Names": ["/db"], "Image": "postgres", "State": "running", "Status": "Up 1 hour (unhealthy)"},'
        b'{"Names": ["/job"], "Image": "job", "State": "exited", "Status": "Exited (0) 3 days ago"},'
        b'{"Names": ["/oom"], "Image": "job", "State": "exited", "Status": "Exited (137) 3 days ago"},'
        b'{"Names": ["/loop"], "Image": "job", "State": "restarting", "Status": "Restarting (1) 2 seconds ago"},'
        b'{"Id": "4f5a", "Names": [], "State": "Odd", "Status": ""}]'
    )
    found = containers_of(body)
    assert container_lines("ko", found) == [
        "컨테이너 6개 중 2개 실행 중",
        "⚠ db (postgres): 실행 중 — Up 1 hour (unhealthy)",
        "⚠ loop (job): 다시 시작하는 중 — Restarting (1) 2 seconds ago",
        "⚠ oom (job): 종료됨 — Exited (137) 3 days ago",
        "web (nginx:1): 실행 중 — Up 2 hours (healthy)",
        "4f5a (): odd",
        "job (job): 종료됨 — Exited (0) 3 days ago",
    ]
    assert [one.healthy for one in found.listed] == [False, None, None, True, None, None]
    assert container_lines("en", found)[0] == "2 of 6 containers running"


def test_no_container_writes_a_line_of_its_own() -> None:
    body = (
        b'[{"Names": ["/a\\n\\u202eb\\u001b[31m"], "Image": "'
        + b"x" * 500
        + b'", "State": "up\\nup", "Status": "\\r"}]'
    )
    lines = container_lines("en", containers_of(body))
    assert lines[1].startswith("a??b?[31m (xxx")
    assert all(line.isprintable() and len(line) < 300 for line in lines)


@given(
    st.binary(max_size=50)
    | st.sampled_from([b"[]", b"[{}]", b'[{"State": 1}]', b'[{"State": "exited", "Names": [[]]}]'])
)
def test_no_body_breaks_the_reader(body: bytes) -> None:
    with suppress(Trouble):
        containers_of(body)


def test_many_containers_are_cut_and_counted() -> None:
    many = Containers(tuple(Container(f"c{n}", "i", "running", "Up") for n in range(31)), 400, 400)
    assert container_lines("en", many)[-1] == "and 370 more"


def test_a_machine_and_its_gpus_in_words() -> None:
    machine = Machine(8, 1.25, 64 * GIB, 24 * GIB)
    assert (
        machine_line("ko", machine, 61.6)
        == "CPU 8개, 1분 평균 부하 1.2, 메모리 64.0 GiB 중 40.0 GiB 사용, 최고 온도 62 °C"
    )
    gpu = Gpu("0 RTX", 0.875, 20 * GIB, 24 * GIB, 71.0)
    assert gpu_line("ko", gpu) == "GPU 0 RTX: 사용률 88%, 메모리 24.0 GiB 중 20.0 GiB 사용, 71 °C"
    assert gpu_line("en", Gpu("0", None, 20 * GIB, None, None)) == "GPU 0: 20.0 GiB memory used"
    assert gpu_line("en", Gpu("0", None, None, None, None)) == "GPU 0: nothing is told"


def test_a_service_that_does_not_answer_says_why() -> None:
    line = service_line("ko", "docs", Reached(up=False, trouble=Trouble(Why.REFUSED)))
    assert line == "docs: 응답 없음 — 연결이 거절됐어요. 켜져 있는지, 포트가 맞는지 확인해 주세요."


def test_plain_text_is_one_short_line() -> None:
    assert plain(" a\tb ") == "a?b"
    assert plain("x" * 100, 10) == "xxxxxxxxx…"
    assert plain(7) == ""
