"""What a run of the gate would leave at a target: requests, addresses, rows, look-up rows and analytics events.

Counted on the requests themselves, made as for a target that serves every shape; nothing is sent and nothing connected
to. What looks wrong is sent again, and shapes that a target refuses are replaced: a run may send more, up to its limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.clients.request_spec import RequestSpec
from harness.clients.shape import Extra, Shape
from harness.errors import UsageError
from harness.probing import covering
from harness.probing.judge import Expected, expect
from harness.probing.probe_factory import HOSTS, HOSTS_V4, ProbeFactory
from harness.rollout.identities import has_account
from harness.rule.shard import Shard, Share
from harness.rule.suite import suite
from harness.run.gate_option_checks import check, limits_of
from harness.run.gate_parts import parts_of
from harness.run.gate_suite import array, over_http2, preflight, suite_alone
from harness.run.gate_values import Values
from harness.run.options.gate import GateOptions
from harness.run.progress import LineCallback
from harness.sut.external import Site, site_of
from harness.sut.observation import Probe, ProbeGroup


@dataclass(slots=True)
class Forecast:
    """Counts over the requests of a run at a target that serves them all."""

    level: str
    site: str
    requests_max: int
    """Requests that may leave, repetitions included."""
    spec: RequestSpec
    requests: int = 0
    rows: int = 0
    """Main rows, each with its detail."""
    signed_in: int = 0
    """Requests in the name of a user who has an account."""
    addresses: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    """Addresses of anonymous users who send an id that the rule accepts."""
    values: dict[bytes, set[bytes]] = field(default_factory=dict)
    """Values of further headers, for which a backend may keep rows of look-up tables."""

    def count(self, probe: Probe, expected: Expected) -> None:
        """Adds a request, with what its row is expected to hold."""
        shape = probe.shape
        self.requests += 1
        self.addresses.add(probe.address)
        is_account = has_account(probe.identity)
        self.signed_in += is_account
        table = self.spec.rollout.tables.request
        if probe.refused or shape.body in table.refused:
            return  # refused before any row is written
        self.rows += 1
        kept = {name.lower().encode() for name in table.headers}
        kept |= {name.encode() for extra in Extra for name, _ in self.spec.extra_lines(extra)}
        for name, value in probe.request.headers:
            if name.lower() in kept and name.lower() != self.spec.header_name:
                self.values.setdefault(name.lower(), set()).add(value)
        if not is_account and expected.values[0] is not None:
            self.accepted.add(probe.address)

    def lines(self) -> list[str]:
        """What to print."""
        v6 = sum(":" in address for address in self.addresses)
        ranges = f"{v6:,} of {HOSTS}, {len(self.addresses) - v6:,} of {', '.join(map(str, HOSTS_V4))}"
        values = ", ".join(f"{name.decode()} {len(found)}" for name, found in sorted(self.values.items()))
        store, client_address = (
            self.spec.rollout.tables.store,
            self.spec.rollout.tables.request.client_address,
        )
        both = f"rows of {store.main.table}" + (
            f" and as many of {store.detail.table}" if store.detail else ""
        )
        return [
            f"dry run for {self.site}: nothing was sent, nothing was connected to; to be expected, about:",
            f"requests   {self.requests:,} at level {self.level}, {self.signed_in:,} of them in the test user's name; "
            f"what looks wrong is sent again, what is refused otherwise, never more than {self.requests_max:,}",
            *(
                [
                    f"addresses  {len(self.addresses):,} in {client_address}, for documentation only: {ranges}; limits "
                    "by address count them, and all as one where the platform overwrites the header"
                ]
                if client_address
                else []
            ),
            f"rows       {self.rows:,} {both}; harness clean deletes them",
            f"look-ups   as many new values as it keeps of addresses, of what replies bring, and of headers: {values}; "
            "they stay",
            f"events     {len(self.accepted):,} callers without an account whose first request has an accepted value: "
            "where the target tells another service of such, let it tell one for tests, or none",
        ]


def forecast(options: GateOptions, site: Site) -> Forecast:
    """Counts what a run with these options would send to the site."""
    caller = options.under_test.caller(options.build)
    limit = limits_of(options, 0.0).requests_max
    found = Forecast(str(options.level), site.url, limit, caller.spec)
    for probe in _forecast_probes(options, ProbeFactory(caller, run=0), over_tls=site.tls is not None):
        if found.requests == limit:
            break
        found.count(probe, expect(probe, options.build, caller.policy))
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
    values = Values(factory.caller)
    sent: list[Shape] = []

    def shapes(strength: int, completed: int) -> Iterator[ProbeGroup]:
        if completed:
            return
        factors, constraints = factory.caller.factors, factory.caller.constraints
        wanted = covering.shapes(strength, factors=factors, fixed=sent, constraints=constraints)
        new = [shape for shape in wanted if shape not in sent]
        sent.extend(new)
        yield from array(factory, values, new, strength)

    shard = Shard.parse(options.shard)
    share = Share(suite(factory.caller.policy, options.level, options.extra_states), shard)
    for each in preflight(factory):
        yield from each.probes
    if not shard.is_first:
        for each in suite_alone(factory, share, options.level):
            yield from each.probes
        return
    for part in parts_of(factory, values, options.level, options.seed, share, shapes):
        for each in part.make():
            yield from each.probes
    if over_tls:
        yield from over_http2(factory, values)
