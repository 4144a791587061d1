"""The digest of a rollout, by which a stored report says what was rolled out."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from harness.rollout import Rollout


def rollout_digest(rollout: Rollout) -> str:
    """`sha256:` and hexadecimal, over name and content of each file of its folder and of those that it extends.

    Names are relative, with slashes, in order; what begins with a dot is left out. So a checkout and an installed wheel
    have the same digest, and a file that is added, renamed, moved to another folder or changed makes another one.
    """
    whole = hashlib.sha256()
    for name, file in rollout_files(rollout):
        whole.update(f"{hashlib.sha256(file.read_bytes()).hexdigest()} {name}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def rollout_files(rollout: Rollout) -> Iterator[tuple[str, Path]]:
    """Each file of its folder and of those that it extends, with its name below the number of the folder."""
    for number, folder in enumerate(rollout.folders):
        for file in _files(folder):
            yield f"{number}/{file.relative_to(folder).as_posix()}", file


def _files(folder: Path) -> list[Path]:
    return sorted(
        (
            file
            for file in folder.rglob("*")
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        ),
        key=lambda file: file.relative_to(folder).as_posix(),
    )
