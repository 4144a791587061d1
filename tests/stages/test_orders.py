from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, permutations
from math import factorial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.stages.model import Stage, Transition
from harness.stages.orders import (
    FORWARD,
    ONE_ROLL_BACK,
    Bounds,
    Order,
    Survey,
    by_place,
    by_rank,
    survey,
    tree_lines,
)
from harness.stages.orders import order_of as order_from
from harness.stages.steps import Step
from tests.fix_stages import (
    ADD_COLUMN,
    DROP_INVALID,
    FINISH_BUILD,
    INTERRUPT_BUILD,
    MODEL,
    RELEASE_EXTENSION,
    REVERT_1,
    REVERT_2,
    ROLL_BACK_COLUMN,
    ROLL_BACK_INDEX,
    STAGES,
    START,
    START_BUILD,
    SWAP_1,
    SWAP_2,
    Orders,
    orders_within,
)

A, S, F = ADD_COLUMN, START_BUILD, FINISH_BUILD
INTERRUPT, DROP = INTERRUPT_BUILD, DROP_INVALID
UNINDEX, UNCOLUMN = ROLL_BACK_INDEX, ROLL_BACK_COLUMN
R1, R2, V1, V2, E = SWAP_1, SWAP_2, REVERT_1, REVERT_2, RELEASE_EXTENSION

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


BACK: dict[Step, Step] = {V1: R1, V2: R2, UNINDEX: F, UNCOLUMN: A}
"""What each roll-back takes back."""


def order_of(steps: Iterable[Step]) -> Order:
    return order_from(steps, START)


def stages_of(orders: Iterable[Order]) -> tuple[Stage, ...]:
    return by_rank(stage for order in orders for stage in order.stages)


def transitions_of(orders: Iterable[Order]) -> tuple[Transition, ...]:
    return by_place((taken for order in orders for taken in order.transitions), MODEL)


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


UNINTERRUPTED = Bounds(interruptions_max=0)


def test_uninterrupted_orders_are_the_120_legal_permutations() -> None:
    naive = {steps for steps in permutations((A, S, F, R1, R2, E)) if naively_legal(steps)}
    enumerated = [order.steps for order in orders_within(UNINTERRUPTED)]
    assert set(enumerated) == naive
    assert len(enumerated) == survey(MODEL, UNINTERRUPTED).orders == len(naive) == 120


def test_forward_orders_are_the_624_legal_permutations(
    forward: Orders,
) -> None:
    naive = {steps for steps in permutations((A, S, F, R1, R2, E)) if naively_legal(steps)}
    naive |= {steps for steps in permutations((*RETRIED, R1, R2, E)) if naively_legal(steps)}
    assert {order.steps for order in forward} == naive
    assert len(forward) == survey(MODEL, FORWARD).orders == len(naive) == 624


def test_orders_with_one_roll_back_are_the_31052_shuffles(rolled_back: Orders) -> None:
    naive: set[tuple[Step, ...]] = set()
    for schema in SCHEMA_WITH_ROLL_BACK:
        naive.update(shuffles((schema, (R1,), (R2,), (E,))))
    for schema in SCHEMA_WITHOUT_ROLL_BACK:
        naive.update(shuffles((schema, (R1, V1, R1), (R2,), (E,))))
        naive.update(shuffles((schema, (R1,), (R2, V2, R2), (E,))))
    assert {order.steps for order in rolled_back} == naive
    assert len(rolled_back) == survey(MODEL, ONE_ROLL_BACK).orders == len(naive) == 31_052


def test_count_agrees_with_the_multinomials_of_the_strands() -> None:
    forward = [ways(len(schema), 1, 1, 1) for schema in SCHEMA_WITHOUT_ROLL_BACK]
    assert forward == [120, 504]
    assert survey(MODEL, FORWARD).orders == sum(forward)
    by_schema = sum(ways(len(schema), 1, 1, 1) for schema in SCHEMA_WITH_ROLL_BACK)
    by_replica = 2 * sum(ways(len(schema), 3, 1, 1) for schema in SCHEMA_WITHOUT_ROLL_BACK)
    assert survey(MODEL, ONE_ROLL_BACK).orders == by_schema + by_replica


@pytest.mark.parametrize("bounds", [Bounds(0, 1), Bounds(2, 0), Bounds(3, 0)])
def test_enumeration_meets_its_count_within_other_bounds(bounds: Bounds) -> None:
    orders = [order.steps for order in orders_within(bounds)]
    assert len(orders) == len(set(orders)) == survey(MODEL, bounds).orders
    assert all(naively_legal(steps) for steps in orders)


@pytest.mark.parametrize("bounds", [UNINTERRUPTED, FORWARD, ONE_ROLL_BACK])
def test_enumeration_is_sorted_and_without_duplicates(bounds: Bounds) -> None:
    places = [[MODEL.places[step] for step in order.steps] for order in orders_within(bounds)]
    assert all(one < next_one for one, next_one in pairwise(places))


@pytest.mark.parametrize("bounds", [UNINTERRUPTED, FORWARD, ONE_ROLL_BACK, Bounds(2, 0)])
def test_survey_passes_what_the_listed_orders_pass(bounds: Bounds) -> None:
    orders = tuple(orders_within(bounds))
    assert survey(MODEL, bounds) == Survey(len(orders), stages_of(orders), transitions_of(orders))


def test_orders_stay_within_their_bounds_and_reach_them(forward: Orders, rolled_back: Orders) -> None:
    for orders, roll_backs, longest in ((forward, 0, 9), (rolled_back, 1, 13)):
        assert max(len(order.steps) for order in orders) == longest
        assert {order.steps.count(INTERRUPT) for order in orders} == {0, 1}
        assert {sum(step.rolls_back for step in order.steps) for order in orders} == {roll_backs}


def test_roll_back_follows_the_step_it_takes_back_in_every_order(rolled_back: Orders) -> None:
    for order in rolled_back:
        for place, step in enumerate(order.steps):
            if step.rolls_back:
                assert BACK[step] in order.steps[:place]


def test_roll_backs_reach_every_kind_and_also_a_complete_rollout(rolled_back: Orders) -> None:
    taken = {step for order in rolled_back for step in order.steps if step.rolls_back}
    assert taken == set(BACK)
    from_complete = {step for stage, step in survey(MODEL, ONE_ROLL_BACK).transitions if stage.complete}
    assert from_complete == set(BACK)


def test_order_ends_complete_and_passes_only_stages_of_the_model(rolled_back: Orders) -> None:
    for order in rolled_back:
        assert order.stages[0] == START
        assert order.stages[-1].complete
        for (stage, step), to in zip(order.transitions, order.stages[1:], strict=True):
            assert stage.moves[step] == to


def test_survey_maps_orders_to_few_stages_and_transitions() -> None:
    forward, rolled_back = survey(MODEL, FORWARD), survey(MODEL, ONE_ROLL_BACK)
    assert str(forward) == "624 orders, 40 stages (64 environments), 100 transitions"
    assert str(rolled_back) == "31,052 orders, 40 stages (64 environments), 172 transitions"
    assert rolled_back.stages == STAGES
    assert set(forward.transitions) < set(rolled_back.transitions)


def test_rolled_back_orders_take_every_transition_of_the_model() -> None:
    every = tuple((stage, step) for stage in STAGES for step in stage.moves)
    assert survey(MODEL, ONE_ROLL_BACK).transitions == every


@settings(derandomize=True, deadline=None, max_examples=50)
@given(data=st.data())
def test_distinct_stages_do_not_depend_on_the_order_of_orders(forward: Orders, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(forward), max_size=8))
    mixed = data.draw(st.permutations(some))
    assert stages_of(some) == stages_of(mixed)
    assert transitions_of(some) == transitions_of(mixed)
    assert set(stages_of(some)) == {stage for order in some for stage in order.stages}


@settings(derandomize=True, deadline=None, max_examples=300)
@given(data=st.data(), last=st.sampled_from(MODEL.steps))
def test_order_is_legal_where_the_rules_as_flags_say_so(data: st.DataObject, last: Step) -> None:
    stage, steps = START, list[Step]()
    for _ in range(data.draw(st.integers(0, 12))):
        steps.append(data.draw(st.sampled_from(tuple(stage.moves))))
        stage = stage.moves[steps[-1]]
    assert naively_legal(steps)
    assert order_of(steps).stages[-1] == stage
    steps.append(last)
    if naively_legal(steps):
        assert order_of(steps).steps == tuple(steps)
    else:
        with pytest.raises(UsageError, match=f"^step {len(steps)} of {len(steps)}: cannot {last}"):
            order_of(steps)


def test_steps_of_an_enumerated_order_make_that_order(forward: Orders) -> None:
    assert all(order_of(order.steps) == order for order in forward)


def test_tree_numbers_the_steps_and_hangs_marks_below_them() -> None:
    order = order_of((E, R1))
    assert tree_lines(order, {0: ("stood up",), 2: ("request: a", "row: none")}) == (
        "0. start: schema base, replicas before and before, extension before",
        "│  └─ stood up",
        f"├─ 1. release the extension: {E.does}",
        "│  └─ now schema base, replicas before and before, extension before and after",
        f"└─ 2. swap replica 1: {R1.does}",
        "   ├─ now schema base, replicas after and before, extension before and after",
        "   ├─ request: a",
        "   └─ row: none",
    )


def test_tree_of_no_steps_is_the_start_alone() -> None:
    assert tree_lines(Order((), (START,)), {0: ("row: none",)}) == (
        "0. start: schema base, replicas before and before, extension before",
        "   └─ row: none",
    )
