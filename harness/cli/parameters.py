"""Click's parameters and commands as ours are: UTF-8 alone, options in groups, exit codes below them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from harness.cli import second_words, values
from harness.run.options.definition import Option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

NAMES_MAX: Final = 30
"""Columns for the names of options; longer ones have a line of their own."""
USUAL_GROUP: Final = "Options"
"""The heading of options that have none of their own."""


class _Utf8(click.Parameter):
    """A parameter that refuses what is no UTF-8: no report could hold it, and no terminal show it."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """The value as its type reads it. Raises BadParameter, which does not quote the value: it may be secret."""
        for text in value if isinstance(value, tuple | list) else (value,):
            try:
                str(text).encode()
            except UnicodeEncodeError as error:  # Python has such bytes as lone surrogates, U+DC80 to U+DCFF
                byte = ord(error.object[error.start]) & 0xFF
                problem = f"it is no UTF-8: byte 0x{byte:02x} is its character {error.start + 1}"
                raise click.BadParameter(f"{problem}; give it in UTF-8", ctx, self) from None
        return super().type_cast_value(ctx, value)


class TextArgument(_Utf8, click.Argument):
    """An argument of a definition."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """What it may be, and the second word of a command that has one: `report diff` beside `report FILE`."""
        from click.shell_completion import CompletionItem

        words = [word for word in second_words(ctx.info_name or "") if word.startswith(incomplete)]
        return [*map(CompletionItem, words), *super().shell_complete(ctx, incomplete)]


class TextOption(_Utf8, click.Option):
    """An option of a definition."""

    def __init__(self, names: list[str], option: Option, **given: Any) -> None:
        super().__init__(names, **given)
        self.group = option.group or USUAL_GROUP

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The variable's value. Raises BadParameter where it names a place and is blank: an unset secret looks so."""
        if isinstance(self.type, values.PlaceType):
            values.check_variable(self, ctx)
        return super().resolve_envvar_value(ctx)


class GroupedCommand(click.Command):
    """A command that shows its options by their groups, and its exit codes below them."""

    codes: Sequence[tuple[str, str]] = ()
    """Each with what it means."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes a section for each group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                groups.setdefault(getattr(parameter, "group", USUAL_GROUP), []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records, col_max=min(NAMES_MAX, formatter.width // 3))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Writes the exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl(self.codes)
