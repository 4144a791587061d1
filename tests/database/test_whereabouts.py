"""A role that may read what a claim needs will do; a table that it does not find is told with the grant that helps."""

import pytest

from harness.sut.foreign_rows import DatabaseUnavailableError, ForeignRows
from harness.verdict import Status
from tests.database.readers import READS, C, T, U, granted, judged, put


@pytest.mark.parametrize("value", ["fine", "a b"])
def test_a_role_that_may_read_what_a_claim_needs_will_do(ready_dsn: str, value: str) -> None:
    put(ready_dsn, value)
    reads = f"GRANT SELECT (id, kilo_user_id) ON {U} TO {{role}}; GRANT SELECT (id, {C}) ON {T} TO {{role}}"
    with granted(ready_dsn, reads) as dsn:
        assert judged(dsn)["D1"].status is (Status.PROVEN if value == "fine" else Status.REFUTED)
        assert judged(dsn)["M4"].status is Status.PROVEN
    with granted(ready_dsn, f"GRANT SELECT ({C}) ON {T} TO {{role}}") as dsn:
        assert judged(dsn)["M4"].status is Status.PROVEN
        assert judged(dsn)["D1"].status is Status.UNKNOWN
    with granted(
        ready_dsn, f"GRANT SELECT ON {U} TO {{role}}; GRANT SELECT (id, message_id) ON {T} TO {{role}}"
    ) as dsn:
        assert {name: one.status for name, one in judged(dsn).items()} == {
            "M3": Status.PROVEN,
            "M4": Status.UNKNOWN,
            "D1": Status.UNKNOWN,
        }


GRANTS = [
    pytest.param(
        ("REVOKE ALL ON SCHEMA public FROM PUBLIC", READS), 'GRANT USAGE ON SCHEMA "public" TO', id="no usage"
    ),
    pytest.param(
        (READS, "ALTER ROLE {role} SET search_path = nowhere"), 'SET search_path = "public"', id="path"
    ),
    pytest.param(
        (READS, "REVOKE ALL ON SCHEMA public FROM PUBLIC", "ALTER ROLE {role} SET search_path = nowhere"),
        'GRANT USAGE ON SCHEMA "public" TO',
        id="neither",
    ),
    pytest.param(
        (
            f'CREATE SCHEMA "App One"; ALTER TABLE {T} SET SCHEMA "App One"; ALTER TABLE {U} SET SCHEMA "App One"',
            'ALTER ROLE {role} SET search_path = "App One", public',
        ),
        'GRANT USAGE ON SCHEMA "App One" TO',
        id="quoted",
    ),
    pytest.param((f"DROP TABLE {T}, {U} CASCADE",), "is not there", id="not there at all"),
]


@pytest.mark.parametrize(("statements", "told"), GRANTS)
async def test_a_table_that_is_not_found_is_told_with_the_grant(
    ready_dsn: str, statements: tuple[str, ...], told: str
) -> None:
    with granted(ready_dsn, *statements) as dsn:
        claims = judged(dsn)
        with pytest.raises(DatabaseUnavailableError) as away:
            await ForeignRows.connect(dsn)
    for words in (*(one.detail for one in claims.values()), str(away.value)):
        assert told in words
    assert {one.status for one in claims.values()} == {Status.UNKNOWN}
