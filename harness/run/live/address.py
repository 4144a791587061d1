"""Where the stack of `harness serve` is, and what a person needs to use it: for the terminal and for the page."""

import json
import secrets
import shlex
from dataclasses import dataclass, field
from typing import Any

from harness.clients.extension import FREE_MODEL
from harness.clients.request_spec import RequestSpec
from harness.probing.probe_factory import SignedIn
from harness.rule.accepted_values import AcceptedValues
from harness.rule.policy import Policy
from harness.run.live.page import PATH


@dataclass(frozen=True, slots=True)
class Address:
    """Where the stack is, and what a person needs to use it."""

    description: str
    """Build, rule and database."""
    url: str
    dsn: str
    """A password that the user gave is masked."""
    user: SignedIn
    spec: RequestSpec
    value: str
    """One that the rule stores."""
    model: str = FREE_MODEL
    run: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells one run from another on the same port."""

    @property
    def page(self) -> str:
        """URL of the live page."""
        return self.url + PATH

    @property
    def path(self) -> str:
        """The usual one of the requests."""
        return self.spec.rollout.tables.request.paths[0]

    @property
    def header(self) -> str:
        """Name of the header."""
        return self.spec.header_name.decode("ascii")

    @property
    def base_url(self) -> str:
        """What an extension is pointed at."""
        return self.url + self.path.removesuffix("/chat/completions")

    def facts(self) -> dict[str, str]:
        """Each fact by its name."""
        return {
            "page": self.page,
            "base URL": self.base_url,
            "DSN": self.dsn,
            "free model": self.model,
            "token": self.user.token,
            "signed in as": f"{self.user.email} ({self.user.user_id})",
        }

    @property
    def curl(self) -> str:
        """A line to copy into a shell: one request of an anonymous user with the header."""
        asked = {"model": self.model, "messages": [{"role": "user", "content": "Say that all is well."}]}
        lines = ["content-type: application/json", f"{self.header}: {self.value}"]
        headers = [word for line in lines for word in ("-H", line)]
        body = json.dumps(asked, separators=(",", ":"))
        return shlex.join(["curl", "-sS", self.url + self.path, *headers, "-d", body])

    def page_facts(self) -> dict[str, Any]:
        """What the page gets."""
        return {
            "run": self.run,
            "words": self.description,
            "header": self.header,
            "curl": self.curl,
            "facts": {name: value for name, value in self.facts().items() if value != self.page},
        }


def example_value(spec: RequestSpec, policy: Policy) -> str:
    """A value of the header that the rule stores, the file's first example where it has one."""
    header = spec.rollout.header
    accepted = AcceptedValues(policy, header)
    value = next(iter(accepted.examples), None) or accepted.draw()
    return "" if value is None else value.decode(header.decode)
