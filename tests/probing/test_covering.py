"""Covering arrays hold every combination; what a backend refuses for everybody is found out and left out."""

from itertools import combinations, product
from math import prod

import pytest

from harness.clients.extension import Auth
from harness.clients.request_spec import plan_spec
from harness.clients.shape import PLAIN, Shape
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

SPEC = plan_spec()
FACTORS = SPEC.factors
ORGANIZATION = ("x-kilocode-organizationid", FACTORS["x-kilocode-organizationid"][1])
SIGNED_WITH_ORGANIZATION: Constraint = frozenset({("auth", Auth.SIGNED_IN), ORGANIZATION})


def every(strength: int) -> set[tuple[tuple[str, object], ...]]:
    found: set[tuple[tuple[str, object], ...]] = set()
    for names in combinations(FACTORS, strength):
        found |= {
            tuple(zip(names, values, strict=True)) for values in product(*(FACTORS[name] for name in names))
        }
    return found


def held(rows: list[Shape], strength: int) -> set[tuple[tuple[str, object], ...]]:
    return {each for shape in rows for each in combinations(values_of(shape, FACTORS), strength)}


@pytest.mark.parametrize("strength", [2, 3])
def test_every_combination_of_factor_values_occurs(strength: int) -> None:
    rows = shapes(strength, factors=FACTORS)
    assert held(rows, strength) == every(strength)
    assert combinations_covered(rows, strength, FACTORS) == len(every(strength))
    least = prod(sorted(map(len, FACTORS.values()))[-strength:])
    assert least <= len(rows) < 1.25 * least


def test_the_array_of_triples_is_built_on_that_of_pairs() -> None:
    pairs = shapes(2, factors=FACTORS)
    triples = shapes(3, factors=FACTORS, fixed=pairs)
    assert triples[: len(pairs)] == pairs
    assert held(triples, 3) == every(3)


def test_the_same_arguments_give_the_same_shapes() -> None:
    assert shapes(2, factors=FACTORS) == shapes(2, factors=FACTORS)


def test_the_plainest_shape_has_each_factors_first_value() -> None:
    assert Shape.of({name: values[0] for name, values in FACTORS.items()}) == PLAIN
    assert str(PLAIN) == "plain"
    assert str(PLAIN._replace(stream=True, body="bodies/tools.json")) == "with stream, body bodies/tools.json"


def test_a_constraint_is_left_out_and_all_else_still_occurs() -> None:
    rows = shapes(2, factors=FACTORS, constraints=[SIGNED_WITH_ORGANIZATION])
    assert all(is_allowed(shape, [SIGNED_WITH_ORGANIZATION], FACTORS) for shape in rows)
    assert every(2) - held(rows, 2) == {tuple(sorted(SIGNED_WITH_ORGANIZATION, key=str))}


def test_every_class_meets_every_combination_about_equally_often() -> None:
    rows = shapes(2, factors=FACTORS)
    chosen = spread(rows, 1, 8, FACTORS)
    assert all(held(some, 1) == every(1) for some in chosen)
    uses = [sum(shape in some for some in chosen) for shape in rows]
    assert max(uses) - min(uses) <= 5


@pytest.mark.parametrize(
    "hidden",
    [
        frozenset({ORGANIZATION}),
        SIGNED_WITH_ORGANIZATION,
        frozenset({("path", FACTORS["path"][1]), ("auth", Auth.JUNK), ("stream", True)}),
    ],
)
def test_what_is_refused_for_everybody_is_found_out(hidden: Constraint) -> None:
    rows = shapes(3, factors=FACTORS)
    refused = [shape for shape in rows if not is_allowed(shape, [hidden], FACTORS)]
    served = [shape for shape in rows if is_allowed(shape, [hidden], FACTORS)]
    assert constraints_of(refused, served, FACTORS) == [hidden]


def test_nothing_refused_is_no_constraint() -> None:
    assert constraints_of([], shapes(2, factors=FACTORS), FACTORS) == []


def test_a_constraint_is_told_by_its_values() -> None:
    told = f"auth signed in with {ORGANIZATION[0]} {ORGANIZATION[1]}"
    assert in_words(SIGNED_WITH_ORGANIZATION, SPEC) == told
    usual: Constraint = frozenset({("stream", True), ("auth", None), ("user-agent", None)})
    assert in_words(usual, SPEC) == "auth anonymous with stream True with user-agent Kilo-Code/4.140.0"


def test_values_that_do_not_go_together_are_kept_apart() -> None:
    apart = SIGNED_WITH_ORGANIZATION
    rows = shapes(2, factors=FACTORS, constraints=[apart])
    assert all(is_allowed(row, [apart], FACTORS) for row in rows)
    whole = {each for row in shapes(2, factors=FACTORS) for each in combinations(values_of(row, FACTORS), 2)}
    held = {each for row in rows for each in combinations(values_of(row, FACTORS), 2)}
    assert {frozenset(each) for each in whole - held} == {apart}
