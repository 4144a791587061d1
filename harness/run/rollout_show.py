"""What `harness rollout show` prints: everything that follows from a rollout's file. Starts and asks nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, to_builtins

from harness.database.asked_claims import asked_of, not_asked_of
from harness.database.relations import Relations
from harness.rollout import Rollout, is_plans
from harness.rollout.step_tables import RolloutStep
from harness.rollout.steps import needed
from harness.rollout.tables import Header, Identity, Operation, Tables
from harness.rule.behaviour import has_behaviour
from harness.rule.faults import told_faults
from harness.rule.policy import Policy, policy_of
from harness.rule.suite import why_sampled
from harness.rule.suite_summary import MachineSummary, described, summary
from harness.run.rollout_claims import elsewhere
from harness.stages.analysis import analyse
from harness.stages.first_unsafe import first_unsafe
from harness.stages.of_rollout import model_of, plan_order_of
from harness.stages.orders import OrderGraph, Survey
from harness.stages.safety import expected_unsafe

WORDS_MAX: Final = 4
"""So many of a list of words are shown."""


class NeededStep(Struct, frozen=True):
    """A step of the rollout."""

    name: str
    kind: str
    after: tuple[str, ...]
    """The steps that must come before it."""


class NotAsked(Struct, frozen=True):
    """Claims that do not apply."""

    claims: tuple[str, ...]
    reason: str


class FirstStep(Struct, frozen=True):
    """A step with which orders are expected to break first."""

    step: str
    stage: str
    """That it is taken in."""
    orders: int
    """How many orders break there, and nowhere before."""


class ExpectedSafety(Struct, frozen=True):
    """What is expected of a rollout's orders, as the statements of its files read."""

    safe: int
    rule: str
    """What the safe orders have in common."""
    plan: str
    """How that compares with the plan's order."""
    smallest_unsafe_order: tuple[str, ...]
    """The fewest steps to something that is expected to break."""
    first_unsafe: tuple[FirstStep, ...] = ()
    """Each step with which some order first breaks; their numbers of orders add up to all that are unsafe."""


class RolloutDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.rollout/1"):
    """What follows from a rollout's file."""

    name: str
    folders: tuple[str, ...]
    """The folder, then those that it extends."""
    file: Mapping[str, Any]
    """The file as it is read, what it extends and defaults included; docs/rollout.schema.json has its keys."""
    machine: MachineSummary | None
    """The rule as a machine, with its suites; null where headers are sampled."""
    why_sampled: str
    """Why there is no suite of the rule."""
    steps: tuple[NeededStep, ...]
    orders: int | None
    """How many legal orders the steps have; null where there are none."""
    expected: ExpectedSafety | None
    """What is expected of them, as the statements of the files read; nothing has run."""
    claims: tuple[str, ...]
    """Those that apply."""
    not_asked: tuple[NotAsked, ...]
    main: str
    """The relation of the main rows, in SQL."""
    detail: str
    """The relation of the rows that hold the value, in SQL."""


def rollout_document(rollout: Rollout) -> RolloutDocument:
    """The same as a document. Raises UsageError for a folder that can only be extended."""
    assert rollout.header  # raises where there is none
    tables, relations = rollout.tables, Relations(rollout)
    return RolloutDocument(
        name=rollout.name,
        folders=tuple(map(str, rollout.folders)),
        file=to_builtins(tables, str_keys=True),
        machine=summary(policy_of(rollout)),
        why_sampled=why_sampled(policy_of(rollout)),
        steps=tuple(NeededStep(step.name, step.kind, tuple(names)) for step, names in needed(tables.step)),
        orders=OrderGraph(model_of(rollout)).count if tables.step else None,
        expected=_expected(rollout)[0] if tables.step else None,
        claims=asked_of(rollout),
        not_asked=tuple(NotAsked(tuple(ids), reason) for ids, reason in not_asked_of(rollout)),
        main=" ".join(relations.main_relation().as_string(None).split()),
        detail=" ".join(relations.detail_relation().as_string(None).split()),
    )


def describe_rollout(rollout: Rollout) -> Iterator[str]:
    """Each line. Raises UsageError for a folder that can only be extended."""
    tables, header = rollout.tables, rollout.header
    relations = Relations(rollout)
    yield f"{rollout.name}: header {header.name}, column {relations.detail_table}.{relations.column}"
    yield f"folders: {', '.join(map(str, rollout.folders))}"
    yield from _rule(header)
    yield from described(policy_of(rollout))
    yield from _faults(policy_of(rollout))
    yield from _requests(tables)
    yield "who asks:"
    yield from (f"  {_identity(identity)}" for identity in tables.identity)
    yield from _steps(rollout)
    yield from _claims(rollout)
    yield "queries, on these two relations:"
    yield f"  main    {relations.main_relation().as_string(None)}"
    detail = " ".join(relations.detail_relation().as_string(None).split())
    yield f"  detail  {detail}"


def _faults(policy: Policy) -> Iterator[str]:
    """How many faults follow from the rule and its reading; those that no header tells from it are named."""
    if has_behaviour(policy):
        yield f"faults that follow from the rule: {told_faults(policy)}"


def _rule(header: Header) -> Iterator[str]:
    empty = "counts as none" if header.empty == "absent" else "goes through the rule"
    lines = {"join": "are joined", "first": "count by their first", "last": "count by their last"}[
        header.duplicates
    ]
    yield f"reading: {header.decode}; several lines {lines}; an empty header {empty}"
    yield "rule: " + ", then ".join(_operation(operation) for operation in header.rule)
    for path, value in header.absent.items():
        yield f"without the header on {path}: {value}"


def _operation(operation: Operation) -> str:
    if operation.take is not None:
        return f"take {operation.take:,} {operation.unit}"
    if operation.one_of is not None:
        more = len(operation.one_of) - WORDS_MAX
        return f"one of {', '.join(operation.one_of[:WORDS_MAX])}" + (f" and {more} more" if more > 0 else "")
    if operation.match is not None:
        return f"match {operation.match}"
    return f"trim as {operation.trim}" if operation.trim else f"lower case as {operation.lower}"


def _requests(tables: Tables) -> Iterator[str]:
    request = tables.request
    yield f"requests: {request.method} {' and '.join(request.paths)}"
    bodies = f"{len(request.bodies)} bodies" if len(request.bodies) != 1 else "one body"
    streams = ", streamed or not" if request.streams else ""
    statuses = " or ".join(map(str, request.statuses))
    yield f"  {bodies}{streams}; served with {statuses}; id of the reply: {request.reply_id}"
    others = [name for name, values in request.headers.items() if values]
    if others:
        yield f"  other headers: {', '.join(others)}"
    for name, parameter in tables.parameter.items():
        given = f"--set {name}={'@FILE' if parameter.secret else 'VALUE'}"
        given += f" or {parameter.env}" if parameter.env else ""
        default = f", by default {parameter.default}" if parameter.default is not None else ""
        yield f"  {{{name}}}: {parameter.help or 'a parameter'}; {given}{default}"


def _identity(identity: Identity) -> str:
    asks = f"with Authorization {identity.auth}" if identity.auth else "without Authorization"
    accounted = f"accounted to {identity.user}" if identity.user else "nobody is accounted"
    stored = "what the rule makes of the header" if identity.value == "{header}" else identity.value
    like = f"; like {identity.like}, so asked as less often" if identity.like else ""
    return f"{identity.name}: {asks}; {accounted}; stored: {stored}{like}"


def _steps(rollout: Rollout) -> Iterator[str]:
    tables = rollout.tables
    if not tables.step:
        return
    yield "steps:"
    for number, (step, needs) in enumerate(needed(tables.step), start=1):
        after = f", after {' and '.join(needs)}" if needs else ""
        yield f"  {number}. {step.name}: {_step(step)}{after}"
    yield from _orders(rollout)


def _step(step: RolloutStep) -> str:
    if step.kind == "deploy":
        return f"{step.replicas} replicas, one after another" if step.replicas > 1 else "one replica"
    if step.kind == "release":
        return "to the field, where older clients stay"
    how = " (concurrently)" if step.concurrent else " (changes rows)" if step.data else ""
    return f"{step.up}{how}; back: {step.down or 'no way'}"


def _orders(rollout: Rollout) -> Iterator[str]:
    """What follows for the order of the steps."""
    expected, passed = _expected(rollout)
    yield f"legal orders: {passed}"
    yield f"  expected to be safe: {expected.safe:,}, by the rule: {expected.rule}"
    yield f"  {expected.plan}"
    yield from _first_breaks(expected.first_unsafe)
    if expected.smallest_unsafe_order:
        first = ", ".join(expected.smallest_unsafe_order)
        yield f"  smallest order that is expected to break something: {first}"


def _first_breaks(found: Sequence[FirstStep]) -> Iterator[str]:
    """How many orders are expected to break, and by which steps; in which stages stands in the JSON."""
    if not found:
        return
    orders = sum(first.orders for first in found)
    yield f"  expected to break something: {orders:,}, first at one of {len(found):,} steps taken in a stage:"
    for step in dict.fromkeys(first.step for first in found):
        counts = [first.orders for first in found if first.step == step]
        stages = "one stage" if len(counts) == 1 else f"{len(counts):,} stages"
        yield f"    {step}: {sum(counts):,} in {stages}"


def _expected(rollout: Rollout) -> tuple[ExpectedSafety, Survey]:
    """What the statements of the files let expect, and what there is: nothing has run."""
    model = model_of(rollout)
    graph = OrderGraph(model)
    unsafe = expected_unsafe(model)
    safety = analyse(graph, unsafe, plan_order_of(rollout, model))
    assert safety.rule is not None, "there are orders"
    steps = safety.smallest_unsafe.order.steps if safety.smallest_unsafe else ()
    rule = safety.rule
    first = tuple(
        FirstStep(str(each.step or "start"), str(each.stage), each.orders)
        for each in first_unsafe(graph, unsafe)
    )
    text = ExpectedSafety(rule.safe, str(rule), str(safety.comparison), tuple(map(str, steps)), first)
    return text, graph.survey()


def _claims(rollout: Rollout) -> Iterator[str]:
    names = asked_of(rollout)
    yield f"claims: {len(names)} apply: {' '.join(names)}"
    for ids, reason in not_asked_of(rollout):
        yield f"  not asked: {' '.join(ids)}, since {reason}"
    if not is_plans(rollout):
        yield f"  not judged by prove: {'; '.join(elsewhere(rollout))}"
