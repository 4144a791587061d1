"""Strategies for headers: each draws what it says, composes with others, and shrinks to something small."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from harness import UsageError, header_values, headers, load_rollout, stored
from harness.data import fixture_path
from harness.library.strategies import Which
from harness.rule.policy import LENGTH_ONLY, STRICT
from tests.command import ROOT

ORDERS = ROOT / "tests/rollouts/orders"


@given(headers("valid"))
def test_valid_headers_are_stored(lines: tuple[bytes, ...]) -> None:
    assert STRICT.stored(lines) is not None


@given(headers("invalid"))
def test_invalid_headers_are_not_stored(lines: tuple[bytes, ...]) -> None:
    assert lines
    assert STRICT.stored(lines) is None


@given(header_values("bounds"))
def test_bounds_are_near_the_longest(value: bytes) -> None:
    assert (
        abs(len(value) - 255) <= 3 or len(value) <= 2
    )  # what its length is no part of shrinks to a short one


@given(headers("valid", policy="length-only"))
def test_another_policy_has_its_own(lines: tuple[bytes, ...]) -> None:
    assert LENGTH_ONLY.stored(lines) is not None


@given(st.tuples(headers(), st.dictionaries(header_values("valid"), headers("invalid"), max_size=2)))
def test_strategies_compose(drawn: tuple[tuple[bytes, ...], dict[bytes, tuple[bytes, ...]]]) -> None:
    lines, others = drawn
    assert all(isinstance(line, bytes) for line in lines)
    assert all(isinstance(value, bytes) for value in others)


@pytest.mark.parametrize(
    ("which", "size"), [("any", 0), ("valid", 1), ("invalid", 1)], ids=["no header", "one byte", "one line"]
)
def test_a_find_shrinks(which: Which, size: int) -> None:
    assert len(b"".join(find(headers(which), lambda _: True))) <= size


def test_another_word_is_refused() -> None:
    with pytest.raises(UsageError, match="no headers 'odd'; there are any, valid, invalid, bounds"):
        headers("odd")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["machine-id", "feature", "length-only"])
def test_headers_of_any_rollout_keep_its_rule(name: str) -> None:
    rollout = load_rollout(fixture_path(f"rollouts/{name}"))

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(headers("valid", rollout=rollout), headers("invalid", rollout=rollout))
    def keep(valid: tuple[bytes, ...], invalid: tuple[bytes, ...]) -> None:
        assert stored(valid, rollout=rollout) is not None
        assert stored(invalid, rollout=rollout) is None

    keep()


def test_a_policy_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(UsageError, match="no policy 'x'; give one of strict, length-only"):
        stored("a", policy="x")


def test_bounds_of_an_expression_are_about_its_longest_text(tmp_path: Path) -> None:
    source = "[A-Z]{2}[0-9]{1,4}(/[a-z]{1,8})?"
    folder = shutil.copytree(ORDERS, tmp_path / "orders")
    text = (folder / "rollout.toml").read_text().replace("[a-z]{2}-[0-9a-f]{8}", source)
    (folder / "rollout.toml").write_text(text.replace("eu-0123abcd", "EU1"))
    rollout = load_rollout(folder)
    bounds = header_values("bounds", rollout=rollout)
    assert len(find(bounds, lambda value: len(value) == 16)) == 16
    assert (
        len(find(bounds, lambda value: stored(value, rollout=rollout) is not None and len(value) > 14)) == 15
    )
