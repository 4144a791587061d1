"""Who a request's token names."""

import jwt

from harness.backend.tokens import ALGORITHM, USER_FIELD


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
