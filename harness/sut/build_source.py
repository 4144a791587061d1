"""Where a deployed backend says which build it is: a header of its replies, or a field of a JSON document."""

import json
import re
from typing import NamedTuple, Self

import httpx

from harness.clients.extra_headers import ExtraHeaders
from harness.errors import UnavailableError, UsageError
from harness.sut.external import Site

_SOURCE = re.compile(
    r"header:(?P<header>[A-Za-z0-9!#$%&'*+.^_`|~-]+)|json:(?P<path>/[^\s#]*)#(?P<field>[\w.-]+)"
)


class BuildSource(NamedTuple):
    """`header:NAME`, of the reply to GET /; or `json:/path#field`, dots between the names of nested fields."""

    text: str
    header: str
    path: str
    field: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The source in words. Raises UsageError."""
        match = _SOURCE.fullmatch(text.strip())
        if match is None:
            raise UsageError(
                f"--deployed-from {text!r} says neither header nor field; for example header:x-build-sha or "
                "json:/api/version#commit"
            )
        return cls(match[0], match["header"] or "", match["path"] or "/", match["field"] or "")


async def read_build(site: Site, source: BuildSource, given: ExtraHeaders, timeout_s: float) -> str:
    """What the backend says, as it says it, whatever the status of its reply. Raises UnavailableError."""
    headers = [(name.decode(), value.decode()) for name, value in given.lines]
    client = httpx.AsyncClient(
        verify=site.tls or True, timeout=timeout_s, trust_env=False, headers=headers, follow_redirects=False
    )
    async with client:
        try:
            reply = await client.get(site.url + source.path)
        except httpx.HTTPError as error:
            problem = given.masked(str(error) or type(error).__name__)
            raise UnavailableError(f"the backend did not say which build it is: {problem}") from None
    where = f"GET {source.path} was answered {reply.status_code}"
    if source.header:
        if source.header not in reply.headers:
            raise UnavailableError(
                f"the backend did not say which build it is: {where} without {source.header}"
            )
        return str(reply.headers[source.header])
    try:
        value = json.loads(reply.content)
        for name in source.field.split("."):
            value = value[name]
    except (ValueError, KeyError, TypeError, IndexError):
        raise UnavailableError(
            f"the backend did not say which build it is: {where} without a JSON field {source.field}"
        ) from None
    return str(value)
