from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, permutations
from math import factorial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.stages.model import MOVES, ROLLS_BACK, STAGES, START, Step
from harness.stages.orders import (
    FORWARD,
    ONE_ROLL_BACK,
    STEP_PLACES,
    UNINTERRUPTED,
    Bounds,
    Order,
    Survey,
    count_orders,
    distinct_stages,
    distinct_transitions,
    enumerate_orders,
    survey,
    tree_lines,
    walk,
)

A, S, F = Step.ADD_COLUMN, Step.START_BUILD, Step.FINISH_BUILD
INTERRUPT, DROP = Step.INTERRUPT_BUILD, Step.DROP_INVALID
UNINDEX, UNCOLUMN = Step.ROLL_BACK_INDEX, Step.ROLL_BACK_COLUMN
R1, R2, V1, V2, E = Step.SWAP_1, Step.SWAP_2, Step.REVERT_1, Step.REVERT_2, Step.RELEASE_EXTENSION

RETRIED = (A, S, INTERRUPT, DROP, S, F)

SCHEMA_WITHOUT_ROLL_BACK: tuple[tuple[Step, ...], ...] = ((A, S, F), RETRIED)
SCHEMA_WITH_ROLL_BACK: tuple[tuple[Step, ...], ...] = (
    (A, UNCOLUMN, A, S, F),
    (A, UNCOLUMN, *RETRIED),
    (A, S, F, UNCOLUMN, A, S, F),
    (A, S, F, UNCOLUMN, *RETRIED),
    (*RETRIED, UNCOLUMN, A, S, F),
    (A, S, INTERRUPT, UNCOLUMN, A, S, F),
    (A, S, INTERRUPT, DROP, UNCOLUMN, A, S, F),
    (A, S, F, UNINDEX, S, F),
    (A, S, F, UNINDEX, S, INTERRUPT, DROP, S, F),
    (*RETRIED, UNINDEX, S, F),
)
"""Typed by hand: every way of the schema to `ready`, rolled back once, interrupted at most once."""


def naively_legal(steps: Sequence[Step]) -> bool:
    """The rules again, told by flags instead of tables."""
    column = building = index = valid = released = False
    replicas = {1: False, 2: False}
    for step in steps:
        if step is A:
            legal, column = not column, True
        elif step is S:
            legal, index, building = column and not index, True, True
        elif step is F:
            legal, building, valid = building, False, True
        elif step is INTERRUPT:
            legal, building = building, False
        elif step is DROP:
            legal, index = index and not building and not valid, False
        elif step is UNINDEX:
            legal, index, valid = valid, False, False
        elif step is UNCOLUMN:
            legal, column, index, valid = column and not building, False, False, False
        elif step is E:
            legal, released = not released, True
        else:
            number = 1 if step in (R1, V1) else 2
            swaps = step in (R1, R2)
            legal, replicas[number] = replicas[number] is not swaps, swaps
        if not legal:
            return False
    return True


def shuffles(strands: tuple[tuple[Step, ...], ...]) -> Iterator[tuple[Step, ...]]:
    if not any(strands):
        yield ()
    for number, strand in enumerate(strands):
        if strand:
            for rest in shuffles((*strands[:number], strand[1:], *strands[number + 1 :])):
                yield (strand[0], *rest)


def ways(*lengths: int) -> int:
    """How many ways there are to shuffle strands of these lengths."""
    count = factorial(sum(lengths))
    for length in lengths:
        count //= factorial(length)
    return count


@pytest.fixture(scope="module")
def forward() -> Survey:
    return survey(FORWARD)


@pytest.fixture(scope="module")
def rolled_back() -> Survey:
    return survey(ONE_ROLL_BACK)


def test_orders_are_120_and_the_permutations_that_are_legal_without_interruption() -> None:
    naive = {steps for steps in permutations((A, S, F, R1, R2, E)) if naively_legal(steps)}
    enumerated = [order.steps for order in enumerate_orders(UNINTERRUPTED)]
    assert set(enumerated) == naive
    assert len(enumerated) == count_orders(UNINTERRUPTED) == len(naive) == 120


def test_orders_are_624_and_the_permutations_that_are_legal_with_one_interruption_at_most(
    forward: Survey,
) -> None:
    naive = {steps for steps in permutations((A, S, F, R1, R2, E)) if naively_legal(steps)}
    naive |= {steps for steps in permutations((*RETRIED, R1, R2, E)) if naively_legal(steps)}
    assert {order.steps for order in forward.orders} == naive
    assert len(forward.orders) == forward.total == len(naive) == 624


def test_orders_are_31052_and_all_shuffles_of_their_strands_with_one_roll_back(rolled_back: Survey) -> None:
    naive: set[tuple[Step, ...]] = set()
    for schema in SCHEMA_WITH_ROLL_BACK:
        naive.update(shuffles((schema, (R1,), (R2,), (E,))))
    for schema in SCHEMA_WITHOUT_ROLL_BACK:
        naive.update(shuffles((schema, (R1, V1, R1), (R2,), (E,))))
        naive.update(shuffles((schema, (R1,), (R2, V2, R2), (E,))))
    assert {order.steps for order in rolled_back.orders} == naive
    assert len(rolled_back.orders) == rolled_back.total == len(naive) == 31_052


def test_count_agrees_with_the_multinomials_of_the_strands() -> None:
    forward = [ways(len(schema), 1, 1, 1) for schema in SCHEMA_WITHOUT_ROLL_BACK]
    assert forward == [120, 504]
    assert count_orders(FORWARD) == sum(forward)
    by_schema = sum(ways(len(schema), 1, 1, 1) for schema in SCHEMA_WITH_ROLL_BACK)
    by_replica = 2 * sum(ways(len(schema), 3, 1, 1) for schema in SCHEMA_WITHOUT_ROLL_BACK)
    assert count_orders(ONE_ROLL_BACK) == by_schema + by_replica


@pytest.mark.parametrize("bounds", [Bounds(0, 1), Bounds(2, 0), Bounds(3, 0)])
def test_enumeration_meets_its_count_within_other_bounds(bounds: Bounds) -> None:
    orders = [order.steps for order in enumerate_orders(bounds)]
    assert len(orders) == len(set(orders)) == count_orders(bounds)
    assert all(naively_legal(steps) for steps in orders)


@pytest.mark.parametrize("bounds", [UNINTERRUPTED, FORWARD, ONE_ROLL_BACK])
def test_enumeration_is_sorted_and_without_duplicates(bounds: Bounds) -> None:
    places = [[STEP_PLACES[step] for step in order.steps] for order in enumerate_orders(bounds)]
    assert all(one < next_one for one, next_one in pairwise(places))


def test_survey_is_the_same_when_taken_twice(forward: Survey) -> None:
    assert survey(FORWARD) == forward


def test_orders_stay_within_their_bounds_and_reach_them(forward: Survey, rolled_back: Survey) -> None:
    for found, roll_backs in ((forward, 0), (rolled_back, 1)):
        assert max(len(order.steps) for order in found.orders) == found.bounds.steps_max
        assert {order.steps.count(INTERRUPT) for order in found.orders} == {0, 1}
        assert {sum(step in ROLLS_BACK for step in order.steps) for order in found.orders} == {roll_backs}


def test_roll_back_follows_the_step_it_takes_back_in_every_order(rolled_back: Survey) -> None:
    for order in rolled_back.orders:
        for place, step in enumerate(order.steps):
            if step in ROLLS_BACK:
                assert ROLLS_BACK[step] in order.steps[:place]


def test_roll_backs_reach_every_kind_and_also_a_complete_rollout(rolled_back: Survey) -> None:
    taken = {step for order in rolled_back.orders for step in order.steps if step in ROLLS_BACK}
    assert taken == set(ROLLS_BACK)
    from_complete = {step for stage, step in rolled_back.transitions if stage.complete}
    assert from_complete == set(ROLLS_BACK)


def test_order_ends_complete_and_passes_only_stages_of_the_model(rolled_back: Survey) -> None:
    for order in rolled_back.orders:
        assert order.stages[0] == START
        assert order.complete
        for (stage, step), to in zip(order.transitions, order.stages[1:], strict=True):
            assert MOVES[stage][step] == to


def test_survey_maps_orders_to_few_stages_and_transitions(forward: Survey, rolled_back: Survey) -> None:
    assert forward.words == "624/624 orders, 40 stages (64 stand-ups), 100 transitions"
    assert rolled_back.words == "31052/31052 orders, 40 stages (64 stand-ups), 172 transitions"
    assert rolled_back.stages == STAGES
    assert set(forward.transitions) < set(rolled_back.transitions)


def test_rolled_back_orders_take_every_transition_of_the_model(rolled_back: Survey) -> None:
    every = tuple((stage, step) for stage in STAGES for step in MOVES[stage])
    assert rolled_back.transitions == every


def test_survey_is_not_whole_when_an_order_is_lost(forward: Survey) -> None:
    assert forward.whole
    assert not replace(forward, orders=forward.orders[1:]).whole


@settings(derandomize=True, deadline=None, max_examples=50)
@given(data=st.data())
def test_distinct_stages_do_not_depend_on_the_order_of_orders(forward: Survey, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(forward.orders), max_size=8))
    mixed = data.draw(st.permutations(some))
    assert distinct_stages(some) == distinct_stages(mixed)
    assert distinct_transitions(some) == distinct_transitions(mixed)
    assert set(distinct_stages(some)) == {stage for order in some for stage in order.stages}


@settings(derandomize=True, deadline=None, max_examples=300)
@given(data=st.data(), last=st.sampled_from(Step))
def test_walk_accepts_what_the_rules_told_again_accept(data: st.DataObject, last: Step) -> None:
    stage, steps = START, list[Step]()
    for _ in range(data.draw(st.integers(0, 12))):
        steps.append(data.draw(st.sampled_from(tuple(MOVES[stage]))))
        stage = MOVES[stage][steps[-1]]
    assert naively_legal(steps)
    assert walk(steps).stages[-1] == stage
    steps.append(last)
    if naively_legal(steps):
        assert walk(steps).steps == tuple(steps)
    else:
        with pytest.raises(UsageError, match=f"^step {len(steps)} of {len(steps)}: cannot {last}"):
            walk(steps)


def test_walk_of_an_enumerated_order_is_that_order(forward: Survey) -> None:
    assert all(walk(order.steps) == order for order in forward.orders)


def test_tree_numbers_the_steps_and_hangs_marks_below_them() -> None:
    order = walk((E, R1))
    assert tree_lines(order, {0: ("stood up",), 2: ("request: a", "row: none")}) == (
        "0. start: schema base, replicas before and before, extension before",
        "│  └─ stood up",
        f"├─ 1. release the extension: {E.words}",
        "│  └─ now schema base, replicas before and before, extension before and after",
        f"└─ 2. swap replica 1: {R1.words}",
        "   ├─ now schema base, replicas after and before, extension before and after",
        "   ├─ request: a",
        "   └─ row: none",
    )


def test_tree_of_no_steps_is_the_start_alone() -> None:
    assert tree_lines(Order((), (START,)), {0: ("row: none",)}) == (
        "0. start: schema base, replicas before and before, extension before",
        "   └─ row: none",
    )
