"""What `harness doctor` finds: what a machine, a backend and a database have of what the commands need.

Each part is tried as a command would use it, since a file that is there may not run.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from harness.run.options.doctor import DoctorOptions


class Presence(StrEnum):
    """How a part is."""

    PRESENT = "present"
    OPTIONAL = "optional"  # it is not there, and only some commands or options want it
    MISSING = "missing"


class Part(Struct, frozen=True):
    """One part that was looked at."""

    name: str
    state: Presence
    found: str
    """What there is: a version, a place, a figure."""
    needed_for: str = ""
    remedy: str = ""
    """What to do where it is not there."""

    @property
    def line(self) -> str:
        """All of it in one line."""
        what = f"{self.name}: {self.found}"
        wanted = f" (for {self.needed_for})" if self.needed_for and self.state is not Presence.PRESENT else ""
        return f"{what}{wanted}{f'; {self.remedy}' if self.remedy else ''}"


class Group(Struct, frozen=True):
    """Parts of one place."""

    name: str
    parts: tuple[Part, ...]


class DoctorDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.doctor/1"):
    """What a machine, a backend and a database have of what the commands need."""

    groups: tuple[Group, ...]
    missing: tuple[str, ...]
    """Parts that are needed and not there."""


def examine(options: DoctorOptions, on_part: Callable[[str, Part], None]) -> tuple[Group, ...]:
    """Looks at this machine, and at the backend and the database that were named; hands each part on as it is found.

    Takes some five seconds, most of them for a start of each embedded Postgres. Raises UsageError for a URL, a DSN
    or a rollout that cannot be read.
    """
    from harness.database.declared import declared_store
    from harness.rollout import load_rollout
    from harness.run.doctor_machine import machine_parts
    from harness.run.doctor_target import backend_parts, database_parts

    store = declared_store(load_rollout(options.rollout))
    looks: list[tuple[str, Iterator[Part]]] = [("this machine", machine_parts())]
    if options.target is not None:
        looks.append(("the backend", backend_parts(options.target, options.given, store.rollout)))
    if options.database_url is not None:
        looks.append(("the database", database_parts(options.database_url, store)))
    groups = []
    for name, parts in looks:
        collected = []
        for part in parts:
            on_part(name, part)
            collected.append(part)
        groups.append(Group(name, tuple(collected)))
    return tuple(groups)


def exit_code(groups: Sequence[Group]) -> int:
    """1 where something is missing that the commands need, else 0."""
    return int(any(part.state is Presence.MISSING for group in groups for part in group.parts))


def document(groups: Sequence[Group]) -> DoctorDocument:
    """The same for a machine."""
    parts = [part for group in groups for part in group.parts]
    missing = (part.name for part in parts if part.state is Presence.MISSING)
    return DoctorDocument(groups=tuple(groups), missing=tuple(missing))
