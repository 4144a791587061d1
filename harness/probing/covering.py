"""Covering arrays: few shapes of which every pair, or every triple, of factor values occurs in one. Pure.

Most faults hang on one or two circumstances (Kuhn, Wallace, Gallo, "Software fault interactions", IEEE TSE 30(6),
2004): an array of strength two sees all that hang on any two values, in some thirty requests instead of millions.
Shapes that the backend refuses for everybody are left out by constraints, which are found from what was refused.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from itertools import chain, combinations
from operator import or_
from typing import Any, Final

import covertable
from covertable.criteria import greedy, simple

from harness.clients.request_spec import RequestSpec
from harness.clients.shape import Shape

Value = tuple[str, object]
"""A factor with one of its values."""
Constraint = frozenset[Value]
"""Values that do not occur together."""
Factors = Mapping[str, tuple[object, ...]]

PAIR: Final = 2
"""Beyond pairs the generator's `simple` criterion makes 183 rows of the gate's factors where `greedy` makes 176, in a
third of the time."""
CONSTRAINT_SIZE_MAX: Final = 3
"""Most values that a constraint is looked for among: path, caller and streaming."""


def values_of(shape: Shape, factors: Factors) -> tuple[Value, ...]:
    """Each factor with the value that the shape has for it; also what it has beyond these factors."""
    headers = dict(shape.headers)
    listed = [(name, headers.get(name) if name in headers else shape.value(name)) for name in factors]
    return (*listed, *((name, value) for name, value in shape.differing.items() if name not in factors))


def shapes(
    strength: int,
    *,
    factors: Factors,
    fixed: Sequence[Shape] = (),
    constraints: Iterable[Constraint] = (),
) -> list[Shape]:
    """Shapes of which every combination of `strength` factor values occurs in one, but for what is constrained.

    `fixed` come first, and what they cover is not covered again. The same arguments give the same shapes.
    """
    return list(_shapes(strength, tuple(factors.items()), tuple(fixed), tuple(constraints)))


@lru_cache(maxsize=32)  # triples take seconds, and the self-test asks for the same ones for each build
def _shapes(
    strength: int,
    factor_items: tuple[tuple[str, tuple[object, ...]], ...],
    fixed: tuple[Shape, ...],
    constraints: tuple[Constraint, ...],
) -> tuple[Shape, ...]:
    factors = dict(factor_items)
    places = {name: {value: place for place, value in enumerate(values)} for name, values in factors.items()}
    concerned = [each for each in constraints if concerns(each, factors)]
    pairs = [
        each for each in concerned if len(each) == PAIR and all(len(factors[name]) > 1 for name, _ in each)
    ]
    rules = [_rule(each, places) for each in concerned if each not in pairs]
    presets = [
        {name: places[name][value] for name, value in values_of(shape, factors) if name in factors}
        for shape in fixed
    ]
    rows: list[dict[str, int]] = covertable.make(
        {name: list(range(len(values))) for name, values in factors.items()},
        strength=strength,
        presets=presets,
        constraints=rules,
        criterion=greedy if strength == PAIR else simple,
    )
    made = [Shape.of({name: factors[name][row[name]] for name in factors}) for row in rows]
    apart = [each for made_one in made for each in _apart(made_one, concerned, factors)]
    return tuple(dict.fromkeys([*fixed, *apart]))


def _apart(shape: Shape, constraints: Sequence[Constraint], factors: Factors) -> Iterator[Shape]:
    """The shape; or, where two of its values do not go together, it with another value for one, and for the other.

    Whatever else it combines is in one of these. The generator knows such constraints, too, but takes much longer.
    """
    held = frozenset(values_of(shape, factors))
    broken = next((each for each in constraints if each <= held), None)
    if broken is None:
        yield shape
        return
    for name, value in sorted(broken, key=str):
        found = [shape.having(name, other) for other in factors[name] if other != value]
        better = [each for each in found if is_allowed(each, constraints, factors)]
        yield from _apart((better or found)[0], [each for each in constraints if each != broken], factors)


def combinations_covered(covered: Iterable[Shape], strength: int, factors: Factors) -> int:
    """How many combinations of so many factor values occur in these shapes."""
    numbers: dict[Value, int] = {}
    held = (
        [numbers.setdefault(value, len(numbers)) for value in values_of(shape, factors)] for shape in covered
    )
    return len({each for values in held for each in combinations(values, strength)})


def spread(rows: Sequence[Shape], strength: int, count: int, factors: Factors) -> list[list[Shape]]:
    """For each of `count` classes some of the shapes, so that each class meets every combination of factor values.

    The combinations are of `strength` values. Every shape is used about as often as any other.
    """
    used: Counter[Shape] = Counter()
    contents = _as_bits(rows, strength, factors)
    everything = reduce(or_, contents.values(), 0)
    chosen: list[list[Shape]] = []
    for _ in range(count):
        left, mine = everything, dict.fromkeys(rows)
        picked: list[Shape] = []
        while left:
            best = max(mine, key=lambda shape: ((contents[shape] & left).bit_count(), -used[shape]))
            del mine[best]
            left &= ~contents[best]
            used[best] += 1
            picked.append(best)
        chosen.append(picked)
    return chosen


def _as_bits(rows: Sequence[Shape], strength: int, factors: Factors) -> dict[Shape, int]:
    """The combinations of each shape as a set of bits: some thousand are compared thousands of times."""
    held = {shape: list(combinations(values_of(shape, factors), strength)) for shape in rows}
    places = {each: place for place, each in enumerate(dict.fromkeys(chain.from_iterable(held.values())))}
    return {shape: reduce(or_, (1 << places[each] for each in found), 0) for shape, found in held.items()}


def constraints_of(refused: Iterable[Shape], served: Iterable[Shape], factors: Factors) -> list[Constraint]:
    """Few and small sets of factor values that explain which shapes were refused.

    Each occurs in a refused shape and in no served one; the set that explains most comes first. A shape that no set of
    up to three values explains is a constraint by itself.
    """
    accepted = [frozenset(values_of(shape, factors)) for shape in served]
    left = [frozenset(values_of(shape, factors)) for shape in refused]
    found: list[Constraint] = []
    while left:
        best = _best_explanation(left, accepted) or left[0]
        found.append(best)
        left = [values for values in left if not best <= values]
    return found


def is_allowed(shape: Shape, constraints: Iterable[Constraint], factors: Factors) -> bool:
    """Whether a shape has no values that may not occur together."""
    values = frozenset(values_of(shape, factors))
    return not any(each <= values for each in constraints)


def in_words(constraint: Constraint, spec: RequestSpec) -> str:
    """The values of a constraint, for people."""
    places = {name: place for place, name in enumerate(spec.factors)}
    ordered = sorted(constraint, key=lambda factor: (places.get(factor[0], len(places)), factor[0]))
    return " with ".join(f"{name} {spec.named(name, value)}" for name, value in ordered)


def _best_explanation(left: Sequence[Constraint], accepted: Sequence[Constraint]) -> Constraint | None:
    best: tuple[int, int, Constraint] | None = None
    for size in range(1, CONSTRAINT_SIZE_MAX + 1):
        explained = Counter(
            frozenset(some) for values in left for some in combinations(sorted(values, key=str), size)
        )
        for some, count in explained.items():
            if best is not None and (count, -size) <= best[:2]:
                continue
            if not any(some <= other for other in accepted):
                best = (count, -size, some)
    return best[2] if best else None


def concerns(constraint: Constraint, factors: Factors) -> bool:
    """Whether a constraint is about values that these factors have."""
    return all(value in factors.get(name, ()) for name, value in constraint)


def _rule(constraint: Constraint, places: Mapping[str, Mapping[Any, int]]) -> dict[str, Any]:
    equal = [
        {"operator": "eq", "left": name, "value": places[name][value]}
        for name, value in sorted(constraint, key=str)
    ]
    return {"operator": "not", "condition": {"operator": "and", "conditions": equal}}
