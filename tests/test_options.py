"""No value of any option gives a traceback, or exit code 1 without a verdict: each is taken, or refused with 2."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cli import app
from harness.errors import UsageError

ODD = ("", " ", "nan", "-inf", "1e999", "é", "-1", "0x10", "a" * 5000)
NO_UTF8 = ("\udcff", "caf\udce9", "http://\udcff", "a: \udcff", "V1=\udcff", "x/\udcff")
"""Bytes beyond UTF-8 as Python has them in argv and in the environment."""
NOBODY = 65534
HUGE = "999999999999999999999999"


def command_of(name: str) -> click.Command:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    return command


def options() -> Iterator[tuple[str, click.Parameter]]:
    for name in app.list_commands(click.Context(app)):
        for parameter in command_of(name).params:
            if isinstance(parameter, click.Argument) or not getattr(parameter, "is_flag", False):
                yield name, parameter


def parsed(name: str, parameter: click.Parameter, value: str) -> Exception | None:
    """What parsing a command with this value raises that ends in 2; nothing of the command runs."""
    command = command_of(name)
    word = [] if isinstance(parameter, click.Argument) else [max(parameter.opts, key=len)]
    others = [
        part
        for other in command.params
        if other.required and other is not parameter and other.opts[0].startswith("--")
        for part in (other.opts[0], _fitting(other))
    ]
    try:
        command.make_context(
            name, [*others, *word, *(_arguments(command, parameter, value) if not word else [value])]
        )
    except (click.UsageError, UsageError) as error:
        return error
    return None


def _arguments(command: click.Command, parameter: click.Parameter, value: str) -> list[str]:
    """All arguments of a command, one of them with this value."""
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    return ["--", *(value if each is parameter else "x" for each in arguments)]


def _fitting(parameter: click.Parameter) -> str:
    return parameter.type.choices[0] if isinstance(parameter.type, click.Choice) else "http://127.0.0.1"


Case = tuple[str, click.Parameter]
CASES: list[Case] = list(options())


def told(case: object) -> str | None:
    """A case's id in pytest's lines."""
    return case.name if isinstance(case, click.Parameter) else None


@contextmanager
def without_rights() -> Iterator[None]:
    """As an ordinary user, whom a file may be kept from."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(("name", "parameter"), CASES, ids=told)
def test_odd_values_are_taken_or_refused(
    name: str, parameter: click.Parameter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    unreadable = tmp_path / "unreadable"
    unreadable.write_text("x")
    unreadable.chmod(0)
    for value in (*ODD, HUGE, f"-{HUGE}", str(tmp_path), str(unreadable), str(tmp_path / "none" / "x")):
        with without_rights():
            parsed(name, parameter, value)  # any other exception fails the test


@pytest.mark.parametrize(("name", "parameter"), CASES, ids=told)
def test_what_is_no_utf8_is_refused_with_its_option(
    name: str, parameter: click.Parameter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATABASE_URL", "dbname=x")  # where it is required
    for value in NO_UTF8:
        error = parsed(name, parameter, value)
        assert isinstance(error, click.UsageError), value
        assert error.exit_code == 2
        message = error.format_message()
        assert (
            parameter.opts[0] if isinstance(parameter, click.Option) else parameter.opts[0].upper()
        ) in message
        assert "0xff" in message or "0xe9" in message
        assert message.isascii()


VARIABLES = [case for case in CASES if isinstance(case[1].envvar, str)]


@pytest.mark.parametrize(("name", "parameter"), VARIABLES, ids=told)
def test_what_is_no_utf8_is_refused_with_its_variable(
    name: str, parameter: click.Parameter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(parameter.envvar, str)
    monkeypatch.setenv(parameter.envvar, "caf\udce9")
    with pytest.raises(click.UsageError) as refused:
        command_of(name).make_context(name, _required(name, parameter))
    message = refused.value.format_message()
    assert f"(env var: '{parameter.envvar}'): it is no UTF-8: byte 0xe9 is its character 4" in message


NUMBERS = [case for case in CASES if isinstance(case[1].type, click.FloatRange | click.IntRange)]


@pytest.mark.parametrize(("name", "parameter"), NUMBERS, ids=told)
def test_a_number_is_finite_and_in_its_range(name: str, parameter: click.Parameter) -> None:
    for value in ("", " ", "nan", "NaN", "inf", "-inf", "Infinity", "1e999", "one", f"-{HUGE}"):
        error = parsed(name, parameter, value)
        assert isinstance(error, click.UsageError), value
        assert "range" in error.format_message() or "integer" in error.format_message(), (
            error.format_message()
        )


PLACES = [
    case
    for case in CASES
    if set(case[1].opts) & {"--database-url", "--target", "--backend-url", "--postgres"}
]


@pytest.mark.parametrize(("name", "parameter"), PLACES, ids=told)
@pytest.mark.parametrize("value", ["", " ", "\t\n"])
def test_a_place_is_not_blank(
    name: str, parameter: click.Parameter, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = parsed(name, parameter, value)
    assert isinstance(error, click.UsageError)
    assert "it is empty" in error.format_message()
    if isinstance(parameter.envvar, str):
        monkeypatch.setenv(parameter.envvar, value)
        result = CliRunner().invoke(app, [name, *_required(name, parameter)])
        assert result.exit_code == 2
        assert f"the environment variable {parameter.envvar} is empty" in result.output


def _required(name: str, but: click.Parameter) -> list[str]:
    found = []
    for other in command_of(name).params:
        if isinstance(other, click.Argument):
            if other is but:
                continue
            found.append("20260301-120000-00000001")
        elif other.required and other is not but:
            found += [other.opts[0], _fitting(other)]
    return found


REQUIRED = [case for case in CASES if case[1].required]


@pytest.mark.parametrize(("name", "parameter"), REQUIRED, ids=told)
def test_what_is_required_is_asked_for(name: str, parameter: click.Parameter) -> None:
    command = command_of(name)
    with pytest.raises(click.MissingParameter) as refused:
        command.make_context(name, _required(name, parameter))
    is_option = isinstance(parameter, click.Option)
    # of several arguments the last is missing
    names = [each.opts[0].upper() for each in command.params if isinstance(each, click.Argument)]
    assert (parameter.opts[0] if is_option else names[-1]) in refused.value.format_message()


def test_there_is_an_option_of_each_kind() -> None:
    assert len(CASES) > 60
    assert len(NUMBERS) > 12
    assert len(PLACES) > 10
    assert len(REQUIRED) >= 6
    assert os.environ.get("HARNESS_POSTGRES", "embedded").strip()


FILES = [case for case in CASES if {"--json", "--html", "--markdown", "--junit", "--svg"} & {*case[1].opts}]


@pytest.mark.parametrize(("name", "parameter"), FILES, ids=told)
def test_a_report_is_not_worked_for_that_cannot_be_written(name: str, parameter: click.Parameter) -> None:
    words = [*_required(name, parameter), parameter.opts[0], "/nonexistent/report"]
    with pytest.raises(UsageError, match="cannot write /nonexistent/report"):
        CliRunner().invoke(command_of(name), words, catch_exceptions=False)


def test_number_that_is_none_is_refused_with_its_range() -> None:
    done = CliRunner().invoke(app, ["upstream", "--port", "x"])
    assert "'x' is no whole number; it must be in the range 0<=x<=65535." in done.output
