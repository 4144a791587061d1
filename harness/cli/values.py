"""Values of options: numbers that are finite and in their range, places that are not blank, pairs, lines of headers."""

import math
import os
from typing import Any

import click

from harness.run.options.definition import COUNT_MAX


class Finite(click.FloatRange):
    """A number in a range; neither infinity nor what is no number, which compare with nothing."""

    def __init__(self, least: float, most: float, *, min_open: bool = False) -> None:
        super().__init__(least, most, min_open=min_open)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As a number. Fails with the range named."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            self.fail(
                f"{value!r} is no number; it must be in the range {self._describe_range()}.", param, ctx
            )
        if not math.isfinite(number):
            self.fail(f"{value} is not finite; it must be in the range {self._describe_range()}.", param, ctx)
        found: float = super().convert(value, param, ctx)
        return found


class Count(click.IntRange):
    """A whole number in a range."""

    def __init__(self, least: int = 1, most: int = COUNT_MAX) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """As a number. Fails with the range named."""
        try:
            found: int = super().convert(int(value), param, ctx)
        except ValueError:
            self.fail(
                f"{value!r} is no whole number; it must be in the range {self._describe_range()}.", param, ctx
            )
        return found


class PlaceType(click.types.StringParamType):
    """A database or a target. Empty, a DSN would mean whatever the environment names, so that it is refused."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text without blanks around it. Fails when nothing is left."""
        text = str(value).strip()
        if not text:
            self.fail("it is empty; name the place, or leave the option out.", param, ctx)
        return text


class Pair(click.types.StringParamType):
    """A name and its value from NAME=VALUE; quotes around the value are no part of it."""

    name = "pair"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Both texts, without blanks around them. Fails where there is no `=`, in the words of the metavar."""
        name, equals, text = str(value).partition("=")
        if not equals:
            names = (param.metavar if param else None) or "NAME=VALUE"
            left, _, right = names.partition("=")
            self.fail(f"{value!r} gives no {right.lower()}; write {left}='{right.lower()}'", param, ctx)
        return name.strip(), text.strip().strip("\"'")


class HeaderLine(click.types.StringParamType):
    """A header line; in the environment there is one a line."""

    name = "line"
    envvar_list_splitter = "\n"


def header_lines(
    context: click.Context, parameter: click.Parameter, lines: tuple[str, ...]
) -> tuple[str, ...]:
    """The lines of the command line, and those of the variable whose names it does not give.

    Raises UsageError for what is no header that may be given.
    """
    from harness.run.options.shared import given_headers

    if context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE:
        named = {_name(line) for line in lines}
        variable = os.environ.get(str(parameter.envvar), "")
        lines = (*lines, *(line for line in variable.split("\n") if _name(line) not in named))
    lines = tuple(line for line in lines if line.strip())
    if lines:
        given_headers(lines)
    return lines


def _name(line: str) -> str:
    return line.partition(":")[0].strip().lower()


def check_variable(option: click.Option, ctx: click.Context) -> None:
    """Raises BadParameter where the variable of an option is set and blank."""
    name = option.envvar
    if isinstance(name, str) and name in os.environ and not os.environ[name].strip():
        raise click.BadParameter(
            f"the environment variable {name} is empty; set it, or unset it.", ctx=ctx, param=option
        )
