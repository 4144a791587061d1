"""The model of a rollout, made from its file: its SQL steps with their texts, deployment, release. Text only."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from harness.database.scripts import Script, statements_of
from harness.rehearsal.lock_modes import CONFLICTS, LockMode
from harness.rehearsal.own.lock_prediction import predicted_lock
from harness.rollout import Rollout, load_rollout
from harness.rollout.step_tables import RolloutStep
from harness.rollout.steps import needed
from harness.stages.comparison import StatedOrder
from harness.stages.expectation import expectation_of
from harness.stages.model import DEPLOY, StageModel
from harness.stages.precedence import Precedence, precedence
from harness.stages.steps import SqlStep, Step, StepAction

REPLICAS: Final = 2
"""Of a rollout that deploys nothing."""


def model_of(rollout: Rollout) -> StageModel:
    """The stages and steps of a rollout. Raises UsageError where a file is missing."""
    tables = rollout.tables
    steps = list(needed(tables.step))
    deploy = next((step for step in tables.step if step.kind == "deploy"), None)
    release = next((step for step in tables.step if step.kind == "release"), None)
    others = {DEPLOY if step is deploy else step.name: names for step, names in steps if step.kind != "sql"}
    sql = [_sql_step(rollout, step, names) for step, names in steps if step.kind == "sql"]
    detail = tables.store.detail
    written = {*tables.reference.columns, *([detail.grows] if detail and detail.grows else [])}
    if not tables.reference.columns:
        written.add((detail.column if detail else tables.store.main.column) or "")
    return StageModel(
        sql,
        deploy.replicas if deploy else REPLICAS,
        release.name if release else None,
        needs=others,
        expected=expectation_of(sql, written, tuple(_kept_out(sql, _store_tables(rollout)))),
    )


def _store_tables(rollout: Rollout) -> frozenset[str]:
    store = rollout.tables.store
    named = (store.main.table, store.detail.table if store.detail else None)
    return frozenset(table for table in named if table is not None)


def _kept_out(sql: Sequence[SqlStep], tables: Collection[str]) -> Iterator[tuple[StepAction, int, int]]:
    """What cannot be done, or taken back, while an index of the same table is built concurrently."""
    builds = [
        (number, lock.table)
        for number, step in enumerate(sql)
        if step.concurrent and (lock := predicted_lock(step.statement, tables)) is not None
    ]
    for number, step in enumerate(sql):
        if step.concurrent:
            continue
        for action, script in ((StepAction.DO, step.up), (StepAction.TAKE_BACK, step.down)):
            locked = _tables_locked(script, tables)
            yield from ((action, number, build) for build, table in builds if table in locked)


def _tables_locked(script: Script | None, tables: Collection[str]) -> set[str]:
    """The tables of which a file's statements take a lock that no concurrent build lets anybody have."""
    statements = statements_of(script.text) if script else ()
    locks = [predicted_lock(statement.text, tables) for statement in statements]
    conflicts = CONFLICTS[LockMode.SHARE_UPDATE_EXCLUSIVE]
    return {lock.table for lock in locks if lock is not None and lock.mode in conflicts}


def _sql_step(rollout: Rollout, step: RolloutStep, names: tuple[str, ...]) -> SqlStep:
    def script(name: str | None) -> Script | None:
        return None if name is None else Script(name, rollout.text(name))

    up = script(step.up)
    assert up is not None, "the loader refuses a step of SQL without a file"
    return SqlStep(
        step.name,
        up,
        names,
        down=script(step.down),
        recovery=script(step.recovery),
        concurrent=step.concurrent,
        data=step.data,
        reversible=step.reversible if step.reversible is not None else step.down is not None,
    )


@lru_cache(maxsize=1)
def plan_model() -> StageModel:
    """The model of the plan's own rollout."""
    return model_of(load_rollout())


def plan_order_of(rollout: Rollout, model: StageModel) -> StatedOrder:
    """The plan's own order, replica after replica, and what it says of others.

    A concurrent build is finished before the next step begins; each replica counts by itself.
    """
    text = rollout.tables.plan_order
    steps = steps_in_order(rollout, model, text.steps)
    return StatedOrder(
        steps, _precedences(rollout, model, text.stated), _precedences(rollout, model, text.implied)
    )


def steps_in_order(rollout: Rollout, model: StageModel, names: Sequence[str] = ()) -> tuple[Step, ...]:
    """The steps of the rollout's file in this order, by their names; by default in the file's."""
    every = names or tuple(step.name for step in rollout.tables.step)
    return tuple(step for name in every for step in _forward(rollout, model, name))


def _precedences(
    rollout: Rollout, model: StageModel, pairs: Iterable[tuple[str, str]]
) -> tuple[Precedence, ...]:
    return tuple(
        precedence(done, begun)
        for first, then in pairs
        for done in _forward(rollout, model, first)
        if done.action is not StepAction.START
        for begun in _forward(rollout, model, then)
        if begun.action is not StepAction.FINISH
    )


def _forward(rollout: Rollout, model: StageModel, name: str) -> tuple[Step, ...]:
    wanted = (StepAction.DO, StepAction.START, StepAction.FINISH, StepAction.RELEASE)
    if _is_deploy(rollout, name):
        return tuple(step for step in model.steps if step.action is StepAction.SWAP)
    return tuple(step for step in model.steps if step.name == name and step.action in wanted)


def _is_deploy(rollout: Rollout, name: str) -> bool:
    return any(step.name == name and step.kind == "deploy" for step in rollout.tables.step)
