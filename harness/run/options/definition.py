"""How a field of a definition says what a user may give for it: `Annotated[type, Option(...), a bound]`.

The field's name is the option's, its default the option's, and its type says what is accepted:

    bool                          a flag
    int, float                    a number, with a `Range`
    an Enum of strings            one of its values; a str with `Choices` one of these
    Path                          a file, which need not be there; with `FolderOption` a folder, too
    tuple[...], frozenset[...]    may be repeated; where it is not given, the default
    Mapping[str, str]             NAME=VALUE, may be repeated
    ... | None                    need not be given
    another definition            the options of that one

A field without `Option` or `Argument` is no option. Nothing here knows who reads the command line.
"""

from typing import Final, NamedTuple

WEEK_S: Final = 7 * 86_400.0
COUNT_MAX: Final = 10**9


class Option(NamedTuple):
    """An option of the command line: effect, unit and example in a few words; range and default are added to them."""

    help: str
    name: str = ""
    """With its hyphens, where it is not the field's: `--time-limit` of `time_limit_s`."""
    off: str = ""
    """Of a flag that is on by default: what turns it off."""
    metavar: str = ""
    variable: str = ""
    """Of the environment; what the command line says goes before it."""
    group: str = ""
    """The heading under which `--help` shows it."""
    secret: bool = False
    """No report and no error message holds the value."""


class Argument(NamedTuple):
    """A word of the command line without the name of an option before it."""

    stdin: bool = False
    """`-` stands for standard input."""


class Range(NamedTuple):
    """Bounds of a number, both allowed unless `above`, which leaves the lower one out; never NaN or infinity."""

    least: float = 1
    most: float = COUNT_MAX
    above: bool = False


class Choices(NamedTuple):
    """The words that a text may be."""

    words: tuple[str, ...]


class PlaceValue:
    """Marks a text that names a database or a target. Blank, a DSN would mean what the environment names: refused."""


class FolderOption:
    """Marks a path that may be a folder."""


class HeaderLines:
    """Marks texts `NAME: VALUE`. The variable holds one a line, and adds those whose names the command line lacks."""
