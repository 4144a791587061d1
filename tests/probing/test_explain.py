"""What failed requests have in common is told by the fewest circumstances, and chance is called chance."""

from harness.probing.explain import explain

PATHS = [{"path": path, "stream": stream} for path in "ab" for stream in (True, False)]


def test_one_circumstance_that_all_failures_share_explains_them() -> None:
    failed = [each for each in PATHS if each["stream"]]
    found = explain(failed, [each for each in PATHS if not each["stream"]])
    assert found.circumstances == (("stream", True),)
    assert str(found) == "in 2 of 2 requests with stream True, in none of 2 others"


def test_two_circumstances_are_tried_where_one_does_not_explain() -> None:
    found = explain(PATHS[:1], PATHS[1:])
    assert found.circumstances == (("path", "a"), ("stream", True))


def test_failures_with_nothing_in_common_are_told_by_share() -> None:
    found = explain(PATHS, PATHS * 3)
    assert found.circumstances == ()
    assert str(found) == "in 4 of 16 requests (25 %), under no common circumstance"


def test_where_everything_fails_nothing_is_explained() -> None:
    assert explain(PATHS, []).circumstances == ()
