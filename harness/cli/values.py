"""Values of options: numbers that are finite and in their range, and places that are not blank."""

import math
import os
from typing import Any, Final

import click

WEEK_S: Final = 7 * 86_400.0
COUNT_MAX: Final = 10**9


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


class Place(click.types.StringParamType):
    """A database or a target. Empty, a DSN would mean whatever the environment names, so that it is refused."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text without blanks around it. Fails when nothing is left."""
        text = str(value).strip()
        if not text:
            self.fail("it is empty; name the place, or leave the option out.", param, ctx)
        return text


class PlaceOption(click.Option):
    """An option whose variable in the environment may not be blank either: a secret that is not set looks so."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The variable's value. Raises BadParameter where it is set and blank."""
        names = [self.envvar] if isinstance(self.envvar, str) else list(self.envvar or ())
        for name in names:
            if name in os.environ and not os.environ[name].strip():
                raise click.BadParameter(
                    f"the environment variable {name} is empty; set it, or unset it.", ctx=ctx, param=self
                )
        return super().resolve_envvar_value(ctx)
