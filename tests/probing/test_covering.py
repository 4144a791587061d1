"""Covering arrays hold every combination; what a backend refuses for everybody is found out and left out."""

from itertools import combinations, product

import pytest

from harness.clients.extension import Auth
from harness.clients.shape import FACTORS, PLAIN, Body, Shape
from harness.probing.covering import (
    Constraint,
    combinations_covered,
    constraints_of,
    in_words,
    is_allowed,
    shapes,
    spread,
    values_of,
)

SIGNED_WITH_ORGANIZATION: Constraint = frozenset({("auth", Auth.SIGNED_IN), ("organization", True)})


def every(strength: int) -> set[tuple[tuple[str, object], ...]]:
    found: set[tuple[tuple[str, object], ...]] = set()
    for names in combinations(FACTORS, strength):
        found |= {
            tuple(zip(names, values, strict=True)) for values in product(*(FACTORS[name] for name in names))
        }
    return found


def held(rows: list[Shape], strength: int) -> set[tuple[tuple[str, object], ...]]:
    return {each for shape in rows for each in combinations(values_of(shape), strength)}


@pytest.mark.parametrize("strength", [2, 3])
def test_every_combination_of_factor_values_occurs(strength: int) -> None:
    rows = shapes(strength)
    assert held(rows, strength) == every(strength)
    assert combinations_covered(rows, strength) == len(every(strength))
    assert len(rows) < 60 * (strength - 1) * (strength - 1)


def test_the_array_of_triples_is_built_on_that_of_pairs() -> None:
    pairs = shapes(2)
    triples = shapes(3, fixed=pairs)
    assert triples[: len(pairs)] == pairs
    assert held(triples, 3) == every(3)


def test_the_same_arguments_give_the_same_shapes() -> None:
    assert shapes(2) == shapes(2)


def test_the_plainest_shape_has_each_factors_first_value() -> None:
    assert Shape(*(values[0] for values in FACTORS.values())) == PLAIN  # type: ignore[arg-type]
    assert str(PLAIN) == "plain"
    assert str(PLAIN._replace(stream=True, body=Body.TOOLS)) == "with stream, body tools"


def test_a_constraint_is_left_out_and_all_else_still_occurs() -> None:
    rows = shapes(2, constraints=[SIGNED_WITH_ORGANIZATION])
    assert all(is_allowed(shape, [SIGNED_WITH_ORGANIZATION]) for shape in rows)
    assert every(2) - held(rows, 2) == {tuple(sorted(SIGNED_WITH_ORGANIZATION, key=str))}


def test_every_class_meets_every_combination_about_equally_often() -> None:
    rows = shapes(2)
    chosen = spread(rows, 1, 8)
    assert all(held(some, 1) == every(1) for some in chosen)
    uses = [sum(shape in some for some in chosen) for shape in rows]
    assert max(uses) - min(uses) <= 4


@pytest.mark.parametrize(
    "hidden",
    [
        frozenset({("organization", True)}),
        SIGNED_WITH_ORGANIZATION,
        frozenset({("path", FACTORS["path"][1]), ("auth", Auth.JUNK), ("stream", True)}),
    ],
)
def test_what_is_refused_for_everybody_is_found_out(hidden: Constraint) -> None:
    rows = shapes(3)
    refused = [shape for shape in rows if not is_allowed(shape, [hidden])]
    served = [shape for shape in rows if is_allowed(shape, [hidden])]
    assert constraints_of(refused, served) == [hidden]


def test_nothing_refused_is_no_constraint() -> None:
    assert constraints_of([], shapes(2)) == []


def test_a_constraint_is_told_by_its_values() -> None:
    assert in_words(SIGNED_WITH_ORGANIZATION) == "auth signed in with organization True"


def test_values_that_do_not_go_together_are_kept_apart() -> None:
    apart = frozenset({("auth", Auth.SIGNED_IN), ("organization", True)})
    rows = shapes(2, constraints=[apart])
    assert all(is_allowed(row, [apart]) for row in rows)
    whole = {each for row in shapes(2) for each in combinations(values_of(row), 2)}
    held = {each for row in rows for each in combinations(values_of(row), 2)}
    assert {frozenset(each) for each in whole - held} == {apart}
