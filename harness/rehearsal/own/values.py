"""Values for a column of any type, as SQL over a whole number: equal numbers give equal values, others others. Pure."""

from typing import Final

from psycopg import sql

from harness.rehearsal.own.relations import GivenColumn

WIDTH: Final = 16
"""Characters or bytes of a value whose width nothing says."""
WIDTH_MAX: Final = 4000
"""Longer values would lie outside the table's own pages, and only take time."""
UNBOUNDED: Final = 1 << 62

_SIZES: Final = {
    "bool": 2,
    "int2": 32_000,
    "int4": 2_000_000_000,
    "oid": 2_000_000_000,
    "char": 90,
    "money": 1 << 50,
}
"""How many values the smaller types have; of the others there are as many as there are rows."""
_SIMPLE: Final = {
    "bool": "({n}) % 2 = 0",
    "int2": "(({n}) % 32000)::int2",
    "int4": "(({n}) % 2000000000)::int4",
    "int8": "({n})::int8",
    "oid": "(({n}) % 2000000000)::oid",
    "numeric": "({n})::numeric",
    "float4": "({n})::float4",
    "float8": "({n})::float8",
    "money": "(({n})::numeric)::money",
    "uuid": "md5(({n})::text)::uuid",
    "date": "date '2020-01-01' + (({n}) % 1000000)::int",
    "timestamp": "timestamp '2024-01-01' + ({n}) * interval '1 second'",
    "timestamptz": "timestamptz '2024-01-01 00:00+00' + ({n}) * interval '1 second'",
    "time": "time '00:00' + ({n}) * interval '1 microsecond'",
    "timetz": "timetz '00:00+00' + ({n}) * interval '1 microsecond'",
    "interval": "({n}) * interval '1 second'",
    "inet": "inet '10.0.0.0' + ({n}) % 16000000",
    "cidr": "set_masklen(inet '10.0.0.0' + ({n}) % 16000000, 32)::cidr",
    "macaddr": "lpad(to_hex({n}), 12, '0')::macaddr",
    "point": "point(({n})::float8, 0)",
    "tsvector": "to_tsvector('simple', 'word' || ({n}))",
    "tsquery": "('word' || ({n}))::tsquery",
    "xml": "('<n>' || ({n}) || '</n>')::xml",
    "char": "chr(33 + (({n}) % 90)::int)::\"char\"",
}  # fmt: skip
_TEXTS: Final = ("text", "varchar", "bpchar", "name", "citext")
_RANGES: Final = {
    "int4range": "int4range((({n}) % 2000000000)::int4, (({n}) % 2000000000)::int4 + 1)",
    "int8range": "int8range({n}, ({n}) + 1)",
    "numrange": "numrange({n}, ({n}) + 1)",
    "daterange": "daterange(date '2020-01-01' + (({n}) % 1000000)::int, date '2020-01-02' + (({n}) % 1000000)::int)",
    "tsrange": "tsrange(timestamp '2024-01-01' + ({n}) * interval '1 second', "
    "timestamp '2024-01-01' + (({n}) + 1) * interval '1 second')",
    "tstzrange": "tstzrange(timestamptz '2024-01-01' + ({n}) * interval '1 second', "
    "timestamptz '2024-01-01' + (({n}) + 1) * interval '1 second')",
}


def quoted(*names: str) -> str:
    """A name in SQL, with its schema or table before it."""
    return sql.Identifier(*names).as_string(None)


def domain_size(column: GivenColumn) -> int:
    """How many different values `value_of` can make of a column."""
    if column.words and not column.is_array:
        return len(column.words)
    if column.is_array:
        return UNBOUNDED
    if column.base in _TEXTS and column.length:
        return 1 << 4 * min(column.length, 15)
    if column.base in ("bit", "varbit"):
        return 1 << min(column.length or 1, 60)
    if column.base == "numeric" and column.length:
        return int("1" + "0" * min(column.length, 18))
    return _SIZES.get(column.base, UNBOUNDED)


def value_of(column: GivenColumn, number: str, width: int = 0) -> str:
    """SQL for the column's value of a whole number from 0 on, itself SQL; empty where its type is not known.

    `width` is how many bytes a text or the like takes, 0 where nothing says so; a longer bound is not exceeded.
    """
    element = _element(column, number, min(width or WIDTH, WIDTH_MAX))
    if not element:
        return ""
    return f"(ARRAY[{element}])::{column.type}" if column.is_array else f"({element})::{column.type}"


def _element(column: GivenColumn, number: str, width: int) -> str:
    base = column.base
    if column.kind == "e":
        words = ", ".join(sql.Literal(word).as_string(None) for word in column.words)
        return f"(ARRAY[{words}])[1 + ({number}) % {len(column.words)}]" if column.words else ""
    if column.kind == "r":
        return _RANGES.get(base, "").format(n=number)
    if base in _TEXTS:
        return _text(number, min(width, column.length or (63 if base == "name" else width)))
    if base == "numeric" and column.length:
        digits, scale = min(column.length, 18), min(column.scale, 18)
        return f"(({number}) % 1{'0' * digits})::numeric / 1{'0' * scale}"
    if base == "bytea":
        return f"decode({_text(number, 2 * max(width, 8))}, 'hex')"
    if base in ("json", "jsonb"):
        return f"json_build_object('n', {number}, 'text', {_text(number, max(1, width - 20))})"
    if base in ("bit", "varbit"):
        return f"substring(({number})::bit(64) from {65 - min(column.length or 1, 64)})"
    if base in ("vector", "halfvec"):
        return f"('[' || ({number}) || repeat(',0', {(column.length or 3) - 1}) || ']')"
    return _SIMPLE.get(base, "").format(n=number)


def _text(number: str, width: int) -> str:
    """Hexadecimal digits: of the number where they are few, else of hashes, which 16 digits tell apart."""
    if width < 16:
        return f"right(lpad(to_hex({number}), {width}, '0'), {width})"
    pieces = -(-width // 32)
    digits = " || ".join(f"md5('{piece}' || ({number}))" for piece in range(min(pieces, 3)))
    if pieces > 3:
        digits = f"repeat({digits}, {-(-pieces // 3)})"
    return f"left({digits}, {width})"
