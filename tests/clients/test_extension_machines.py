"""Machine ids that are drawn, fleets, and the odds that ids coincide."""

import pytest

from harness.clients.devices import LONG, collision_odds, device_ids, fleet
from harness.clients.id_client import plans_client

CLIENT = plans_client()
DERIVED = CLIENT.derived


def test_device_ids_follow_from_the_seed() -> None:
    assert device_ids(DERIVED, 200, seed=3) == device_ids(DERIVED, 200, seed=3)
    assert device_ids(DERIVED, 200, seed=3) != device_ids(DERIVED, 200, seed=4)


def test_device_ids_have_every_odd_shape() -> None:
    drawn = device_ids(DERIVED, 500, seed=0)
    assert set(DERIVED.shared) < set(drawn)
    assert max(map(len, drawn)) == LONG
    assert any("\ud800" <= character <= "\udfff" for one in drawn for character in one)
    assert any(character > "\uffff" for one in drawn for character in one)
    assert len(drawn) == 500


def test_fleet_shares_ids_only_where_it_is_asked_to() -> None:
    machines = fleet(DERIVED, 0, ordinary=40, shared=3)
    assert len(machines) == 40 + 3 * len(DERIVED.shared)
    assert len({CLIENT.derived_id(one) for one in machines}) == 40 + len(DERIVED.shared)


@pytest.mark.parametrize(
    ("installations", "odds"), [(0, 0.0), (1, 0.0), (2, 2**-64), (2**32, 0.5), (2**64, 1.0)]
)
def test_collision_odds_are_the_birthday_bound_of_64_bits(installations: int, odds: float) -> None:
    assert collision_odds(DERIVED, installations) == pytest.approx(odds, rel=1e-9)
