"""The machine that Maek itself runs on: disks, memory, processor, interfaces.

Rules of this file
- Everything here may block for a moment (a network mount can block for long), so callers run it in a thread.
- Plain values out; psutil's own types stay here.
"""

import ipaddress
import socket
from dataclasses import dataclass

import psutil

BYTES_PER_STEP = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
NOT_REAL = frozenset(("squashfs", "overlay", "tmpfs", "devtmpfs", "iso9660", "fuse.snapfuse", "nullfs", "autofs"))
"""File systems that hold nobody's data: images, layers, memory."""


@dataclass(frozen=True, slots=True)
class Disk:
    """One real mount."""

    mount: str
    total_bytes: int
    used_bytes: int
    free_bytes: int
    used_ratio: float
    """Of what users may use, 0..1."""


@dataclass(frozen=True, slots=True)
class Machine:
    """How busy the machine is."""

    cpus: int
    load_1m: float
    """Processes that ran or waited, mean of the last minute."""
    memory_total_bytes: int
    memory_available_bytes: int


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface. Loopback and interfaces without an address are left out by the reader."""

    name: str
    up: bool
    addresses: tuple[str, ...]


def read_disks() -> tuple[Disk, ...]:
    """The real mounts that can be read, one a device, and the root wherever it lies (in a container: an overlay)."""
    mounts = {
        part.device: part.mountpoint
        for part in sorted(psutil.disk_partitions(all=False), key=lambda part: -len(part.mountpoint))
        if part.fstype and part.fstype not in NOT_REAL and "loop" not in part.device
    }
    disks = [disk for mount in sorted({"/", *mounts.values()}) if (disk := _disk(mount)) is not None]
    return tuple(disks)


def read_machine() -> Machine:
    """Processor and memory as they are now."""
    memory = psutil.virtual_memory()
    return Machine(psutil.cpu_count() or 1, psutil.getloadavg()[0], memory.total, memory.available)


def read_interfaces() -> tuple[Interface, ...]:
    """The interfaces with an address that others could reach, by name."""
    stats = psutil.net_if_stats()
    interfaces = []
    for name, entries in sorted(psutil.net_if_addrs().items()):
        addresses = tuple(
            entry.address
            for entry in entries
            if entry.family in {socket.AF_INET, socket.AF_INET6} and _reachable(entry.address)
        )
        if addresses:
            interfaces.append(Interface(name, name in stats and stats[name].isup, addresses))
    return tuple(interfaces)


def human_bytes(size_bytes: int) -> str:
    """`size_bytes` for people: 1.5 GiB. Three digits at most; whole numbers from 100 on."""
    size, unit = float(size_bytes), 0
    while size >= BYTES_PER_STEP and unit < len(_UNITS) - 1:
        size, unit = size / BYTES_PER_STEP, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"


def _disk(mount: str) -> Disk | None:
    try:
        usage = psutil.disk_usage(mount)
    except OSError:
        return None
    if usage.total == 0:
        return None
    return Disk(mount, usage.total, usage.used, usage.free, usage.percent / 100)


def _reachable(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return not parsed.is_loopback and not parsed.is_link_local
