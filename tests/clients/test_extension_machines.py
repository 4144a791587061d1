"""Machine ids that are drawn, fleets, and the odds that ids coincide."""

import pytest

from harness import plan
from harness.clients.extension import derived_id
from harness.clients.machines import LONG, collision_odds, fleet, machine_ids


def test_machine_ids_follow_from_the_seed() -> None:
    assert machine_ids(200, seed=3) == machine_ids(200, seed=3)
    assert machine_ids(200, seed=3) != machine_ids(200, seed=4)


def test_machine_ids_have_every_odd_shape() -> None:
    drawn = machine_ids(500, seed=0)
    assert set(plan.SHARED_MACHINE_IDS) < set(drawn)
    assert max(map(len, drawn)) == LONG
    assert any("\ud800" <= character <= "\udfff" for one in drawn for character in one)
    assert any(character > "\uffff" for one in drawn for character in one)
    assert len(drawn) == 500


def test_fleet_shares_ids_only_where_it_is_asked_to() -> None:
    machines = fleet(0, ordinary=40, shared=3)
    assert len(machines) == 40 + 3 * len(plan.SHARED_MACHINE_IDS)
    assert len({derived_id(one) for one in machines}) == 40 + len(plan.SHARED_MACHINE_IDS)


@pytest.mark.parametrize(
    ("installations", "odds"), [(0, 0.0), (1, 0.0), (2, 2**-64), (2**32, 0.5), (2**64, 1.0)]
)
def test_collision_odds_are_the_birthday_bound_of_64_bits(installations: int, odds: float) -> None:
    assert collision_odds(installations) == pytest.approx(odds, rel=1e-9)
