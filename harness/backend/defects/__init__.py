"""Builds of the backend with one fault each, and harmless variants: what the gate must catch, and must let pass. Data.

Each defect names the claim that is meant to catch it. Nothing here is used unless it is asked for by name.
"""

import re
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from harness import plan
from harness.backend.builds import AFTER, BEFORE, Build
from harness.backend.defects.classes import CLASSES
from harness.backend.defects.columns import COLUMNS
from harness.backend.defects.first import FIRST
from harness.backend.defects.memory import MEMORY
from harness.backend.defects.parts import OTHER_COLUMNS, Defect
from harness.backend.defects.replies import FAILING, REPLIES
from harness.backend.defects.rows import LATE, LATER, ORPHANS
from harness.backend.defects.shapes import SHAPES
from harness.backend.defects.sources import BESIDE, OTHER_SOURCES, PATHS
from harness.backend.defects.variants import ARCHIVES, RETURNS_STAR, VARIANTS
from harness.backend.slips import PREFIX, slip_build, slips
from harness.errors import UsageError
from harness.rule.policy import STRICT

__all__ = [
    "ARCHIVES",
    "CATALOGUE",
    "DEFECTS",
    "DEFECTS_BY_KIND",
    "OTHER_COLUMNS",
    "RETURNS_STAR",
    "VARIANTS",
    "Defect",
    "build_lines",
    "find_build",
]

DEFECTS_BY_KIND: Final[dict[str, tuple[Defect, ...]]] = {
    "first": FIRST,
    "orphan rows": ORPHANS,
    "late rows": LATE,
    "row changed later": LATER,
    "another column": COLUMNS,
    "one path": PATHS,
    "another source": OTHER_SOURCES,
    "beside something else": BESIDE,
    "shape of a value": SHAPES,
    "class of values": CLASSES,
    "memory": MEMORY,
    "reply": REPLIES,
    "class that always fails": FAILING,
}
"""Backend faults by the kind of mistake; what a sample of the catalogue must hold some of each of."""

DEFECTS: Final = tuple(defect for defects in DEFECTS_BY_KIND.values() for defect in defects)
"""Backend faults, each with the claim meant to catch it."""

CATALOGUE: Final = {
    build.name: build
    for build in (BEFORE, AFTER, *(defect.build for defect in DEFECTS), *VARIANTS, RETURNS_STAR, ARCHIVES)
}
"""Every build by name."""


_LATE: Final = re.compile(r"late-rows-([1-9][0-9]?)")


def find_build(name: str) -> Build:
    """The build of that name; `late-rows-20` is `late-rows` by 20 s, `slip-...` a generated fault of the plan's rule.

    Raises UsageError for an unknown one.
    """
    if name.startswith(PREFIX):
        slip = slip_build(AFTER, STRICT, plan.HEADER.encode(), name)
        if slip is None:
            near = get_close_matches(name, slips(STRICT), cutoff=0.3) or list(slips(STRICT))[:3]
            raise UsageError(f"unknown generated fault {name!r}; near it: {', '.join(near)}")
        return slip
    if late := _LATE.fullmatch(name):
        return replace(CATALOGUE["late-rows"], name=name, delay_s=lambda _: float(late[1]))
    try:
        return CATALOGUE[name]
    except KeyError:
        near = get_close_matches(name, CATALOGUE, cutoff=0.5) or [BEFORE.name, AFTER.name]
        raise UsageError(
            f"unknown build {name!r}; near it: {', '.join(near)}; `harness fuzz --list-builds` names all"
        ) from None


def build_lines() -> list[str]:
    """Every build in a line: its name, what it does, and the claim meant to catch it; those without a fault first."""
    claims = {defect.build.name: defect.claim for defect in DEFECTS}
    width = max(map(len, CATALOGUE))
    builds = sorted(CATALOGUE.values(), key=lambda build: build.name in claims)
    return [f"{build.name:<{width}}  {claims.get(build.name, '-'):<3}  {build.summary}" for build in builds]
