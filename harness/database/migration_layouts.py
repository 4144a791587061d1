"""Which files of a folder are migrations that go up, and which tool its layout belongs to. Reads names, not texts.

Sources: the manuals named in `migration_files`, and the folders of public repositories.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from harness.database.drizzle_folder import JOURNAL
from harness.database.migration_marks import SentAs


class LayoutPlace(NamedTuple):
    """A file that goes up, as far as its name and folder say."""

    path: Path
    name: str
    version: str
    needs_version: bool
    tool: str
    sent: SentAs


@dataclass(frozen=True, slots=True)
class ToolLayout:
    """The files of a folder."""

    up: tuple[LayoutPlace, ...]
    dumps: tuple[LayoutPlace, ...]
    planned: frozenset[str] | None = None
    """The changes of sqitch's plan; None without one."""


_PAIR: Final = re.compile(r"(?i)([._-])(up|down|do|undo|rollback|revert)\.sql$")
_DOWN: Final = ("down", "undo", "rollback", "revert")
_OTHER_WAY: Final = {"down": ("up",), "undo": ("do",), "rollback": ("up", "do"), "revert": ("up", "deploy")}
_DUMP: Final = re.compile(r"(?i)^(?:\w*_)?(?:structure|schema)\.sql$")
"""What Rails and dbmate write after each migration; Rails' further databases have theirs before it."""
_FLYWAY: Final = re.compile(r"(?i)^(?:[VB](?P<version>[\d._]+)|U[\d._]+|R)__")
_NUMBER: Final = re.compile(r"0*(\d{4}-\d\d-\d\d(?:-\d+)?|\d+[a-z]?)(?=[_.-]|$)")


def places(path: Path) -> ToolLayout:
    """The files of a folder that go up, and the dumps in it. Raises OSError."""
    if plan := _sqitch_plan(path):
        return _sqitch(path, plan)
    flat = [file for file in sorted(path.iterdir()) if file.suffix.lower() == ".sql" and file.is_file()]
    # What has a number is a migration, whatever else its name says.
    dumps = [file for file in flat if _DUMP.match(file.name) and not _is_numbered(file.name)]
    up = [*_flat(path, [file for file in flat if file not in dumps]), *_nested(path)]
    return ToolLayout(
        tuple(up), tuple(LayoutPlace(file, file.name, "", False, "", SentAs.APART) for file in dumps)
    )


def _is_numbered(name: str) -> bool:
    return bool(_NUMBER.match(name) or _FLYWAY.match(name))


def _flat(path: Path, files: list[Path]) -> Iterator[LayoutPlace]:
    tool, sent = _of_folder(path)
    names = {file.name.lower() for file in files}
    for file in files:
        pair, flyway = _PAIR.search(file.name), _FLYWAY.match(file.name)
        if (pair and _goes_down(file.name.lower(), pair, names)) or (flyway and file.name[0] in "Uu"):
            continue
        number = _NUMBER.match(file.name)
        version = number[1] if number else ""
        if flyway and not tool:
            yield LayoutPlace(file, file.name, _flyway_version(flyway), False, "Flyway", _by_flyway(file))
        elif pair and not tool and (pair[1] == "." or _has_partner(file.name.lower(), pair, names)):
            named = "golang-migrate's layout" if pair[2].lower() == "up" else "up and down"
            yield LayoutPlace(file, file.name, version, True, named, SentAs.AT_ONCE)
        else:
            yield LayoutPlace(file, file.name, version, True, tool, sent)


def _goes_down(name: str, pair: re.Match[str], names: set[str]) -> bool:
    """Whether a name is of the way down: `scale_down.sql` is, only where there is a `scale_up.sql`."""
    return pair[2].lower() in _DOWN and (pair[1] == "." or _has_partner(name, pair, names))


def _has_partner(name: str, pair: re.Match[str], names: set[str]) -> bool:
    way, stem = pair[2].lower(), name[: pair.start(2)]
    others = _OTHER_WAY.get(way) or tuple(down for down, ups in _OTHER_WAY.items() if way in ups)
    return any(f"{stem}{other}.sql" in names for other in others) or f"{stem[:-1]}.sql" in names


def _of_folder(path: Path) -> tuple[str, SentAs]:
    """The tool of a flat folder as its other files name it; none where they do not."""
    if (path / JOURNAL).is_file():
        return "drizzle", SentAs.TRANSACTION
    if (path / "atlas.sum").is_file():
        return "Atlas", SentAs.TRANSACTION
    if path.parent.name == "supabase" or (path.parent / "supabase" / "config.toml").is_file():
        return "Supabase", SentAs.APART
    if path.name == "committed" and (path.parent / "current.sql").is_file():
        return "graphile-migrate", SentAs.TRANSACTION
    if (path / "tern.conf").is_file():
        return "tern", SentAs.TRANSACTION
    if (path.parent / "Cargo.toml").is_file() and not (path.parent / "diesel.toml").is_file():
        rust = [file for file in path.iterdir() if file.suffix == ".sql"]
        if rust and all(_NUMBER.match(file.name) for file in rust):
            return "sqlx", SentAs.TRANSACTION
    return "", SentAs.APART


def _flyway_version(match: re.Match[str]) -> str:
    if not match["version"]:
        return ""
    parts = re.split(r"[._]", match["version"])
    return re.sub(r"(\.0)+$", "", ".".join(part.lstrip("0") or "0" for part in parts))  # 7 and 7.0 are one


def _by_flyway(file: Path) -> SentAs:
    """As the settings beside a file say; without them it follows from the statements."""
    settings = file.with_name(f"{file.name}.conf")
    text = settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else ""
    free = re.search(r"(?im)^\s*(?:executeInTransaction\s*=\s*false|mixed\s*=\s*true)\s*$", text)
    return SentAs.APART if free else SentAs.AS_NEEDED


def _nested(path: Path) -> Iterator[LayoutPlace]:
    """`migration.sql` or `up.sql` of a folder each; Hasura's lie below the name of a database."""
    for folder in sorted(path.iterdir()):
        if not folder.is_dir() or folder.name in ("meta", "deploy", "revert", "verify"):
            continue
        if folder.name == "committed" or (folder.name == "current" and (path / "committed").is_dir()):
            for file in sorted(folder.iterdir()):
                if file.suffix == ".sql":
                    number = _NUMBER.match(file.name)
                    version = number[1] if number else ""
                    name = f"{folder.name}/{file.name}"
                    yield LayoutPlace(file, name, version, False, "graphile-migrate", SentAs.TRANSACTION)
            continue
        for file in sorted(folder.iterdir()):
            if file.is_dir():
                yield from (_in_folder(path, each) for each in sorted(file.glob("up.sql")))
            elif file.name.lower() in ("migration.sql", "up.sql"):
                yield _in_folder(path, file)


def _in_folder(path: Path, file: Path) -> LayoutPlace:
    folder = file.parent
    number = _NUMBER.match(folder.name)
    tool, sent = "Prisma", SentAs.AT_ONCE
    if file.name.lower() == "up.sql":
        tool, sent = _up_and_down(path, folder)
    elif (folder / "snapshot.json").is_file():
        tool, sent = "drizzle", SentAs.TRANSACTION
    name = file.relative_to(path).as_posix()
    return LayoutPlace(file, name, number[1] if number else "", True, tool, sent)


def _up_and_down(path: Path, folder: Path) -> tuple[str, SentAs]:
    settings = folder / "metadata.toml"
    text = settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else ""
    if re.match(r"\d{13}_", folder.name) or folder.parent != path:
        return "Hasura", SentAs.TRANSACTION  # milliseconds since 1970
    dashed = re.match(r"\d{4}-\d\d-\d\d-\d{6}_|0{14}_", folder.name)
    if (
        dashed
        or settings.is_file()
        or any((above / "diesel.toml").is_file() for above in (path, path.parent))
    ):
        # PQexec with the whole file: several statements are a transaction of their own.
        free = re.search(r"run_in_transaction\s*=\s*false", text)
        return "diesel", SentAs.AT_ONCE if free else SentAs.TRANSACTION
    return "an unknown tool's folders", SentAs.UNKNOWN


def _sqitch_plan(path: Path) -> Path | None:
    """The plan beside or below which the folder lies; above it only where the folder is what the plan deploys."""
    found = [path / "sqitch.plan"]
    for above in (path.parent, path.parent.parent):
        plan = above / "sqitch.plan"
        deploy = _sqitch_deploys(plan)
        if path.resolve() in (deploy, deploy.parent if deploy.parent != above.resolve() else deploy):
            found.append(plan)
    return next((plan for plan in found if plan.is_file()), None)


def _sqitch_deploys(plan: Path) -> Path:
    """The folder of what a plan deploys: `deploy` below the top folder that `sqitch.conf` names."""
    settings = plan.with_name("sqitch.conf")
    text = settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else ""
    named: dict[str, str] = dict(re.findall(r"(?m)^[\t ]*(top_dir|deploy_dir)\s*=\s*(\S+)", text))
    top = plan.parent / named.get("top_dir", ".")
    return (plan.parent / named["deploy_dir"] if "deploy_dir" in named else top / "deploy").resolve()


def _sqitch(path: Path, plan: Path) -> ToolLayout:
    lines = plan.read_text(encoding="utf-8", errors="replace").splitlines()
    planned = frozenset(line.split()[0] for line in lines if line.strip() and line.strip()[0] not in "%#@")
    path, deploy = path.resolve(), _sqitch_deploys(plan)
    files = sorted(deploy.rglob("*.sql")) if deploy.is_dir() else []
    up = [
        LayoutPlace(file, file.relative_to(path).as_posix(), "", False, "sqitch", SentAs.APART)
        for file in files
    ]
    return ToolLayout(tuple(up), (), planned)
