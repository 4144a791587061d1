"""Characters by name, for sentences: a dot, a blank, a digit 7, the byte 0xE9."""

from typing import Final

_NAMES: Final = {
    "\t": "a tab",
    " ": "a blank",
    "!": "an exclamation mark",
    '"': "a double quote",
    "#": "a number sign",
    "$": "a dollar sign",
    "%": "a percent sign",
    "&": "an ampersand",
    "'": "a single quote",
    "(": "an opening parenthesis",
    ")": "a closing parenthesis",
    "*": "an asterisk",
    "+": "a plus",
    ",": "a comma",
    "-": "a hyphen",
    ".": "a dot",
    "/": "a slash",
    ":": "a colon",
    ";": "a semicolon",
    "<": "a less-than sign",
    "=": "an equals sign",
    ">": "a greater-than sign",
    "?": "a question mark",
    "@": "an at sign",
    "[": "an opening bracket",
    "\\": "a backslash",
    "]": "a closing bracket",
    "^": "a circumflex",
    "_": "an underscore",
    "`": "a backtick",
    "{": "an opening brace",
    "|": "a vertical bar",
    "}": "a closing brace",
    "~": "a tilde",
}


def named(code: int) -> str:
    """A code unit with its article, as a sentence has it."""
    character = chr(code)
    if character in _NAMES:
        return _NAMES[character]
    if character.isascii() and character.isalnum():
        kind = "digit" if character.isdigit() else "letter"
        return f"the {kind} {character}"
    return f"the character U+{code:04X}"
