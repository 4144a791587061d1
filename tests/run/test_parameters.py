"""Parameters of a rollout, from options, files and the environment; a secret is on no command line, in no report."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.report.document import cleaned, to_json
from harness.run.under_test import UnderTest, under_test
from tests.report.sample import report

SECRET = "not-for-any-report"


def given(*settings: str, **options: str) -> UnderTest:
    return under_test(None, "strict", settings, options)


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_AUTH_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("token=" + SECRET, "is a secret, and other users of this machine read command lines"),
        ("token", "gives no value"),
        ("tokn=1", "has no such parameter; it has model, token"),
        ("token=@nowhere.txt", "the file cannot be read: No such file"),
        ("token=@empty.txt", "the file is empty"),
        ("token=@bytes.txt", "it is not UTF-8"),
    ],
)
def test_parameter_that_cannot_be_taken_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff")
    with pytest.raises(UsageError) as refused:
        given(setting)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_secret_from_a_file_is_in_no_report_and_no_line(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text(SECRET + "\n")
    tested = given(f"token=@{tmp_path / 'token.txt'}", "model=free")
    assert tested.parameters["token"] == SECRET
    assert SECRET not in tested.options
    told = report(remarks=(f"the server said {SECRET}",))
    assert SECRET in to_json(told)
    assert SECRET not in to_json(cleaned(told, tested.given.masked))


def test_a_setting_goes_before_an_option_and_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_AUTH_TOKEN", "from the environment")
    assert given().parameters["token"] == "from the environment"
    assert given(token="from the option").parameters["token"] == "from the option"
    (tmp_path / "token.txt").write_text("from the file")
    given_all = given(f"token=@{tmp_path / 'token.txt'}", token="from the option")
    assert given_all.parameters["token"] == "from the file"


def test_what_every_request_needs_is_not_guessed() -> None:
    with pytest.raises(UsageError, match=r"parameter model .* has no value, and is not guessed"):
        given().caller("after")
    assert given("model=free").caller("after").policy.name == "strict"
