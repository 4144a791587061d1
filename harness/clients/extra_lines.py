"""Header lines that a client's library adds, or something between client and backend, with other ids in them."""

from collections.abc import Sequence
from typing import Final

from harness.clients.coding import CODINGS
from harness.clients.shape import Extra

ID_OF: Final = "id-of-the-{}"
_EDGE: Final = (
    ("x-vercel-ip-city", "Berlin"),
    ("x-vercel-ip-country", "DE"),
    ("x-vercel-ip-latitude", "52.5"),
    ("x-vercel-ip-longitude", "13.4"),
    ("x-vercel-ja4-digest", "t13d1516h2_8daaf6152771_02713d6af862"),
)
"""What one edge network adds; another backend minds none of it."""
_LIBRARY: Final = (
    ("accept", "application/json"),
    ("accept-encoding", CODINGS),
    ("accept-language", "*"),
    ("sec-fetch-mode", "cors"),
    ("http-referer", "https://example.org/"),
    ("x-title", "Example"),
    ("x-stainless-lang", "js"),
    ("x-stainless-retry-count", "0"),
    ("x-stainless-runtime", "node"),
)
"""What an SDK on Node's fetch adds to each request."""
_BROWSER: Final = (("dnt", "1"), ("sec-gpc", "1"))
"""What a browser adds for who does not want to be followed. Nothing is to be made of it."""


def extra_lines(extra: Extra, names_alike: Sequence[str], bare_name: str) -> tuple[tuple[str, str], ...]:
    """The lines; `names_alike` may be taken for the header's name, `bare_name` is its last words."""
    if extra is Extra.COOKIE:
        names = ("session", *names_alike)
        return (("cookie", "; ".join(f"{name}={ID_OF.format('cookie')}" for name in names)), *_BROWSER)
    if extra is Extra.TRACE:
        return (
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("x-request-id", "3f8a1c5e-0d27-4b6e-9a14-7c2f5d8b3e60"),
            ("baggage", f"{bare_name}={ID_OF.format('baggage')}"),
        )
    return {Extra.EDGE: _EDGE, Extra.LIBRARY: _LIBRARY}.get(extra, ())


def with_query(path: str, names_alike: Sequence[str]) -> str:
    """The path with another id as a parameter of each name that may be taken for the header's."""
    query = "&".join(f"{name}={ID_OF.format('query')}" for name in names_alike)
    return f"{path}{'&' if '?' in path else '?'}{query}"
