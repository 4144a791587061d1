"""An error that nobody foresaw ends in 3 with one line and a file of details, in which no secret stands."""

import sys
from pathlib import Path

import pytest

from harness import cli

SECRET = "postgresql://me:geheim@db/x"


def ended(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """The exit code of a command in which this is raised."""

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli.app, "main", fails)
    monkeypatch.setattr(sys, "argv", ["harness", "gate", "--database-url", SECRET])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize(
    "error",
    [
        TypeError(f"cannot read {SECRET}"),
        ZeroDivisionError(),
        UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
        RecursionError("too deep\nsecond line"),
        OSError(28, "No space left on device"),
        ExceptionGroup("several", [ValueError("one"), KeyError("two")]),
        AssertionError("\x1b[31mred"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_it_ends_in_3_with_one_line_and_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert ended(monkeypatch, error) == 3
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(
        f"harness: an error that was not foreseen ended this without an answer ({type(error).__name__}"
    )
    assert "\x1b" not in told
    (file,) = (tmp_path / "rollout-harness" / "errors").iterdir()
    assert str(file) in told
    details = file.read_text(encoding="utf-8")
    assert "Traceback" in details
    assert "harness gate --database-url" in details
    assert "geheim" not in told + details


def test_where_no_file_can_be_written_the_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/none")
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/proc/none")
    assert ended(monkeypatch, ValueError("x")) == 3
    assert "no file could be written for details" in capsys.readouterr().err
