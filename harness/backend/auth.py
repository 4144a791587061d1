"""Who a request's token names."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import jwt

from harness.backend.tokens import ALGORITHM, USER_FIELD

TIMES: Final = frozenset({"exp", "nbf", "iat"})
"""Claims by which a token is valid at one time and not at another (RFC 7519, 4.1)."""


def user_of(authorization: str | None, secret: str) -> str | None:
    """The user that a valid `Bearer` token names, or None for any other value; the caller decides what that means."""
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        claims = _lasting(token.strip(" "), secret) or _verified(token.strip(" "), secret)
    except jwt.PyJWTError:
        return None
    user = claims.get(USER_FIELD)
    return user if isinstance(user, str) and user else None


def _verified(token: str, secret: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, secret, algorithms=[ALGORITHM])
    return claims


@lru_cache(maxsize=64)
def _lasting(token: str, secret: str) -> Mapping[str, Any] | None:
    """What a token says that no time makes invalid, and None of any other, which is to be verified each time."""
    claims = _verified(token, secret)
    return None if claims.keys() & TIMES else claims
