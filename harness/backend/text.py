"""Text as Node cuts and writes it: by UTF-16 code units, and in UTF-8 without lone surrogates."""


def utf16_cut(text: str, units: int) -> str:
    """JavaScript's `slice(0, units)`: a pair that is cut in two leaves a lone surrogate."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "surrogatepass")


def well_formed(text: str) -> str:
    """The text as Node writes it to a socket: U+FFFD for each lone surrogate (ECMA-262, toWellFormed)."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
