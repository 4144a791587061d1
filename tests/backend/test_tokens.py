"""Tokens that are made here are what the library makes that the proxy reads them with."""

import jwt
import pytest

from harness.backend.auth import user_of
from harness.backend.tokens import ALGORITHM, USER_FIELD, issue_token

SECRET = "0f" * 32


@pytest.mark.parametrize("user", ["a", "oauth/google:117", "\u00e9 \u4e2d", 'with "quotes"'])
def test_token_is_the_librarys(user: str) -> None:
    token = issue_token(user, SECRET)
    assert token == jwt.encode({USER_FIELD: user, "version": 3}, SECRET, algorithm=ALGORITHM)
    assert user_of(f"Bearer {token}", SECRET) == user
    assert user_of(f"Bearer {token}", SECRET[::-1] + "1") is None
