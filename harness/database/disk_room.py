"""How much more data a server on this machine may hold."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg


def bytes_free(connection: psycopg.Connection[Any]) -> int | None:
    """Bytes free where the server's data lies; None where that is not seen, as on another machine.

    Data in memory is paid for with memory: there it is at most what is available of it.
    """
    if not connection.info.host.startswith("/"):
        return None
    with suppress(psycopg.Error, OSError):
        row = connection.execute("SELECT current_setting('data_directory')").fetchone()
        directory = Path(str(row[0])) if row else None
        if directory is not None and directory.is_dir():
            place = os.statvfs(directory)
            free = place.f_bavail * place.f_frsize
            return min(free, _memory_available() or free) if _in_memory(directory) else free
    return None


def _in_memory(directory: Path) -> bool:
    """Source: proc(5), /proc/mounts: device, mount point and type of file system; the longest mount point holds it."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(point, kind) for point, kind in mounts if directory.is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]), default=("", ""))[1] in {"tmpfs", "ramfs"}


def _memory_available() -> int | None:
    """Source: proc(5), /proc/meminfo, MemAvailable in KiB."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else None
