"""Tokens that are made here are what the library makes that the proxy reads them with."""

import time
from datetime import datetime, timedelta, tzinfo
from typing import Self

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


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_a_token_with_a_time_is_verified_each_time(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    at = now + 1000 if claim == "exp" else now - 1000
    token = jwt.encode({USER_FIELD: "a", claim: at}, SECRET, algorithm=ALGORITHM)
    assert user_of(f"Bearer {token}", SECRET) == "a"
    later = 2000 if claim == "exp" else -2000
    monkeypatch.setattr(jwt.api_jwt, "datetime", _clock(later))
    assert user_of(f"Bearer {token}", SECRET) is None


def _clock(by_s: int) -> type[datetime]:
    """A `datetime` that is off by so many seconds."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(seconds=by_s)

    return Clock
