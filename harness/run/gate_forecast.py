"""What a run of the gate would leave at a target: requests, addresses, rows, look-up rows and analytics events.

Counted on the requests themselves, made as for a target that serves every shape; nothing is sent and nothing connected
to. What looks wrong is sent again, and shapes that a target refuses are replaced: a run may send more, up to its limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from harness import plan
from harness.clients.extension import Auth
from harness.clients.shape import Model, Shape
from harness.errors import UsageError
from harness.probing import covering
from harness.probing.judge import Expected, expect
from harness.probing.probe_factory import HOSTS, HOSTS_V4, ProbeFactory
from harness.rule.policy import POLICIES
from harness.run.gate_option_checks import caller_of, check, limits_of
from harness.run.gate_run import STRENGTHS
from harness.run.gate_suite import array, first, further, last, over_http2, preflight
from harness.run.gate_values import Values
from harness.run.options.gate import GateOptions
from harness.run.progress import LineCallback
from harness.sut.external import Site, site_of
from harness.sut.observation import Probe

LOOK_UPS: Final = {
    "http_user_agent": b"user-agent",
    "vercel_ip_city": b"x-vercel-ip-city",
    "vercel_ip_country": b"x-vercel-ip-country",
    "ja4_digest": b"x-vercel-ja4-digest",
    "editor_name": b"x-kilocode-editorname",
    "feature": b"x-kilocode-feature",
}
"""Look-up tables and the header whose values they hold; addresses are counted apart."""


@dataclass(slots=True)
class Forecast:
    """Counts over the requests of a run at a target that serves them all."""

    level: str
    site: str
    requests_max: int
    """Requests that may leave, repetitions included."""
    requests: int = 0
    rows: int = 0
    """Usage rows, each with its metadata row."""
    signed_in: int = 0
    """Requests in the name of the test user."""
    addresses: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    """Addresses of anonymous users who send an id that the rule accepts."""
    look_ups: dict[str, set[bytes]] = field(default_factory=lambda: {table: set() for table in LOOK_UPS})

    def count(self, probe: Probe, expected: Expected) -> None:
        """Adds a request, with what its row is expected to hold."""
        shape = probe.shape
        self.requests += 1
        self.addresses.add(probe.address)
        self.signed_in += shape.auth is Auth.SIGNED_IN
        if probe.refused or shape.model is Model.PAID:
            return  # refused before any row is written
        self.rows += 1
        headers = {name.lower(): value for name, value in probe.request.headers}
        for table, header in LOOK_UPS.items():
            if header in headers:
                self.look_ups[table].add(headers[header])
        if shape.auth is not Auth.SIGNED_IN and expected.values[0] is not None:
            self.accepted.add(probe.address)

    def lines(self) -> list[str]:
        """What to print."""
        v6 = sum(":" in address for address in self.addresses)
        ranges = f"{v6:,} of {HOSTS}, {len(self.addresses) - v6:,} of {', '.join(map(str, HOSTS_V4))}"
        values = ", ".join(f"{table} {len(found)}" for table, found in self.look_ups.items() if found)
        return [
            f"dry run for {self.site}: nothing was sent, nothing was connected to; to be expected, about:",
            f"requests   {self.requests:,} at level {self.level}, {self.signed_in:,} of them in the test user's name; "
            f"what looks wrong is sent again, what is refused otherwise, never more than {self.requests_max:,}",
            f"addresses  {len(self.addresses):,} in x-forwarded-for, for documentation only: {ranges}; limits by "
            "address count them, and all as one where the platform overwrites the header",
            f"rows       {self.rows:,} of {plan.USAGE_TABLE} and as many of {plan.METADATA_TABLE}; harness clean "
            "deletes them",
            f"look-ups   new values: http_ip {len(self.addresses):,}, {values}, and what the model's replies bring "
            "(finish_reason); they stay",
            f"events     {len(self.accepted):,} first_usage, one for each anonymous address whose first request has "
            "an accepted id; they stay: let the target capture into a PostHog project for tests, or nowhere (NODE_ENV "
            "other than production)",
        ]


def forecast(options: GateOptions, site: Site) -> Forecast:
    """Counts what a run with these options would send to the site."""
    policy = POLICIES[options.policy]
    caller = caller_of(options)
    limit = limits_of(options, 0.0).requests_max
    found = Forecast(str(options.level), site.url, limit)
    for probe in _forecast_probes(options, ProbeFactory(caller, run=0), over_tls=site.tls is not None):
        if found.requests == limit:
            break
        found.count(probe, expect(probe, options.build, policy))
    return found


def dry_run(options: GateOptions, on_line: LineCallback) -> None:
    """Says what a run with these options would leave. Raises UsageError for options that do not fit together."""
    check(options)
    if options.read_only:
        raise UsageError(
            "--read-only sends nothing, so there is nothing for --dry-run to tell; leave one out"
        )
    for line in forecast(options, site_of(options.backend_url)).lines():
        on_line(line)


def _forecast_probes(options: GateOptions, factory: ProbeFactory, *, over_tls: bool) -> Iterator[Probe]:
    """The requests of `GateRun.run` in their order, where no shape is refused."""
    values = Values(factory.caller.policy)
    sent: list[Shape] = []

    def shapes(strength: int) -> Iterator[Probe]:
        factors, constraints = factory.caller.factors, factory.caller.constraints
        wanted = covering.shapes(strength, factors=factors, fixed=sent, constraints=constraints)
        new = [shape for shape in wanted if shape not in sent]
        sent.extend(new)
        for each in array(factory, values, new, strength):
            yield from each.probes

    pairs, *triples = STRENGTHS[options.level]
    for part in (preflight(factory), first(factory, values)):
        for each in part:
            yield from each.probes
    yield from shapes(pairs)
    for each in last(factory, values):
        yield from each.probes
    if over_tls:
        yield from over_http2(factory, values)
    for strength in triples:
        yield from shapes(strength)
    for each in further(factory, values, options.level, options.seed):
        yield from each.probes
