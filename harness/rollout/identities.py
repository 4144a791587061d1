"""Whom a row is accounted to, from the identities of a rollout: patterns of users, and users of addresses. Pure."""

import re
from collections.abc import Collection
from typing import Final

from harness.rollout.checking import PLACEHOLDER
from harness.rollout.tables import Tables

RESERVED: Final = r"((::ffff:)?(192\.0\.2|198\.51\.100|203\.0\.113)\.|2001:0?db8:)"
"""How an address for documentation begins, which a run sends and nobody has (RFC 3849, RFC 5737)."""
_ADDRESS: Final = "{client_address}"


def header_users(tables: Tables) -> tuple[str, ...] | None:
    """Patterns of LIKE for users whose rows hold what the rule makes of the header; None where that is everybody."""
    users = [identity.user for identity in tables.identity if identity.value == "{header}"]
    patterns = [_like(user) if user is not None else "%" for user in users]
    return None if "%" in patterns or len(users) == 0 else tuple(dict.fromkeys(patterns))


def header_identity(tables: Tables) -> str:
    """What such users are called where they are not everybody: the name of their first identity; else ''."""
    if header_users(tables) is None:
        return ""
    return next(identity.name for identity in tables.identity if identity.value == "{header}")


def address_users(tables: Tables, addresses: Collection[str]) -> list[str]:
    """The users that requests from these addresses are accounted to, sorted; none where no user is told by address."""
    texts = {identity.user for identity in tables.identity if identity.user and _ADDRESS in identity.user}
    return sorted(text.replace(_ADDRESS, address) for text in texts for address in addresses)


def reserved_users(tables: Tables) -> str | None:
    """A regular expression of PostgreSQL for users at addresses for documentation; None where none is told by one."""
    texts = {identity.user for identity in tables.identity if identity.user and _ADDRESS in identity.user}
    prefixes = sorted(re.escape(text.partition(_ADDRESS)[0]) for text in texts)
    return f"^({'|'.join(prefixes)}){RESERVED}" if prefixes else None


def _like(text: str) -> str:
    """A pattern for a text with parameters in it, each of which stands for anything."""
    parts = [re.sub(r"([\\%_])", r"\\\1", part) for part in PLACEHOLDER.sub("\0", text).split("\0")]
    return "%".join(parts)
