"""A target that cannot be used is refused in one line that tells no password."""

import pytest

from harness.errors import MisuseError
from harness.run.subject import SubjectOptions, address_of, subject


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://[::1",
        "http://u@127.0.0.1",
        "http://127.0.0.1/?a",
        "https://127.0.0.1",
    ],
)
def test_target_that_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(MisuseError, match="without a path"):
        address_of(url)


def test_target_without_a_port_is_on_the_port_of_http() -> None:
    assert address_of("http://127.0.0.1") == ("127.0.0.1", 80)
    assert address_of("http://[::1]:3000/") == ("::1", 3000)


@pytest.mark.parametrize("dsn", ["postgres//u:secret@h/db", "secret", "postgresql://u:secret@[h/db"])
async def test_unreadable_database_url_is_refused_without_being_quoted(dsn: str) -> None:
    options = SubjectOptions(target="http://127.0.0.1:3000", database_url=dsn)
    with pytest.raises(MisuseError) as refused:
        async with subject(options):
            pass
    assert "secret" not in str(refused.value)
