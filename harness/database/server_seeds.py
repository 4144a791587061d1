"""The initialised data of an embedded server: made by initdb once a version, then copied from a seed, byte for byte.

Standard library only, since the watchdog runs it without site-packages.
"""

import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from harness.database.cluster import Account, Run, ServerDirectory, _locks

INITDB: Final = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")


def fill(
    directory: ServerDirectory, install: Path, account: Account, run: Run, seeds: Path, version: str
) -> None:
    """Makes the data directory, from a seed of that version when there is a sound one, else by initdb.

    A new seed is kept for the next time; where it cannot be kept that time costs an initdb again.
    """
    name = f"{version}-{zlib.crc32(' '.join(INITDB).encode()):08x}"
    if not _from_seed(seeds / name, directory, account):
        run([str(install / "bin" / "initdb"), "--pgdata", str(directory.data), *INITDB])
        _keep_seed(seeds, name, directory.data)


def _from_seed(seed: Path, directory: ServerDirectory, account: Account) -> bool:
    """False when there is no seed, or not one byte for byte as it was made; then `data` is empty."""
    try:
        promised = int((seed / "checksum").read_text())
        if seed.stat().st_uid == os.geteuid() and promised == _copied(seed / "data", directory.data, account):
            return True
    except (OSError, ValueError):
        pass
    for entry in directory.data.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    return False


def _keep_seed(seeds: Path, name: str, data: Path) -> None:
    part = seeds / f"{name}.part"
    with suppress(OSError), _only_writer(seeds):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        (part / "checksum").write_text(str(_copied(data, part / "data", None)))
        shutil.rmtree(seeds / name, ignore_errors=True)
        part.rename(seeds / name)


@contextmanager
def _only_writer(seeds: Path) -> Iterator[None]:
    """Raises OSError when the folder is not ours to write, or another start is keeping a seed just now."""
    seeds.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(seeds, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if os.fstat(lock).st_uid != os.geteuid() or not _locks(lock):
            raise PermissionError(f"{seeds} is not ours, or in use")
        yield
    finally:
        os.close(lock)


def _copied(source: Path, target: Path, owner: Account | None) -> int:
    """Copies a data directory and returns the checksum of its names and bytes."""
    checksum = 0
    for folder, folders, files in os.walk(source):
        folders.sort()
        relative = Path(folder).relative_to(source)
        into = target / relative
        into.mkdir(mode=0o700, exist_ok=True)
        for name in sorted(files):
            content = Path(folder, name).read_bytes()
            (into / name).write_bytes(content)
            checksum = zlib.crc32(content, zlib.crc32(os.fsencode(relative / name), checksum))
        if owner is not None:
            for path in (into, *(into / name for name in files)):
                os.chown(path, owner.uid, owner.gid)
    return checksum
