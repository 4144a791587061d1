"""Whom a row is accounted to, from the identities of a rollout: patterns of users, and users of addresses. Pure."""

import re
from collections.abc import Collection
from typing import Final

from harness.rollout.checking import PLACEHOLDER
from harness.rollout.tables import Identity, Tables

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


def is_by_address(identity: Identity) -> bool:
    """Whether the identity's requests are accounted to the address that they come from."""
    return identity.user is not None and _ADDRESS in identity.user


def has_account(identity: Identity) -> bool:
    """Whether the identity is a user of its own, whatever the address."""
    return identity.user is not None and _ADDRESS not in identity.user


def stores_header(identity: Identity) -> bool:
    """Whether its rows hold what the rule makes of the header."""
    return identity.value == "{header}"


def address_of(user: str, identities: Collection[Identity]) -> str | None:
    """What stands for the client's address in a user's id, by the identities that are told by it; None where nothing.

    The longest text around it is taken, since one that is only the address fits every id.
    """
    found: list[tuple[int, str]] = []
    for text in {identity.user for identity in identities if identity.user and _ADDRESS in identity.user}:
        before, _, after = text.partition(_ADDRESS)
        if user.startswith(before) and user.endswith(after) and len(user) > len(before) + len(after):
            found.append((len(before) + len(after), user[len(before) : len(user) - len(after)]))
    return max(found)[1] if found else None


ADDRESSES: Final = ("192.0.2.1", "2001:db8:2:0::16", "::ffff:127.0.0.1", "203.0.113.77")
"""Addresses as a client's may be written."""


def by_address_users(tables: Tables) -> tuple[str, ...]:
    """Ids of users at some addresses; none where no user is told by address."""
    return tuple(address_users(tables, ADDRESSES))
