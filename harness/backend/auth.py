"""Who a request's token names."""

from typing import Final

import jwt

ALGORITHM: Final = "HS256"
USER_FIELD: Final = "kiloUserId"


def issue_token(user_id: str, secret: str) -> str:
    """A token that the reference proxy accepts for this user; it does not expire."""
    return jwt.encode({USER_FIELD: user_id, "version": 3}, secret, algorithm=ALGORITHM)


def user_of(authorization: str | None, secret: str) -> str | None:
    """The user that a valid `Bearer` token names, or None for any other value; the caller decides what that means."""
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        user = jwt.decode(token.strip(" "), secret, algorithms=[ALGORITHM]).get(USER_FIELD)
    except jwt.PyJWTError:
        return None
    return user if isinstance(user, str) and user else None
