"""The table has a row for each measure that a run had, by the bound's own unit."""

from tests.bench.proofs import Compared
from tests.bench.sizes import Size, growth_of, lines_of
from tests.bench.starts import Start
from tests.bench.summary import speeds, table

SIZES = [Size(1000, 1.0, 0.5, 100_000_000), Size(2000, 2.0, 1.0, 130_000_000)]


def test_each_measure_is_a_row_beside_what_was_before() -> None:
    rates = {"wire client": 900.0, "prove's suite": 800.0, "gate at standard": 500.0}
    compared = [Compared("smoke", 3, 10.0, 6.0, {}, {})]
    lines = list(table(list(speeds(rates, 1000.0, compared, SIZES, [Start("`accept`", 0.2, 0.18)]))))
    assert len(lines) == 2 + 6
    assert [line.split(" | ")[-1].rstrip(" |") for line in lines[2:]] == [
        "0.90",
        "1.25",
        "2.00",
        "6.0, of before 0.60",
        "1.30 times",
        "0.18",
    ]


def test_what_was_not_measured_has_no_row() -> None:
    assert list(speeds({}, 0.0, [], SIZES[:1], [])) == []
    assert growth_of(SIZES[:1]) is None
    assert list(lines_of([])) == []
