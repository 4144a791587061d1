"""The tables and keys of a rollout's file as types: what may be given, its default, and what is expected. Pure.

`reading` fills them, `checking` holds together what one type alone cannot; the JSON Schema is made of them. A text that
is expected to be more than a text has its noun and its form beside it, for the line that refuses another.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct


def _text(noun: str, expected: str, pattern: str) -> Any:
    return Meta(pattern=f"^(?:{pattern})$", description=expected, extra={"noun": noun})


Name = Annotated[str, _text("name", "lower-case letters, digits and hyphens, 1 to 64", "[a-z0-9-]{1,64}")]
Title = Annotated[str, _text("name", "one line of 1 to 80 characters", r"[^\x00-\x1f\x7f]{1,80}")]
Token = Annotated[
    str, _text("header name", "a token of HTTP (RFC 9110, 5.6.2)", r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
]
UrlPath = Annotated[str, _text("path", "printable ASCII that starts with /", r"/[!-~]*")]
JsonPath = Annotated[
    str, _text("path", "names joined by dots, such as order.ref", r"[^.\[\]$\s]+(?:\.[^.\[\]$\s]+)*")
]
Identifier = Annotated[
    str, _text("identifier", "a name in the database of 1 to 63 bytes", r"[^\x00-\x1f\x7f\"]{1,63}")
]
TypeName = Annotated[
    str, _text("type", "a type of PostgreSQL, such as text", r"[A-Za-z][A-Za-z0-9_ (),.\[\]]*")
]
FileName = Annotated[
    str,
    _text(
        "file name", "a path below the folder, with / between its parts", r"(?!/)(?!.*(?:^|/)\.\.(?:/|$)).+"
    ),
]
Variable = Annotated[str, _text("variable", "capital letters, digits and _", r"[A-Z][A-Z0-9_]*")]
ClaimId = Annotated[str, _text("claim id", "a letter and a number, such as V1", r"[A-Z][0-9]{1,3}")]
ValueName = Annotated[
    str,
    _text(
        "value",
        "organization_id, editor_name or project_id",
        "organization_id|editor_name|project_id",
    ),
]
Status = Annotated[int, Meta(ge=200, le=599)]
Take = Annotated[int, Meta(ge=1, le=100_000)]
Replicas = Annotated[int, Meta(ge=1, le=5)]
Least = Annotated[int, Meta(ge=1)]
HexDigits = Annotated[int, Meta(ge=1, le=64)]


class FileTable(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of the file."""


class About(FileTable, frozen=True, kw_only=True):
    """What is rolled out, and by which plan."""

    name: Name
    """Of the rollout, in reports."""
    extends: str = ""
    """A folder whose file this one extends: tables are merged, lists replaced, identities merged by their names."""
    plan: FileName | None = None
    """The plan as text or Markdown, in which each quote is looked for."""


class Parameter(FileTable, frozen=True):
    """What differs between sites: in texts of the file it stands as {NAME}. Given by --set NAME=VALUE or a variable."""

    help: str = ""
    secret: bool = False
    """Masked in each report; given as --set NAME=@FILE or by its variable, never in the command line."""
    env: Variable | None = None
    """A variable of the environment that gives it."""
    default: str | None = None
    """Its value where none is given, of any backend."""
    reference: str | None = None
    """Its value for the harness's own reference."""


class RequestTable(FileTable, frozen=True, kw_only=True):
    """The request that carries the header."""

    method: Annotated[str, _text("method", "a token in capital letters", "[A-Z]{1,16}")] = "POST"
    paths: Annotated[tuple[UrlPath, ...], Meta(min_length=1, max_length=8)]
    """Each is tried."""
    bodies: Annotated[tuple[FileName, ...], Meta(max_length=16)] = ()
    """Files of JSON with {NAME} in them; the first is the usual one. Without one the requests have no body."""
    refused: Annotated[tuple[FileName, ...], Meta(max_length=8)] = ()
    """Bodies that the usual identity is refused; what is refused stays refused with the header."""
    statuses: Annotated[tuple[Status, ...], Meta(min_length=1)] = (200,)
    """Those of a request that was served."""
    streams: bool = False
    """Whether a reply may come as server-sent events, which {stream} in a body asks for."""
    headers: Mapping[Token, tuple[str, ...]] = {}
    """Other headers, each with the values that it is sent with; "" is to leave it out, no value to send it never."""
    reply_id: JsonPath
    """Where the reply's JSON holds the id by which its row is found."""
    client_address: Token | None = None
    """The header from which the backend takes the address of the client."""


class Operation(FileTable, frozen=True):
    """One step of the rule: exactly one of take, trim, lower, match, one_of."""

    take: Take | None = None
    """The first so many units."""
    unit: Literal["units", "bytes", "points"] = "units"
    """What `take` counts: UTF-16 code units as JavaScript's length, bytes as UTF-8, code points."""
    trim: Literal["js", "http"] | None = None
    """Blanks at both ends go: JavaScript's, or HTTP's space and tab."""
    lower: Literal["js", "ascii"] | None = None
    """Letters become lower-case ones."""
    match: str | None = None
    """A regular expression of JavaScript that must fit the whole text; else nothing is stored."""
    one_of: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    """The words that the text may be; else nothing is stored."""


class Header(FileTable, frozen=True):
    """The header that is rolled out: how the backend reads it, and which value it stores."""

    name: Token
    rule: Annotated[tuple[Operation, ...], Meta(min_length=1, max_length=8)]
    """Operations in the order in which they are applied."""
    decode: Literal["latin-1", "utf-8"] = "latin-1"
    """How bytes become characters."""
    duplicates: Literal["join", "first", "last"] = "join"
    """Which of several lines count: all, joined with comma and space (as Node does), or one."""
    empty: Literal["absent", "value"] = "absent"
    """Whether an empty header is like none, or goes through the rule."""
    absent: Mapping[UrlPath, str] = {}
    """What is stored without the header on a path; elsewhere NULL."""
    suite: Literal["auto", "sampled"] = "auto"
    """`sampled` makes no suite of the rule, whose automaton is then not needed."""
    oracle: FileName | None = None
    """A file with one function of JavaScript, from the header to what is stored."""
    examples: tuple[str, ...] = ()
    """Values that the rule accepts."""


class MainTable(FileTable, frozen=True):
    """The table with a row for each request."""

    table: Identifier
    key: Identifier
    """Its primary key."""
    user: Identifier | None = None
    """Who is accounted."""
    reply_id: Identifier | None = None
    """The reply's id, where this table holds it."""
    created_at: Identifier | None = None
    """When the row was written; an index on it keeps queries small."""
    column: Identifier | None = None
    """The column that is rolled out, where there is no detail."""
    type: TypeName = "text"
    noun: Title | None = None
    """What a row of it is called in reports; by default a row of the table."""


class DetailTable(FileTable, frozen=True):
    """A second table with one row for each of the main one's, which holds the column."""

    table: Identifier | None = None
    key: Identifier | None = None
    """Its column that equals the main table's key."""
    column: Identifier | None = None
    """The column that is rolled out."""
    type: TypeName = "text"
    reply_id: Identifier | None = None
    created_at: Identifier | None = None
    noun: Title | None = None
    """What a row of it is called in reports; by default a row of the table."""
    rows: FileName | None = None
    """One SELECT that gives key, value, and the others by these names: where a lookup table must be joined."""
    grows: Identifier | None = None
    """A lookup table that gets a row for each new value."""


class AgentColumn(FileTable, frozen=True):
    """Where the user agent of a row's request is stored: a lookup table and the detail's column that refers to it."""

    table: Identifier
    key: Identifier
    column: Identifier
    reference: Identifier


class UsersTable(FileTable, frozen=True):
    """Who may sign in: a table with a row for each user."""

    table: Identifier
    key: Identifier
    """Its column with the user's id."""
    email: Identifier


class Store(FileTable, frozen=True):
    """Where a request's rows are."""

    main: MainTable
    detail: DetailTable | None = None
    agent: AgentColumn | None = None
    users: UsersTable | None = None


class Identity(FileTable, frozen=True):
    """Who asks, who is accounted, and what is stored."""

    name: Title
    auth: str | None = None
    """The value of the Authorization header."""
    headers: Mapping[Token, str] = {}
    user: str | None = None
    """What the main table's user column holds."""
    value: str = "{header}"
    """What the column holds: {header} is what the rule makes of the header."""


class RolloutStep(FileTable, frozen=True):
    """One step of the rollout."""

    name: Title
    kind: Literal["sql", "deploy", "release"] = "sql"
    up: FileName | None = None
    down: FileName | None = None
    """The file that takes the step back."""
    recovery: FileName | None = None
    """What is run after a concurrent build that failed."""
    concurrent: bool = False
    """The file builds an index concurrently, and so cannot run in a transaction."""
    data: bool = False
    """The file changes rows; done too early it is stale, and is done again."""
    needs: tuple[str, ...] | None = None
    """Names of the steps that must be done before; by default the SQL step before it."""
    replicas: Replicas = 2
    """Of a deployment: how many are swapped, one after another."""
    reversible: bool | None = None
    """By default whether there is a `down`; a deployment is reversible, a release is not."""


class PlanOrder(FileTable, frozen=True):
    """What the plan says of the order."""

    steps: tuple[str, ...] = ()
    """The plan's own order; by default the file's."""
    stated: tuple[tuple[str, str], ...] = ()
    """Pairs of steps, the first before the second, as the plan says."""
    implied: tuple[tuple[str, str], ...] = ()
    """As the plan takes for granted."""


class ReferenceView(FileTable, frozen=True):
    """A view that reads the column."""

    up: FileName
    down: FileName


class Reference(FileTable, frozen=True):
    """What the harness's own reference backend runs on."""

    baseline: FileName | None = None
    """The tables before the rollout."""
    seed: FileName | None = None
    """Rows that are there before the rollout."""
    insert: FileName | None = None
    """The statement that accounts for a request, with marks {columns}, {values} and, with `ctes`, {ctes}; in it stand
    %(usage_id)s, %(user_id)s for who is accounted, %(message_id)s for the reply's id, and others."""
    ctes: FileName | None = None
    """Common table expressions that the build with the change adds."""
    columns: Mapping[Identifier, str] = {}
    """Columns that the build with the change writes, each with its expression; {value} is what the rule made."""
    headers: Mapping[ValueName, Token] = {}
    """Values of the statement that come from another header of the request."""
    view: ReferenceView | None = None


class RunnerTable(FileTable, frozen=True):
    """How the project applies its migrations."""

    kind: Literal["statements", "drizzle"] = "statements"
    file: FileName | None = None
    """The migration as the plan writes it."""


class Case(FileTable, frozen=True):
    """Options of the client, and the header that it sends with them."""

    options: Mapping[str, Any]
    header: str | None = None
    """Without one it sends none."""


class Storage(FileTable, frozen=True):
    """Where the client keeps its id."""

    file: FileName
    key: str
    corrected: FileName | None = None
    """The file with the workarounds that the audit names."""


class DerivedId(FileTable, frozen=True):
    """How the client makes its id: a prefix, then the first hex digits of sha256(the device's id + salt)."""

    prefix: str = ""
    salt: str = ""
    hex_digits: HexDigits = 64
    shared: tuple[str, ...] = ()
    """What stands for a device's id where there is none, and so is many devices'."""
    answers: FileName | None = None
    """Devices' ids with what is derived from each, computed elsewhere: [{"machineId": ..., "id": ...}, ...]."""


class Calls(FileTable, frozen=True):
    """What the handler is called with beside the option, each left out and given in every combination."""

    options: Mapping[str, str] = {}
    metadata: Mapping[str, str] = {}


class SourceFile(FileTable, frozen=True):
    """A file of a checkout, found by a pattern and by what must stand in it."""

    glob: str
    symbol: str
    """A name that the file declares or exports."""


class Client(FileTable, frozen=True):
    """The client's half."""

    handler: FileName | None = None
    before: FileName | None = None
    """The handler as it was."""
    option: str | None = None
    """The handler's option that becomes the header's value."""
    cases: tuple[Case, ...] = ()
    calls: Calls = Calls()
    derived: DerivedId | None = None
    storage: Storage | None = None
    files: Mapping[str, SourceFile] = {}
    """Files of the client's checkout that `harness check` runs."""
    stubs: Mapping[str, FileName] = {}
    """What stands in for a module that they import: its name, and a file .mjs."""


class BackendTable(FileTable, frozen=True):
    """The backend's checkout."""

    files: Mapping[str, SourceFile] = {}
    stubs: Mapping[str, FileName] = {}
    """What stands in for a package, a function that a file exports, `fetch` or `process.env` where its handler is run:
    the name, and a file .mjs whose default export makes it."""


class Events(FileTable, frozen=True):
    """How the client's events reach the service, and what they look like on the wire."""

    program: FileName
    """Python that sends events with the service's own package."""
    path: UrlPath = "/batch/"
    """Where batches of events are posted to, as {"batch": [{"event": ..., "properties": {...}}, ...]}."""
    subject: str = "subject"
    """The key of an event under which its subject's id stands."""
    alias: str = "alias"
    """The event whose property `alias` is another id of the same subject."""


class Consumer(FileTable, frozen=True):
    """What the service that reads the values refuses or cuts."""

    refuses: tuple[str, ...] = ()
    """Values that it takes for nobody's."""
    take: Take | None = None
    """It keeps so many characters."""
    events: Events | None = None


class Wording(FileTable, frozen=True):
    """How the plan words a claim."""

    sentence: str = ""
    quote: str = ""
    section: str = ""
    least: Least | None = None
    """Fewest observations below which the claim is unknown."""


class Audit(FileTable, frozen=True, kw_only=True):
    """A sentence of the plan that is examined by itself."""

    id: ClaimId
    kind: Literal["rests", "build", "query", "catalog", "client", "manual"]
    sentence: str
    quote: str = ""
    section: str = ""
    expect: Literal["proven", "refuted", "unknown"] = "proven"
    workaround: str = ""
    least: Least = 1
    on: tuple[ClaimId, ...] = ()
    """Of `rests`: the claims that it rests on."""
    build: str | None = None
    """Of `build`: the build that is run."""
    query: FileName | None = None
    """Of `query`: the plan's query."""
    columns: Least | None = None
    """Of `catalog`: how many columns the plan says the table with the column has before the rollout."""


class Tables(FileTable, frozen=True, kw_only=True):
    """A rollout: one optional header, stored in one column, in steps of which each may be taken by itself."""

    rollout: About
    parameter: Mapping[str, Parameter] = {}
    request: RequestTable
    header: Header | None = None
    """Without it a file can only be extended."""
    store: Store
    identity: tuple[Identity, ...] = (Identity(name="anyone"),)
    step: tuple[RolloutStep, ...] = ()
    plan_order: PlanOrder = PlanOrder()
    reference: Reference = Reference()
    runner: RunnerTable = RunnerTable()
    client: Client | None = None
    backend: BackendTable = BackendTable()
    consumer: Consumer = Consumer()
    claims: Mapping[ClaimId, Wording] = {}
    audit: tuple[Audit, ...] = ()


FILLED_IN: Final = frozenset({"client_address", "uuid", "header", "value", "stream"})
"""What {} may name beside a parameter; a run fills it in."""
