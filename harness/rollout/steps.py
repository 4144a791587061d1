"""What must hold between the steps of a rollout, and the order that its plan gives them. Text only."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

import sqlparse

from harness.rollout.files import Files, Place
from harness.rollout.step_tables import RolloutStep
from harness.rollout.tables import Tables
from harness.rollout.typed import Problem

_CONCURRENTLY: Final = re.compile(r"\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\b", re.IGNORECASE)


def check_steps(tables: Tables, files: Files) -> None:
    for name in twice(step.name for step in tables.step):
        raise Problem(("step",), f'step "{name}": two steps of that name')
    deploys = [step.name for step in tables.step if step.kind == "deploy"]
    if len(deploys) > 1:
        raise Problem(("step",), f"step: two deploys, {' and '.join(map(json.dumps, deploys))}; expected one")
    for index, step in enumerate(tables.step):
        _step(step, ("step", index), files)
        for needed in step.needs or ():
            names = [other.name for other in tables.step]
            if needed not in names:
                known = ", ".join(names)
                raise Problem(
                    ("step", index),
                    f'step "{step.name}" needs "{needed}", which is no step; there are {known}',
                )
            if names.index(needed) >= index:
                raise Problem(("step", index), f'step "{step.name}" needs "{needed}", which comes later')


def _step(step: RolloutStep, place: Place, files: Files) -> None:
    given = [key for key in ("up", "down", "recovery") if getattr(step, key) is not None]
    if step.kind != "sql":
        if given or step.concurrent or step.data:
            key = (*given, *(["concurrent"] if step.concurrent else ()), "data")[0]
            raise Problem(place, f'step "{step.name}": {key} goes with kind = "sql", not "{step.kind}"')
        return
    if step.up is None:
        raise Problem(place, f'step "{step.name}": up is missing; expected a file of SQL')
    codes = {key: _code(files.text((*place, key), getattr(step, key))) for key in given}
    for key, code in codes.items():
        if not code.strip(" \t\r\n;"):
            raise Problem(
                (*place, key), f"{getattr(step, key)}: no statement in it; expected one of SQL at the least"
            )
    builds = _CONCURRENTLY.search(codes["up"]) is not None
    if step.concurrent and step.data:
        raise Problem(place, f'step "{step.name}": data = true needs NOT concurrent')
    if step.concurrent and not builds:
        raise Problem(place, f"{step.up}: concurrent = true, but no CREATE INDEX CONCURRENTLY in it")
    if builds and not step.concurrent:
        raise Problem(place, f"{step.up}: CREATE INDEX CONCURRENTLY in it, but concurrent = false")


@lru_cache(maxsize=64)  # some milliseconds for a file; a rollout that extends another has its files
def _code(text: str) -> str:
    """A file without its comments."""
    return sqlparse.format(text, strip_comments=True)


def check_order(tables: Tables, _files: Files) -> None:
    order = tables.plan_order
    names = [step.name for step in tables.step]
    pairs = [("stated", pair) for pair in order.stated] + [("implied", pair) for pair in order.implied]
    for key, steps in (("steps", order.steps), *pairs):
        for name in steps:
            if name not in names:
                raise Problem(
                    ("plan_order", key),
                    f'plan_order.{key}: "{name}" is no step; there are {", ".join(names)}',
                )
    if not order.steps:
        return
    for name in twice(order.steps):
        raise Problem(("plan_order", "steps"), f'plan_order.steps: "{name}" is there twice')
    if missing := [name for name in names if name not in order.steps]:
        raise Problem(
            ("plan_order", "steps"), f"plan_order.steps lacks {', '.join(map(json.dumps, missing))}"
        )
    for step, needs in needed(tables.step):
        for name in needs:
            if order.steps.index(name) > order.steps.index(step.name):
                raise Problem(
                    ("plan_order", "steps"), f'plan_order.steps is not legal: "{step.name}" before "{name}"'
                )


def needed(steps: Iterable[RolloutStep]) -> Iterator[tuple[RolloutStep, tuple[str, ...]]]:
    """Each step with the names of those that it needs: what it says, else the SQL step before it."""
    before: tuple[str, ...] = ()
    for step in steps:
        yield step, step.needs if step.needs is not None else before if step.kind == "sql" else ()
        if step.kind == "sql":
            before = (step.name,)


def twice(names: Iterable[str]) -> Iterator[str]:
    known: set[str] = set()
    for name in names:
        if name in known:
            yield name
        known.add(name)
