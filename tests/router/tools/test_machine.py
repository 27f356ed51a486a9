import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.tools.machine import human_bytes, read_disks, read_interfaces


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (150 * 1024, "150 KiB"),
        (1024**3, "1.0 GiB"),
        (5 * 1024**6, "5120 PiB"),
    ],
)
def test_sizes_are_told_for_people(size_bytes: int, text: str) -> None:
    assert human_bytes(size_bytes) == text


@given(st.integers(0, 2**60))
def test_a_size_is_always_a_number_and_a_unit(size_bytes: int) -> None:
    number, unit = human_bytes(size_bytes).split()
    assert float(number) >= 0
    assert unit.endswith("B")


def test_every_mount_is_told_once_and_has_a_size() -> None:
    disks = read_disks()
    assert len({disk.mount for disk in disks}) == len(disks)
    assert all(disk.total_bytes > 0 for disk in disks)


def test_interfaces_tell_no_loopback() -> None:
    assert all(
        "127.0.0.1" not in interface.addresses and "::1" not in interface.addresses for interface in read_interfaces()
    )
