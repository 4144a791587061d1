"""Several builds behind one address."""

from tests.foreign.entry import Entry, Fleet, Kind, Stage

FLEET: Kind = "fleet"
OLD = "before"
NEW = "plain"


def _fleet(name: str, harmful: bool, sentence: str, fleet: Fleet) -> Entry:
    return Entry(name, FLEET, "fleet", harmful, sentence, fleet=fleet)


def _mix(one: str, of: int, others: str = NEW) -> tuple[Stage, ...]:
    return (Stage(0, (*(others,) * (of - 1), one)),)


ENTRIES: tuple[Entry, ...] = (
    _fleet(
        "fleet-1-of-2-by-connection",
        True,
        "Every other connection goes to a replica of the old build.",
        Fleet("connection", _mix(OLD, 2)),
    ),
    _fleet(
        "fleet-1-of-5-by-request",
        True,
        "Every fifth request goes to a replica of the old build.",
        Fleet("request", _mix(OLD, 5)),
    ),
    _fleet(
        "fleet-1-of-10-by-request",
        True,
        "Every tenth request goes to a replica of the old build.",
        Fleet("request", _mix(OLD, 10)),
    ),
    _fleet(
        "fleet-1-of-10-by-connection",
        True,
        "Every tenth connection goes to a replica of the old build.",
        Fleet("connection", _mix(OLD, 10)),
    ),
    _fleet(
        "fleet-1-of-3-by-address",
        True,
        "Every third address goes to a replica of the old build, and stays with it.",
        Fleet("address", _mix(OLD, 3)),
    ),
    _fleet(
        "fleet-rolled-back",
        True,
        "After 60 requests the new build is rolled back to the old one.",
        Fleet("request", (Stage(0, (NEW,)), Stage(60, (OLD,))), drains=True),
    ),
    _fleet(
        "fleet-deploy-in-the-middle",
        True,
        "The old build serves the first 40 requests, both the next 40, and the new one the rest.",
        Fleet("request", (Stage(0, (OLD,)), Stage(40, (OLD, NEW)), Stage(80, (NEW,))), drains=True),
    ),
    _fleet(
        "fleet-restart-comes-back-old",
        True,
        "After 50 requests one of three replicas restarts as the old build.",
        Fleet("connection", (Stage(0, (NEW,)), Stage(50, (NEW, NEW, OLD))), drains=True),
    ),
    _fleet(
        "fleet-canary-cuts-values",
        True,
        "One replica of four is a build that cuts values to 64 characters.",
        Fleet("request", _mix("class-cut-at-64", 4)),
    ),
    _fleet(
        "fleet-canary-gateway-unread",
        True,
        "One replica of five is a build that does not read the header on the gateway path.",
        Fleet("request", _mix("path-gateway-unread", 5)),
    ),
    _fleet(
        "harmless-fleet-of-equals",
        False,
        "Three replicas of the same build take requests in turn.",
        Fleet("request", _mix(NEW, 3)),
    ),
    _fleet(
        "harmless-fleet-restarts",
        False,
        "After 30 requests every replica is replaced by one of the same build, and connections are closed.",
        Fleet("connection", (Stage(0, (NEW,)), Stage(30, (NEW,))), drains=True),
    ),
    _fleet(
        "harmless-fleet-mixed",
        False,
        "Two builds take connections in turn, of which one answers more slowly and the other checks in another way.",
        Fleet("connection", (Stage(0, ("harmless-latency-random", "harmless-hand-written-check")),)),
    ),
    _fleet(
        "harmless-fleet-upgraded",
        False,
        "After 40 requests another correct build takes over, which fills in the upstream id.",
        Fleet("request", (Stage(0, (NEW,)), Stage(40, ("harmless-upstream-id-filled-later",)))),
    ),
)
