"""A target that cannot be used is refused in one line that tells no password."""

import pytest

from harness.errors import UnavailableError, UsageError
from harness.run.example_judge import example_judge
from harness.run.options.fuzz import FuzzedOptions

pytestmark = pytest.mark.usefixtures("own_journals")


async def enter(options: FuzzedOptions) -> None:
    async with example_judge(options):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://[::1",
        "http://u@127.0.0.1",
        "http://127.0.0.1/?a",
        "127.0.0.1:3000",
        "",
    ],
)
async def test_target_that_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="without a path"):
        await enter(FuzzedOptions(target=url, database_url="host=h"))


@pytest.mark.parametrize("dsn", ["postgres//u:secret@h/db", "secret", "postgresql://u:secret@[h/db"])
async def test_unreadable_database_url_is_refused_without_being_quoted(dsn: str) -> None:
    options = FuzzedOptions(target="http://127.0.0.1:3000", database_url=dsn)
    with pytest.raises(UsageError) as refused:
        await enter(options)
    assert "secret" not in str(refused.value)


async def test_target_needs_a_database_that_answers() -> None:
    with pytest.raises(UsageError, match="needs --database-url"):
        await enter(FuzzedOptions(target="http://127.0.0.1:3000"))
    dsn = "postgresql://me:geheim@127.0.0.1:1/x"
    with pytest.raises(UnavailableError, match="check --database-url") as refused:
        await enter(FuzzedOptions(target="http://127.0.0.1:3000", database_url=dsn))
    assert "geheim" not in str(refused.value)
