"""Whose machine requests are sent to: one's own is never asked about, another's once, or named beforehand."""

import ipaddress
import re
import sys
from typing import Final

import click

from harness.cli.options import Decorator
from harness.errors import MisuseError

_NO_HOST: Final = re.compile(r"[/@*?#\s]|:\d*$")
"""What stands in a URL, a pattern or a port."""

allow_host_option: Decorator = click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="HOST",
    help="Send to this host, which is not this machine, without asking; may be repeated. Needed where nobody can be "
    "asked. Example: --allow-host staging.example.com",
)


def check_host(host: str, allowed: tuple[str, ...]) -> None:
    """Raises MisuseError unless requests may go to a host: this machine, one that is allowed, or by a person's yes."""
    for given in allowed:
        if not given or (_NO_HOST.search(given) and not _is_address(given)):
            raise MisuseError(
                f"--allow-host {given!r} is no host: give the name or address alone, without scheme, port and path; "
                "for example staging.example.com"
            )
    if is_loopback(host) or _compared(host) in map(_compared, allowed):
        return
    others = f", not {', '.join(allowed)}" if allowed else ""
    refusal = MisuseError(
        f"the target's host is {host}{others}, which is not this machine: nothing was sent; see what a run leaves "
        f"there with harness gate --dry-run, then add --allow-host {host}"
    )
    if not sys.stdin.isatty():
        raise refusal
    question = f"Send requests to {host}? They leave rows, and what harness gate --dry-run tells"
    if not click.confirm(question, default=False, err=True):
        raise refusal


def is_loopback(host: str) -> bool:
    """Whether a host as it stands in a URL is this machine, without asking a name server."""
    name = _compared(host)
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, 6.3
        return True
    address = ipaddress.ip_address(name) if _is_address(name) else None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address is not None and (mapped or address).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _compared(host: str) -> str:
    """A host as it is compared: names in lower case and as name servers know them, addresses in one form."""
    name = host.strip("[]").rstrip(".").lower()
    if _is_address(name):
        return str(ipaddress.ip_address(name))
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name
