"""Commands whose options follow from definitions (`run/options/definition`): each comes to its command filled in."""

import enum
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import (
    Annotated,
    Any,
    NamedTuple,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import click

from harness.cli import values
from harness.cli.exit_codes import meanings
from harness.cli.parameters import GroupedCommand, TextArgument, TextOption
from harness.run.options.definition import (
    Argument,
    Choices,
    FolderOption,
    HeaderLines,
    Option,
    PlaceValue,
    Range,
)

Definition = TypeVar("Definition")
Marker = TypeVar("Marker")


class Member(NamedTuple):
    """A field of a definition."""

    field: Field[Any]
    kind: Any
    """Its type without `Annotated`, `None`, and the collection that makes it repeatable."""
    collection: Any
    """`tuple`, `frozenset`, `Mapping`, or None where it is given once."""
    markers: tuple[Any, ...]
    """What `Annotated` adds to the type."""

    def marker(self, sort: type[Marker]) -> Marker | None:
        """The marker of this class; None where there is none."""
        return next((marker for marker in self.markers if isinstance(marker, sort)), None)

    @property
    def is_definition(self) -> bool:
        """Whether it holds options of its own."""
        return is_dataclass(self.kind)

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.field.default is MISSING and self.field.default_factory is MISSING


def command(*, good: str, bad: str = "") -> Callable[[Callable[..., int]], click.Command]:
    """Makes a command of a function: called with its definitions, which are the types of its parameters, filled in.

    The function's docstring is the help, and what it returns the exit code: 0 for what `good` says in a few words, 1
    for what `bad` says; empty where there is no bad answer.
    """
    return lambda function: _command(function, meanings(good, bad))


def _command(function: Callable[..., int], codes: list[tuple[str, str]]) -> click.Command:
    definitions = [hint for name, hint in get_type_hints(function).items() if name != "return"]

    def called(**given: Any) -> int:
        _keep_out_of_the_working_directory()
        return function(*(filled(definition, given) for definition in definitions))

    parameters = [parameter for definition in definitions for parameter in parameters_of(definition)]
    name = function.__name__.replace("_", " ")
    made = GroupedCommand(name, callback=called, help=function.__doc__, params=parameters)
    made.codes = codes
    return made


def _keep_out_of_the_working_directory() -> None:
    """Lets Hypothesis keep what it stores in the user's cache: it would make a folder .hypothesis wherever one is."""
    from harness.data import cache_path

    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(cache_path("hypothesis")))


def members(definition: type[Any]) -> Iterator[Member]:
    """Fields of a definition that the command line fills: options, arguments and definitions."""
    hints = get_type_hints(definition, include_extras=True)
    for field in fields(definition):
        kind: Any = hints[field.name]
        markers: tuple[Any, ...] = ()
        while True:
            if get_origin(kind) is Annotated:
                kind, *more = get_args(kind)
                markers = (*markers, *more)
            elif type(None) in get_args(kind):
                (kind,) = (part for part in get_args(kind) if part is not type(None))
            else:
                break
        collection = get_origin(kind)
        member = Member(field, get_args(kind)[0] if collection else kind, collection, markers)
        if member.is_definition or any(isinstance(marker, Option | Argument) for marker in markers):
            yield member


def parameters_of(definition: type[Any]) -> list[click.Parameter]:
    """Parameters of click for the fields of a definition, and of those in it."""
    parameters: list[click.Parameter] = []
    for member in members(definition):
        if member.is_definition:
            parameters += parameters_of(member.kind)
        elif option := member.marker(Option):
            parameters.append(_option(member, option))
        else:
            parameters.append(
                TextArgument(
                    [member.field.name],
                    required=member.is_required,
                    type=_type(member),
                    nargs=-1 if member.collection else 1,
                )
            )
    return parameters


def filled(definition: type[Definition], given: Mapping[str, Any]) -> Definition:
    """A definition with what click read, by the names of the fields; what was not given has its default."""
    read: dict[str, Any] = {}
    for member in members(definition):
        name = member.field.name
        if member.is_definition:
            read[name] = filled(member.kind, given)
        elif given[name] is not None and given[name] != ():
            read[name] = _converted(member, given[name])
    return definition(**read)


def secrets_of(filled: Any) -> Iterator[str]:
    """Texts that a definition holds and that nobody may see."""
    for member in members(type(filled)):
        option = member.marker(Option)
        value = getattr(filled, member.field.name)
        if member.is_definition:
            yield from secrets_of(value)
        elif option and option.secret and isinstance(value, str):
            yield value


def _option(member: Member, option: Option) -> click.Option:
    name = option.name or f"--{member.field.name.replace('_', '-')}"
    default = _shown_default(member)
    return TextOption(
        [f"{name}/{option.off}" if option.off else name, member.field.name],
        option,
        help=option.help,
        metavar=option.metavar or None,
        envvar=option.variable or None,
        show_envvar=True,
        required=member.is_required,
        multiple=member.collection is not None,
        show_default=default is not None,
        callback=values.header_lines if member.marker(HeaderLines) else None,
        **({"is_flag": True} if member.kind is bool else {"type": _type(member)}),
        **({} if default is None else {"default": default}),
    )


def _shown_default(member: Member) -> Any:
    """A default for `--help`; None where there is nothing to show. It must be left out then: to click None is a value,
    and with it an option that is required would count as given."""
    default = member.field.default
    if member.is_required or member.collection or default is False or default == "":
        return None
    return str(default) if isinstance(default, enum.Enum) else default


def _type(member: Member) -> "click.ParamType[Any]":
    if bounds := member.marker(Range):
        if member.kind is int:
            return values.Count(int(bounds.least), int(bounds.most))
        return values.Finite(bounds.least, bounds.most, min_open=bounds.above)
    if choices := member.marker(Choices):
        return click.Choice(choices.words)
    if member.collection is Mapping:
        return values.Pair()
    if member.kind is Path:
        argument = member.marker(Argument)
        stdin = argument is not None and argument.stdin
        return click.Path(dir_okay=member.marker(FolderOption) is not None, allow_dash=stdin, path_type=Path)
    if issubclass(member.kind, enum.Enum):
        return click.Choice([str(value) for value in member.kind])
    if member.marker(PlaceValue):
        return values.PlaceType()
    return values.HeaderLine() if member.marker(HeaderLines) else click.STRING


def _converted(member: Member, value: Any) -> Any:
    if member.collection is Mapping:
        return dict(value)
    convert = member.kind if issubclass(member.kind, enum.Enum) else lambda text: text
    return convert(value) if member.collection is None else member.collection(map(convert, value))
