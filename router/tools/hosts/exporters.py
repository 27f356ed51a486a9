"""What node_exporter and the exporters of GPUs tell of a machine.

Rules of this file
- Pure. Only lines that begin with a name from `FAMILIES` are read: a page may have thousands of others.
- What a page does not tell, or tells as nonsense, is None or left out, never 0.

Names: node_exporter 1.x (Linux and macOS), NVIDIA's dcgm-exporter, utkuozdemir's nvidia_gpu_exporter.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from router.tools.hosts.plain import plain
from router.tools.hosts.trouble import Trouble, Why
from router.tools.machine import NOT_REAL, Disk, Machine
from sidecar import Families, Unreadable, families_of

FAMILIES = re.compile(rb"node_(?:filesystem|memory|load1\b|cpu_seconds_total|hwmon_temp)|DCGM_FI_DEV_|nvidia_smi_")
MOST_DISKS = 64
MOST_GPUS = 32
MOST_LINES = 20_000
"""A page with more lines of these names is no machine's."""
HOTTEST_CELSIUS = 150.0
"""Sensors that are not there say 255 or -128."""
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Node:
    """A machine as its node_exporter sees it."""

    disks: tuple[Disk, ...]
    machine: Machine | None
    hottest_celsius: float | None
    """Of all its sensors."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One graphics processor. None is unknown throughout."""

    name: str
    used_ratio: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    celsius: float | None


def node_of(body: bytes) -> Node:
    """The machine of a page. Raises Trouble where it is no page of a node_exporter."""
    page = _page(body)
    node = Node(_disks(page), _machine(page), _hottest(page))
    if node == Node((), None, None):
        raise Trouble(Why.UNREADABLE)
    return node


def gpus_of(body: bytes) -> tuple[Gpu, ...]:
    """The GPUs of a page, in its order. Raises Trouble where it tells of none."""
    page = _page(body)
    gpus = [*_dcgm(page), *_nvidia_smi(page)]
    if not gpus:
        raise Trouble(Why.UNREADABLE)
    return tuple(gpus[:MOST_GPUS])


def _page(body: bytes) -> Families:
    lines = [line for line in body.split(b"\n") if FAMILIES.match(line)]
    if len(lines) > MOST_LINES:
        raise Trouble(Why.HUGE)
    try:
        return families_of(b"\n".join(lines))
    except Unreadable as error:
        raise Trouble(Why.UNREADABLE) from error


def _by(page: Families, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """The values of a family that can be meant, by these labels."""
    return {
        tuple(sample.labels.get(label, "") for label in labels): sample.value
        for sample in page.samples.get(name, ())
        if math.isfinite(sample.value) and sample.value >= 0
    }


def _only(page: Families, name: str) -> float | None:
    return next(iter(_by(page, name).values()), None)


def _disks(page: Families) -> tuple[Disk, ...]:
    """One a device, as `machine.read_disks` has it; used of what users may use, as `df` says."""
    labels = ("device", "fstype", "mountpoint")
    sizes = _by(page, "node_filesystem_size_bytes", *labels)
    free = _by(page, "node_filesystem_free_bytes", *labels)
    available = _by(page, "node_filesystem_avail_bytes", *labels)
    found: dict[str, Disk] = {}
    for key in sorted(sizes.keys() & available.keys(), key=lambda key: len(key[2]), reverse=True):
        device, fstype, mount = key
        size, left = int(sizes[key]), int(available[key])
        if size == 0 or fstype in NOT_REAL or left > size:
            continue
        used = max(0, size - int(free.get(key, left)))
        found[device or mount] = Disk(plain(mount), size, used, left, used / (used + left) if used + left else 1.0)
    return tuple(sorted(found.values(), key=lambda disk: disk.mount)[:MOST_DISKS])


def _machine(page: Families) -> Machine | None:
    cpus = len(_by(page, "node_cpu_seconds_total", "cpu"))
    load = _only(page, "node_load1")
    total = _only(page, "node_memory_MemTotal_bytes") or _only(page, "node_memory_total_bytes")
    available = _only(page, "node_memory_MemAvailable_bytes")
    if available is None:
        # A Mac has no such number; what is free or inactive can be had at once.
        free, inactive = _only(page, "node_memory_free_bytes"), _only(page, "node_memory_inactive_bytes")
        available = None if free is None or inactive is None else free + inactive
    if not cpus or load is None or not total or available is None or available > total:
        return None
    return Machine(cpus, load, int(total), int(available))


def _hottest(page: Families) -> float | None:
    values = [*_by(page, "node_hwmon_temp_celsius", "chip", "sensor").values()]
    return max((value for value in values if 0 < value < HOTTEST_CELSIUS), default=None)


def _dcgm(page: Families) -> Iterator[Gpu]:
    labels = ("gpu", "modelName")
    busy, used, free, heat = (
        _by(page, f"DCGM_FI_DEV_{name}", *labels) for name in ("GPU_UTIL", "FB_USED", "FB_FREE", "GPU_TEMP")
    )
    for key in dict.fromkeys((*busy, *used, *heat)):
        in_use, left = used.get(key), free.get(key)
        total = None if in_use is None or left is None else int((in_use + left) * MIB)
        percent = busy.get(key)
        yield Gpu(
            name=plain(f"{key[0]} {key[1]}".strip()),
            used_ratio=None if percent is None or percent > 100 else percent / 100,
            memory_used_bytes=None if in_use is None else int(in_use * MIB),
            memory_total_bytes=total,
            celsius=_heat(heat, key),
        )


def _nvidia_smi(page: Families) -> Iterator[Gpu]:
    busy, used, total, heat = (
        _by(page, f"nvidia_smi_{name}", "uuid")
        for name in ("utilization_gpu_ratio", "memory_used_bytes", "memory_total_bytes", "temperature_gpu")
    )
    names = {
        sample.labels.get("uuid", ""): sample.labels.get("name", "")
        for sample in page.samples.get("nvidia_smi_gpu_info", ())
    }
    for number, key in enumerate(dict.fromkeys((*busy, *used, *heat))):
        in_use, whole, ratio = used.get(key), total.get(key), busy.get(key)
        yield Gpu(
            name=plain(f"{number} {names.get(key[0], '')}".strip()),
            used_ratio=None if ratio is None or ratio > 1 else ratio,
            memory_used_bytes=None if in_use is None else int(in_use),
            memory_total_bytes=None if whole is None else int(whole),
            celsius=_heat(heat, key),
        )


def _heat(heat: Mapping[tuple[str, ...], float], key: tuple[str, ...]) -> float | None:
    value = heat.get(key)
    return value if value is not None and value < HOTTEST_CELSIUS else None
