"""Whose machine requests are sent to: one's own is never asked about, another's once, or named beforehand."""

import re
import sys
from typing import Final

import click

from harness.errors import UsageError

_NO_HOST: Final = re.compile(r"[/@*?#\s]|:\d*$")
"""What stands in a URL, a pattern or a port."""


def check_host(host: str, allowed: tuple[str, ...]) -> None:
    """Raises UsageError unless requests may go to a host: this machine, one that is allowed, or by a person's yes."""
    from harness.sut.hosts import compared, is_address, is_loopback

    for given in allowed:
        if not given or (_NO_HOST.search(given) and not is_address(given)):
            raise UsageError(
                f"--allow-host {given!r} is no host: give the name or address alone, without scheme, port and path; "
                "for example staging.example.com"
            )
    if is_loopback(host) or compared(host) in map(compared, allowed):
        return
    others = f", not {', '.join(allowed)}" if allowed else ""
    refusal = UsageError(
        f"the target's host is {host}{others}, which is not this machine: nothing was sent; see what a run leaves "
        f"there with harness gate --dry-run, then add --allow-host {host}"
    )
    if not sys.stdin.isatty():
        raise refusal
    question = f"Send requests to {host}? They leave rows, and what harness gate --dry-run tells"
    if not click.confirm(question, default=False, err=True):
        raise refusal
