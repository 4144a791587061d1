"""How a column and an index differ from their declaration: not at all, missing, unfinished, or of another shape."""

from dataclasses import replace

import pytest

from harness.database.declaration import (
    EXPECTED_COLUMN,
    EXPECTED_INDEX,
    DifferenceKind,
    Index,
    column_difference,
    index_difference,
)

BESIDE = replace(EXPECTED_INDEX, name="another")


def test_declared_facts_do_not_differ() -> None:
    assert column_difference([replace(EXPECTED_COLUMN, name="id"), EXPECTED_COLUMN]) is None
    assert index_difference([BESIDE, EXPECTED_INDEX]) is None


def test_facts_of_other_names_do_not_count() -> None:
    column = column_difference([replace(EXPECTED_COLUMN, name="id")])
    assert column is not None
    assert (column.kind, column.describe()) == (DifferenceKind.MISSING, "there is no such column")
    index = index_difference([BESIDE])
    assert index is not None
    assert (index.kind, index.describe()) == (DifferenceKind.MISSING, "there is no such index")


@pytest.mark.parametrize(
    "found",
    [
        replace(EXPECTED_COLUMN, type="uuid"),
        replace(EXPECTED_COLUMN, not_null=True),
        replace(EXPECTED_COLUMN, default="''"),
        replace(EXPECTED_COLUMN, volatile_default=True),
    ],
)
def test_column_differs_in_each_of_its_facts(found: object) -> None:
    difference = column_difference([found])  # type: ignore[list-item]
    assert difference is not None
    assert difference.kind is DifferenceKind.OTHER


@pytest.mark.parametrize("state", ["valid", "ready", "live"])
def test_index_of_the_declared_shape_is_unfinished(state: str) -> None:
    difference = index_difference([replace(EXPECTED_INDEX, **{state: False})])  # type: ignore[arg-type]
    assert difference is not None
    assert difference.kind is DifferenceKind.UNFINISHED


@pytest.mark.parametrize(
    "found",
    [
        replace(EXPECTED_INDEX, method="hash"),
        replace(EXPECTED_INDEX, columns=("id",)),
        replace(EXPECTED_INDEX, predicate="(id IS NULL)"),
        replace(EXPECTED_INDEX, unique=True),
        replace(EXPECTED_INDEX, unlike=("text_pattern_ops",)),
        replace(EXPECTED_INDEX, valid=False, unique=True),
    ],
)
def test_index_of_another_shape_is_other_valid_or_not(found: Index) -> None:
    difference = index_difference([found])
    assert difference is not None
    assert difference.kind is DifferenceKind.OTHER
    assert difference.describe() == found.describe()
