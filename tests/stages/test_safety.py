from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stages.comparison import Comparison, Relation, StatedOrder, compare
from harness.stages.derivation import derive_rule
from harness.stages.model import Stage
from harness.stages.orders import ONE_ROLL_BACK, Order, OrderGraph
from harness.stages.orders import order_of as order_from
from harness.stages.precedence import Constraint, Occurrence, Precedence, clauses, keeping, precedence
from harness.stages.safety import Unsafe, safe_orders, smallest_unsafe_order
from harness.stages.steps import Step
from tests.fix_stages import (
    ADD_COLUMN,
    AFTER,
    BASE,
    BEFORE,
    BUILDING,
    DROP_INVALID,
    FINISH_BUILD,
    INTERRUPT_BUILD,
    INVALID,
    MODEL,
    PLAN,
    READY,
    RELEASE_EXTENSION,
    ROLL_BACK_COLUMN,
    STAGES,
    START,
    START_BUILD,
    SWAP_1,
    SWAP_2,
    allowed_orders,
    at,
)

A, S, F = ADD_COLUMN, START_BUILD, FINISH_BUILD
INTERRUPT, DROP = INTERRUPT_BUILD, DROP_INVALID
R1, R2, E = SWAP_1, SWAP_2, RELEASE_EXTENSION

GRAPH = OrderGraph(MODEL)
ROLLED_BACK = OrderGraph(MODEL, ONE_ROLL_BACK)
COLUMN_FIRST = (precedence(A, R1), precedence(A, R2))


def unsafe_where(bad: Callable[[Stage], bool]) -> Unsafe:
    return Unsafe(stages=frozenset(stage for stage in STAGES if bad(stage)))


def any_after(stage: Stage) -> bool:
    return AFTER in stage.replicas


def disagreement(
    orders: tuple[Order, ...], unsafe: Unsafe, constraints: Sequence[Constraint]
) -> Order | None:
    """The first order that keeps the constraints but is unsafe, or the other way round, if there is one."""
    allowed = {order.steps for order in allowed_orders(orders, constraints)}
    return next((order for order in orders if (order.steps in allowed) == unsafe.affects(order)), None)


def order_of(steps: Iterable[Step]) -> Order:
    return order_from(steps, START)


def compared(unsafe: Unsafe, plan: StatedOrder = PLAN) -> Comparison:
    return compare(GRAPH, unsafe, derive_rule(GRAPH, unsafe), plan)


AHEAD_OF_COLUMN = unsafe_where(lambda stage: stage.schema == BASE and any_after(stage))


def safe_steps(orders: tuple[Order, ...], unsafe: Unsafe) -> set[tuple[Step, ...]]:
    return {order.steps for order in orders if not unsafe.affects(order)}


def test_order_is_spoiled_by_one_unsafe_stage_or_one_unsafe_step() -> None:
    order = order_of((A, R1, S))
    assert not Unsafe().affects(order)
    assert Unsafe(stages=frozenset({order.stages[-1]})).affects(order)
    assert Unsafe(transitions=frozenset({(order.stages[1], R1)})).affects(order)
    assert not Unsafe(transitions=frozenset({(START, R1)})).affects(order)


def test_rule_is_column_first_when_after_on_base_is_unsafe() -> None:
    rule = derive_rule(GRAPH, AHEAD_OF_COLUMN)
    assert rule.constraints == COLUMN_FIRST
    assert rule.expressible
    assert rule.counterexample is None
    assert (rule.safe, rule.total) == (450, 624)
    assert str(rule) == "add the column before any `after` replica; release the extension at any time"


@pytest.mark.parametrize("removed", COLUMN_FIRST)
def test_rule_without_a_true_constraint_disagrees(forward: tuple[Order, ...], removed: Precedence) -> None:
    assert disagreement(forward, AHEAD_OF_COLUMN, COLUMN_FIRST) is None
    left = [constraint for constraint in COLUMN_FIRST if constraint != removed]
    wrong = disagreement(forward, AHEAD_OF_COLUMN, left)
    assert wrong is not None
    assert AHEAD_OF_COLUMN.affects(wrong)
    assert wrong.steps.index(removed.then.step) < wrong.steps.index(A)


def test_expected_rule_is_refuted_when_it_asks_for_too_much(forward: tuple[Order, ...]) -> None:
    wrong = disagreement(forward, AHEAD_OF_COLUMN, (*COLUMN_FIRST, precedence(R1, E)))
    assert wrong is not None
    assert not AHEAD_OF_COLUMN.affects(wrong)


def test_rule_is_any_order_when_nothing_is_unsafe() -> None:
    rule = derive_rule(GRAPH, Unsafe())
    assert (rule.constraints, rule.expressible, rule.safe) == ((), True, 624)
    assert str(rule) == "any order"


def test_rule_says_no_order_is_safe_when_the_start_is_unsafe(forward: tuple[Order, ...]) -> None:
    rule = derive_rule(GRAPH, Unsafe(stages=frozenset({START})))
    assert (rule.constraints, rule.expressible, rule.safe) == ((), False, 0)
    assert rule.counterexample == forward[0]
    assert str(rule) == "no order is safe"


def test_rule_keeps_the_last_step_of_an_implied_chain() -> None:
    unready = unsafe_where(lambda stage: stage.schema != READY and any_after(stage))
    rule = derive_rule(GRAPH, unready)
    assert rule.constraints == (precedence(F, R1), precedence(F, R2))
    assert (
        str(rule) == "finish: build the index before any `after` replica; release the extension at any time"
    )


def test_rule_speaks_of_what_happens_only_in_some_orders() -> None:
    rule = derive_rule(GRAPH, unsafe_where(lambda stage: stage.schema == INVALID and any_after(stage)))
    assert rule.constraints == (precedence(DROP, R1), precedence(DROP, R2))
    assert rule.expressible


def test_rule_tells_the_second_start_of_a_build_from_the_first() -> None:
    index = (BUILDING, READY)
    rule = derive_rule(GRAPH, unsafe_where(lambda stage: stage.schema not in index and any_after(stage)))
    again = Occurrence(S, nth=2)
    assert set(rule.constraints) == {
        precedence(S, R1),
        precedence(S, R2),
        Precedence(again, Occurrence(R1)),
        Precedence(again, Occurrence(R2)),
    }
    assert str(rule) == (
        "start: build the index before any `after` replica;"
        " start: build the index again before any `after` replica; release the extension at any time"
    )
    assert str(Precedence(Occurrence(E), again)) == (
        'release the extension before "start: build the index" again'
    )


def test_rule_merges_replicas_that_must_come_first() -> None:
    rule = derive_rule(
        GRAPH, unsafe_where(lambda stage: stage.extension_released and BEFORE in stage.replicas)
    )
    assert rule.constraints == (precedence(R1, E), precedence(R2, E))
    assert str(rule) == 'swap every replica before "release the extension"'


def test_rule_names_the_replica_when_only_one_is_bound() -> None:
    unsafe = unsafe_where(lambda stage: stage.schema == BASE and stage.replicas[0] is AFTER)
    rule = derive_rule(GRAPH, unsafe)
    assert rule.constraints == (precedence(A, R1),)
    assert str(rule) == "add the column before replica 1 is `after`; release the extension at any time"


def test_rule_says_the_replicas_are_free() -> None:
    rule = derive_rule(
        GRAPH,
        unsafe_where(lambda stage: stage.extension_released and stage.schema != READY),
    )
    assert str(rule) == (
        'finish: build the index before "release the extension"; swap the replicas at any time'
    )


def test_rule_is_not_expressible_when_interruption_is_unsafe() -> None:
    unsafe = unsafe_where(lambda stage: stage.schema == INVALID)
    rule = derive_rule(GRAPH, unsafe)
    assert not rule.expressible
    assert (rule.constraints, rule.safe) == ((), 120)
    assert rule.counterexample is not None
    assert INTERRUPT in rule.counterexample.steps
    assert str(rule).startswith("not expressible as precedence; counterexample: add the column, start: ")


def test_rule_is_not_expressible_when_either_of_two_ways_is_safe() -> None:
    # The extension needs the column or an unswapped replica 1: an "or", which precedences do not have.
    unsafe = Unsafe(
        transitions=frozenset(
            (stage, E)
            for stage in STAGES
            if E in stage.moves and stage.schema == BASE and stage.replicas[0] is AFTER
        )
    )
    rule = derive_rule(GRAPH, unsafe)
    assert not rule.expressible
    assert rule.constraints == ()
    assert rule.counterexample is not None
    assert unsafe.affects(rule.counterexample)


def test_rule_still_names_what_is_needed_when_that_is_not_enough() -> None:
    unsafe = unsafe_where(
        lambda stage: (stage.schema == BASE and any_after(stage)) or stage.schema == INVALID
    )
    rule = derive_rule(GRAPH, unsafe)
    assert rule.constraints == COLUMN_FIRST
    assert not rule.expressible
    assert str(rule).startswith(
        "not expressible as precedence (needed, not enough: add the column before any `after` replica); "
    )
    assert "at any time" not in str(rule)


def happened(stage: Stage, step: Step) -> bool:
    return {
        A: stage.schema != BASE,
        F: stage.schema == READY,
        R1: stage.replicas[0] is AFTER,
        R2: stage.replicas[1] is AFTER,
        E: stage.extension_released,
    }[step]


def unsafe_unless(constraints: set[tuple[Step, Step]]) -> Unsafe:
    """What is seen when exactly these precedences are needed: the second step does harm before the first."""
    return Unsafe(
        transitions=frozenset(
            (stage, then)
            for first, then in constraints
            for stage in STAGES
            if then in stage.moves and not happened(stage, first)
        )
    )


PAIRS = [(first, then) for first in (A, F, R1, R2, E) for then in (A, F, R1, R2, E) if first is not then]


@settings(derandomize=True, deadline=None, max_examples=25)
@given(constraints=st.sets(st.sampled_from(PAIRS), max_size=4))
def test_rule_finds_the_precedences_that_were_put_in(
    forward: tuple[Order, ...], constraints: set[tuple[Step, Step]]
) -> None:
    unsafe = unsafe_unless(constraints)
    rule = derive_rule(GRAPH, unsafe)
    safe = safe_steps(forward, unsafe)
    put_in = [precedence(first, then) for first, then in constraints]
    assert {order.steps for order in allowed_orders(forward, put_in)} == safe
    assert rule.safe == len(safe)
    assert rule.expressible is bool(safe)
    if safe:
        assert disagreement(forward, unsafe, rule.constraints) is None
        assert len(rule.constraints) <= len(constraints)


def some_unsafe() -> st.SearchStrategy[Unsafe]:
    stages = st.frozensets(st.sampled_from(STAGES[1:-1]), max_size=4)
    every = [(stage, step) for stage in STAGES for step in stage.moves]
    return st.builds(Unsafe, stages, st.frozensets(st.sampled_from(every), max_size=4))


@settings(derandomize=True, deadline=None, max_examples=25)
@given(unsafe=some_unsafe())
def test_rule_is_minimal_and_exact_or_has_a_counterexample(
    forward: tuple[Order, ...], unsafe: Unsafe
) -> None:
    rule = derive_rule(GRAPH, unsafe)
    allowed = {order.steps for order in allowed_orders(forward, rule.constraints)}
    assert safe_steps(forward, unsafe) <= allowed
    assert rule.expressible == (safe_steps(forward, unsafe) == allowed)
    for removed in rule.constraints:
        rest = [constraint for constraint in rule.constraints if constraint != removed]
        assert len(allowed_orders(forward, rest)) > len(allowed)
    if rule.counterexample is not None:
        assert unsafe.affects(rule.counterexample)
        assert rule.counterexample.steps in allowed
    assert derive_rule(GRAPH, unsafe) == rule


def test_rule_is_as_small_as_any_set_of_precedences_can_be(forward: tuple[Order, ...]) -> None:
    rule = derive_rule(GRAPH, AHEAD_OF_COLUMN)
    safe = safe_steps(forward, AHEAD_OF_COLUMN)
    for fewer in smaller_sets(len(rule.constraints)):
        assert {order.steps for order in allowed_orders(forward, fewer)} != safe


def smaller_sets(size: int) -> Iterator[tuple[Precedence, ...]]:
    events = (
        Occurrence(A),
        Occurrence(S),
        Occurrence(INTERRUPT),
        Occurrence(DROP),
        Occurrence(S, 2),
        Occurrence(F),
        Occurrence(R1),
        Occurrence(R2),
        Occurrence(E),
    )
    every = [Precedence(first, then) for first in events for then in events if first != then]
    for fewer in range(size):
        yield from combinations(every, fewer)


def test_clauses_stay_apart_for_different_steps() -> None:
    assert clauses((precedence(A, R1), precedence(F, R2)), 2) == (
        "add the column before replica 1 is `after`",
        "finish: build the index before replica 2 is `after`",
    )


def test_smallest_unsafe_order_is_the_first_shortest_one() -> None:
    for orders in (GRAPH, ROLLED_BACK):
        path = smallest_unsafe_order(orders, AHEAD_OF_COLUMN)
        assert path is not None
        assert path.order == order_of((R1,))
        assert not path.by_step


def test_smallest_unsafe_order_ends_with_an_unsafe_step() -> None:
    building = at(BUILDING, (BEFORE, BEFORE), released=False)
    path = smallest_unsafe_order(GRAPH, Unsafe(transitions=frozenset({(building, R2)})))
    assert path is not None
    assert path.order == order_of((A, S, R2))
    assert path.by_step


def test_smallest_unsafe_order_is_empty_at_an_unsafe_start() -> None:
    path = smallest_unsafe_order(GRAPH, Unsafe(stages=frozenset({START})))
    assert path is not None
    assert (path.order.steps, path.order.stages) == ((), (START,))


def test_smallest_unsafe_order_is_none_when_nothing_is_unsafe() -> None:
    assert smallest_unsafe_order(GRAPH, Unsafe()) is None


@settings(derandomize=True, deadline=None, max_examples=25)
@given(unsafe=some_unsafe())
def test_smallest_unsafe_order_is_safe_up_to_its_end(forward: tuple[Order, ...], unsafe: Unsafe) -> None:
    path = smallest_unsafe_order(GRAPH, unsafe)
    if path is None:
        assert not any(unsafe.affects(order) for order in forward)
        return
    assert unsafe.affects(path.order)
    assert path.order.steps == () or not unsafe.affects(order_of(path.order.steps[:-1]))
    shorter = {order.steps[: len(path.order.steps) - 1] for order in forward} if path.order.steps else set()
    assert not any(unsafe.affects(order_of(steps)) for steps in shorter)


def test_smallest_unsafe_order_prints_its_evidence_at_its_end() -> None:
    path = smallest_unsafe_order(GRAPH, AHEAD_OF_COLUMN)
    assert path is not None
    assert path.lines(("request: no header", "reply: 200", "row: none"))[1:] == (
        f"└─ 1. swap replica 1: {R1.does}",
        "   ├─ now schema base, replicas after and before, extension before",
        "   ├─ request: no header",
        "   ├─ reply: 200",
        "   └─ row: none",
    )


def test_roll_backs_reach_stages_that_safe_orders_avoid() -> None:
    assert safe_orders(GRAPH, AHEAD_OF_COLUMN).count > 0
    column_first = ROLLED_BACK.within(keeping(COLUMN_FIRST, MODEL))
    assert len(AHEAD_OF_COLUMN.stages & set(column_first.survey().stages)) == 6
    path = smallest_unsafe_order(column_first, AHEAD_OF_COLUMN)
    assert path is not None
    assert path.order == order_of((A, R1, ROLL_BACK_COLUMN))


def test_comparison_is_weaker_when_only_the_column_is_first() -> None:
    found = compared(AHEAD_OF_COLUMN)
    assert found.relation is Relation.WEAKER
    assert found.needed_implied == COLUMN_FIRST
    assert found.needed_missing == ()
    assert found.unneeded == (precedence(R1, E), precedence(R2, E))
    assert found.unsafe_allowed == 0
    assert str(found) == (
        "the derived rule is weaker than the plan's order;"
        " add the column before any `after` replica: needed, the plan implies it only in its file list;"
        ' swap every replica before "release the extension": in the plan, not needed;'
        " the plan forbids 318 safe orders, allows 0 unsafe ones"
    )


def test_comparison_is_equal_when_exactly_the_plan_is_needed() -> None:
    found = compared(unsafe_unless({(A, R1), (A, R2), (R1, E), (R2, E)}))
    assert found.relation is Relation.EQUAL
    assert (found.needed_missing, found.unneeded) == ((), ())
    assert found.needed_implied == COLUMN_FIRST


def test_comparison_is_stronger_when_the_index_must_be_there_too() -> None:
    found = compared(unsafe_unless({(F, R1), (F, R2), (R1, E), (R2, E)}))
    assert found.relation is Relation.STRONGER
    assert found.needed_missing == (precedence(F, R1), precedence(F, R2))
    assert found.unneeded == ()
    assert "finish: build the index before any `after` replica: needed, not in the plan" in str(found)


def test_comparison_is_neither_when_the_extension_must_go_first() -> None:
    found = compared(unsafe_unless({(E, R1)}))
    assert found.relation is Relation.NEITHER
    assert found.needed_missing == (precedence(E, R1),)
    assert found.unsafe_allowed == 132


def test_comparison_with_what_the_plan_states_only() -> None:
    found = compared(AHEAD_OF_COLUMN, PLAN._replace(implied=()))
    assert found.relation is Relation.NEITHER
    assert (found.needed_missing, found.needed_implied) == (COLUMN_FIRST, ())
    assert found.unsafe_allowed == 208 - 132


def test_comparison_needs_nothing_when_nothing_is_unsafe() -> None:
    found = compared(Unsafe())
    assert found.relation is Relation.WEAKER
    assert found.unneeded == (precedence(R1, E), precedence(R2, E), *COLUMN_FIRST)
    assert (found.needed_implied, found.needed_missing) == ((), ())
    assert (found.safe_forbidden, found.unsafe_allowed) == (624 - 132, 0)
