"""Which hosts are this machine, and which are one and the same. Pure: no name server is asked."""

import ipaddress
import shlex
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host as it stands in a URL is this machine."""
    name = compared(host)
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, 6.3
        return True
    address = ipaddress.ip_address(name) if is_address(name) else None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address is not None and (mapped or address).is_loopback


def is_address(host: str) -> bool:
    """Whether it is an IP address, in brackets or not."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def compared(host: str) -> str:
    """A host as it is compared: names in lower case and as name servers know them, addresses in one form."""
    name = host.strip("[]").rstrip(".").lower()
    if is_address(name):
        return str(ipaddress.ip_address(name))
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def target_options(url: str) -> str:
    """What a command takes that sends to this URL again without asking."""
    host = urlsplit(url).hostname or ""
    allowed = "" if is_loopback(host) else f" --allow-host {shlex.quote(host)}"
    return f"--target {shlex.quote(url)}{allowed}"
