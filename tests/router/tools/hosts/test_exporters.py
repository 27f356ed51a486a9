from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.tools.hosts.exporters import MOST_DISKS, MOST_GPUS, MOST_LINES, Gpu, Node, gpus_of, node_of
from router.tools.hosts.trouble import Trouble, Why
from router.tools.machine import Disk, Machine

DATA = Path(__file__).resolve().parents[3] / "data" / "infra"
LINUX = (DATA / "node_exporter_linux.prom").read_bytes()
AVAILABLE = "node_memory_MemAvailable_bytes 2\n"
FILE_SYSTEM = 'node_filesystem_{}_bytes{{device="{}",fstype="{}",mountpoint="{}"}} {}\n'


def disk(
    device: str, size: float, avail: float, *, free: float | None = None, fstype: str = "ext4", at: str = "/"
) -> str:
    rows = [
        FILE_SYSTEM.format("size", device, fstype, at, size),
        FILE_SYSTEM.format("avail", device, fstype, at, avail),
    ]
    return "".join(rows) + (FILE_SYSTEM.format("free", device, fstype, at, free) if free is not None else "")


def disks(page: str) -> tuple[Disk, ...]:
    return node_of((page + "node_load1 1\n" + disk("/dev/z", 1, 1, at="/z")).encode()).disks[:-1]


def test_a_recorded_linux_is_read() -> None:
    node = node_of(LINUX)
    assert node.machine == Machine(2, 0.22, 25276063744, 24771764224)
    (root,) = node.disks
    assert (root.mount, root.total_bytes, root.free_bytes) == ("/", 270553174016, 75262541824)
    assert root.used_bytes == 270553174016 - 236871421952
    assert root.used_ratio == root.used_bytes / (root.used_bytes + root.free_bytes)
    assert node.hottest_celsius is None


def test_a_mac_has_what_is_free_or_inactive() -> None:
    node = node_of((DATA / "node_exporter_mac.prom").read_bytes())
    assert node.machine == Machine(2, 2.5, 16_000_000_000, 8_000_000_000)
    assert [one.mount for one in node.disks] == ["/"]


def test_a_device_counts_once_at_its_shortest_mount_and_memory_is_no_disk() -> None:
    page = (
        disk("/dev/a", 10, 5, at="/data")
        + disk("/dev/a", 10, 5, at="/")
        + disk("tmpfs", 9, 9, fstype="tmpfs", at="/run")
    )
    assert disks(page) == (Disk("/", 10, 5, 5, 0.5),)


def test_used_is_of_what_users_may_use() -> None:
    assert disks(disk("/dev/a", 100, 10, free=30)) == (Disk("/", 100, 70, 10, 0.875),)


@pytest.mark.parametrize(("size", "avail"), [(0, 0), (10, 11), ("NaN", 1), ("+Inf", 1), (-5, 1), (10, -1)])
def test_a_disk_that_makes_no_sense_is_left_out(size: float, avail: float) -> None:
    assert disks(disk("/dev/a", size, avail)) == ()


def test_a_full_disk_is_full() -> None:
    assert disks(disk("/dev/a", 10, 0)) == (Disk("/", 10, 10, 0, 1.0),)
    assert disks(disk("/dev/a", 10, 0, free=10)) == (Disk("/", 10, 0, 0, 1.0),)


def test_names_of_mounts_cannot_move_the_cursor_and_many_are_too_many() -> None:
    assert disks(disk("/dev/a", 10, 5, at="/\x1b[2J\u202e"))[0].mount == "/?[2J?"
    page = "".join(disk(f"/dev/{n}", 10, 5, at=f"/{n}") for n in range(500))
    assert len(node_of(page.encode()).disks) == MOST_DISKS


@pytest.mark.parametrize(
    "page",
    [
        "node_load1 1\nnode_memory_MemTotal_bytes 10\nnode_memory_MemAvailable_bytes 5\n",
        'node_cpu_seconds_total{cpu="0",mode="idle"} 1\nnode_load1 1\nnode_memory_MemTotal_bytes 10\n',
        'node_cpu_seconds_total{cpu="0"} 1\nnode_load1 1\nnode_memory_MemTotal_bytes 1\n' + AVAILABLE,
        'node_cpu_seconds_total{cpu="0"} 1\nnode_load1 NaN\nnode_memory_MemTotal_bytes 9\n' + AVAILABLE,
    ],
)
def test_a_machine_of_which_something_is_missing_is_not_guessed(page: str) -> None:
    assert node_of((page + disk("/dev/a", 10, 5)).encode()).machine is None


def test_the_hottest_sensor_counts_and_one_that_is_not_there_does_not() -> None:
    page = 'node_hwmon_temp_celsius{{chip="a",sensor="temp{}"}} {}\n'
    told = "".join(page.format(n, celsius) for n, celsius in enumerate((41.5, 62, 255, -128, 0)))
    assert node_of(told.encode()) == Node((), None, 62.0)


def test_gpus_of_nvidias_exporter() -> None:
    gib = 1024**3
    assert gpus_of((DATA / "dcgm.prom").read_bytes()) == (
        Gpu("0 NVIDIA A100-SXM4-40GB", 0.87, 30 * gib, 40 * gib, 71.0),
        Gpu("1 NVIDIA A100-SXM4-40GB", 0.0, None, None, None),
    )


def test_gpus_of_the_exporter_over_nvidia_smi() -> None:
    found = gpus_of((DATA / "nvidia_smi.prom").read_bytes())
    assert found == (Gpu("0 NVIDIA GeForce RTX 4090", 0.5, 12_000_000_000, 24_000_000_000, 44.0),)


def test_a_gpu_that_makes_no_sense_tells_nothing() -> None:
    assert gpus_of(b'DCGM_FI_DEV_GPU_UTIL{gpu="0"} 400\nDCGM_FI_DEV_GPU_TEMP{gpu="0"} 999\n') == (
        Gpu("0", None, None, None, None),
    )
    assert gpus_of(b'nvidia_smi_utilization_gpu_ratio{uuid="a"} 7\n') == (Gpu("0", None, None, None, None),)
    many = "".join(f'DCGM_FI_DEV_GPU_UTIL{{gpu="{n}"}} 1\n' for n in range(100))
    assert len(gpus_of(many.encode())) == MOST_GPUS


@pytest.mark.parametrize("page", [b"", b"<html>login</html>", b"up 1\n", b"node_load1 many\n", b"node_load1 \xff\n"])
def test_another_page_is_none_of_an_exporter(page: bytes) -> None:
    for read in (node_of, gpus_of):
        with pytest.raises(Trouble) as caught:
            read(page)
        assert caught.value.why is Why.UNREADABLE


def test_a_page_of_endless_lines_is_too_large() -> None:
    with pytest.raises(Trouble) as caught:
        node_of(b"node_load1 1\n" * (MOST_LINES + 1))
    assert caught.value.why is Why.HUGE


def test_lines_of_others_are_not_read() -> None:
    assert node_of(LINUX + b"somebody's nonsense } 1\n").machine is not None


@given(
    st.lists(
        st.sampled_from([LINUX[:200], b"node_load1 ", b"1", b"\n", b"DCGM_FI_DEV_GPU_UTIL{", b"}", b"NaN", b"\x00"])
    )
)
def test_no_page_breaks_the_reader(parts: list[bytes]) -> None:
    for read in (node_of, gpus_of):
        with suppress(Trouble):
            read(b"".join(parts))
