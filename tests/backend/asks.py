"""Requests for tests that decide without I/O: each with the e-mail of its signed-in user, or None."""

import json
from typing import Any

from harness import plan
from harness.clients.exchange import Request
from harness.clients.extension import FREE_MODEL

Ask = tuple[Request, str | None]

ROUTE, GATEWAY = plan.ROUTES
ID = "vscode-0123456789abcdef"
EMAIL = "somebody@example.com"
JUNK = ("authorization", "Bearer not-provided")


def ask(
    value: str | None = ID,
    *,
    path: str = ROUTE,
    email: str | None = None,
    address: str = "192.0.2.7",
    headers: tuple[tuple[str, str], ...] = (),
    **members: Any,
) -> Ask:
    """A request with this value in the plan's header (None: without it), more headers and members of the body."""
    document = {"model": FREE_MODEL, "messages": [{"role": "user", "content": "hello"}]} | members
    lines = [("content-type", "application/json"), ("x-forwarded-for", address), *headers]
    if email is not None:
        lines.append(("authorization", "Bearer of somebody"))
    if value is not None:
        lines.append((plan.HEADER, value))
    wire = tuple((name.encode(), text.encode("latin-1")) for name, text in lines)
    return Request(path, wire, json.dumps(document).encode()), email


def apart(asks: list[Ask]) -> tuple[list[Request], list[str | None]]:
    """Requests and e-mails, as `play` takes them."""
    return [request for request, _ in asks], [email for _, email in asks]
