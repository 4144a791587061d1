"""Walks cover what they are made for, each thing once, and lead only where the model allows."""

from collections import Counter

import pytest

from harness.database.schema_state import SchemaState
from harness.rehearsal.build_phase import LEFT_BEHIND_BY
from harness.stages.itinerary import (
    CONNECTORS,
    LEGS_MAX,
    WAITS,
    Crossing,
    Walk,
    crossed_transitions,
    crossings_from,
    crossings_of,
    itinerary,
    single_walk,
)
from harness.stages.model import STAGES, START, StandUp, Step, Version, stand_ups
from harness.stages.orders import FORWARD, ONE_ROLL_BACK, Bounds, survey, walk

PLAN_ORDER = (
    Step.ADD_COLUMN,
    Step.START_BUILD,
    Step.FINISH_BUILD,
    Step.SWAP_1,
    Step.SWAP_2,
    Step.RELEASE_EXTENSION,
)
BOUNDS = [(FORWARD, False), (FORWARD, True), (ONE_ROLL_BACK, False), (ONE_ROLL_BACK, True)]


def walks_of(bounds: Bounds, *, every_half_way: bool) -> tuple[Walk, ...]:
    found = survey(bounds)
    crossings = crossings_of(found.transitions, every_half_way=every_half_way)
    return itinerary(crossings, stand_ups(found.stages))


@pytest.mark.catalogue
@pytest.mark.parametrize(("bounds", "every"), BOUNDS)
def test_walks_cover_every_stand_up_and_every_crossing_exactly_once(bounds: Bounds, every: bool) -> None:
    found = survey(bounds)
    walks = walks_of(bounds, every_half_way=every)
    probed = [walk.start for walk in walks if walk.probed]
    probed += [leg.crossing.end for walk in walks for leg in walk.legs if leg.probed]
    assert Counter(probed) == Counter(stand_ups(found.stages))
    crossed = [leg.crossing for walk in walks for leg in walk.legs if leg.crossed]
    assert Counter(crossed) == Counter(crossings_of(found.transitions, every_half_way=every))
    assert set(crossed_transitions(walks)) == set(found.transitions)


@pytest.mark.parametrize(("bounds", "every"), BOUNDS)
def test_walks_go_on_from_where_they_are_by_legal_steps(bounds: Bounds, every: bool) -> None:
    for one in walks_of(bounds, every_half_way=every):
        here = one.start
        for leg in one.legs:
            assert leg.crossing.start == here
            assert leg.crossing in crossings_from(here)
            here = leg.crossing.end
        assert len(one.legs) <= LEGS_MAX + len(CONNECTORS)


def test_walks_are_fewer_than_stand_ups_and_the_same_every_time() -> None:
    first, second = (walks_of(FORWARD, every_half_way=False) for _ in range(2))
    assert first == second
    assert len(first) < len(stand_ups(STAGES)) / 2
    assert first[0].start == StandUp(START, None)
    assert first[0].probed


def test_walks_never_lead_back_to_a_base_that_had_a_column_but_where_that_is_what_is_looked_at() -> None:
    for one in walks_of(FORWARD, every_half_way=True):
        assert all(leg.crossing.step is not Step.ROLL_BACK_COLUMN for leg in one.legs)
    for one in walks_of(ONE_ROLL_BACK, every_half_way=True):
        assert all(leg.crossed for leg in one.legs if leg.crossing.step is Step.ROLL_BACK_COLUMN)


def test_crossings_hold_a_build_in_each_wait_and_leave_what_that_wait_leaves() -> None:
    column = next(one for one in stand_ups(STAGES) if one.stage.schema is SchemaState.COLUMN)
    starts = [found for found in crossings_from(column) if found.step is Step.START_BUILD]
    assert [found.end.half_way for found in starts] == list(WAITS)
    for started in starts:
        ends = {found.step: found.end for found in crossings_from(started.end)}
        assert started.end.half_way is not None
        assert ends[Step.INTERRUPT_BUILD].half_way is LEFT_BEHIND_BY[started.end.half_way]
        assert ends[Step.FINISH_BUILD].half_way is None
        assert ends[Step.SWAP_1].half_way is started.end.half_way


def test_crossings_of_a_swap_are_one_at_least_and_all_when_asked() -> None:
    building = next(one.stage for one in stand_ups(STAGES) if one.stage.schema is SchemaState.BUILDING)
    assert building.replicas == (Version.BEFORE, Version.BEFORE)
    taken = [(building, Step.SWAP_1)]
    assert len(crossings_of(taken, every_half_way=False)) == 1
    every = crossings_of(taken, every_half_way=True)
    assert [found.start.half_way for found in every] == list(WAITS)
    assert all(isinstance(found, Crossing) for found in every)


def test_single_walk_passes_the_stages_of_the_order_and_probes_each() -> None:
    one = single_walk(StandUp(START, None), PLAN_ORDER)
    stages = [one.start.stage, *(leg.crossing.end.stage for leg in one.legs)]
    assert tuple(stages) == walk(PLAN_ORDER).stages
    assert one.probes == len(stages)
    assert one.crossings == len(PLAN_ORDER)
