"""Finds the files that are not code: `sql/` and `fixtures/`, in a checkout and in an installed wheel alike; and the
user's cache and state."""

import os
import tomllib
from functools import lru_cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ROOT = _PACKAGE / "_data" if (_PACKAGE / "_data").is_dir() else _PACKAGE.parent


def sql_path(name: str) -> Path:
    """Path of a file or folder below `sql/`, or of a file of the plan's rollout: `up/0005a_add_column.sql`."""
    path = _ROOT / "sql" / name
    if path.exists():
        return path
    found = [folder / name for folder in rollout_folders() if (folder / name).exists()]
    return found[0] if found else path


@lru_cache(maxsize=1)
def rollout_folders() -> tuple[Path, ...]:
    """The folders of the default rollout, which `rollouts/default` names: its own, and those that it extends."""
    name = fixture_path("rollouts/default").read_text(encoding="utf-8").strip()
    folders = [fixture_path(f"rollouts/{name}")]
    while extended := _extended(folders[-1]):
        folders.append(Path(os.path.normpath(folders[-1] / extended)))
    return tuple(folders)


def _extended(folder: Path) -> str:
    about = tomllib.loads((folder / "rollout.toml").read_text(encoding="utf-8"))["rollout"]
    return str(about.get("extends", ""))


def policy_folder(policy: str) -> Path:
    """The rollout's folder of a policy; the plan's own is `strict`."""
    return rollout_folders()[0] if policy == "strict" else fixture_path(f"rollouts/{policy}")


def rule_path(policy: str) -> Path:
    """The rule of a policy as JavaScript."""
    return policy_folder(policy) / "rule.js"


def fixture_path(name: str) -> Path:
    """Path of a file or folder below `fixtures/`."""
    return _ROOT / "fixtures" / name


def sql_text(name: str) -> str:
    """Text of a file below `sql/` (UTF-8). Raises FileNotFoundError when the wheel was built without it."""
    return sql_path(name).read_text(encoding="utf-8")


def cache_path(name: str) -> Path:
    """Path of a file or folder in the user's cache, which may be gone the next time; nothing is made.

    Source: XDG Base Directory Specification; a relative XDG_CACHE_HOME is to be ignored.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path("~/.cache").expanduser()) / "rollout-harness" / name


def state_path(name: str) -> Path:
    """Path of a file or folder in the user's state, which is kept from one run to the next; nothing is made.

    Source: XDG Base Directory Specification; a relative XDG_STATE_HOME is to be ignored.
    """
    home = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (home if home.is_absolute() else Path("~/.local/state").expanduser()) / "rollout-harness" / name
