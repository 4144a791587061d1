"""Faulty rows that the role which judges may not see: nothing may be proven then. And roles that see everything."""
# ruff: noqa: S608 -- the names are the plan's own

from typing import Final

from harness.rehearsal.deployed.model import C, Deployed, K, T, U

STORED: Final = "D1"

_FAULTY: Final = (
    f"UPDATE {U} SET {K} = 'anon:10.1.2.3'",
    f"UPDATE {T} SET {C} = 'a b' WHERE id IN (SELECT id FROM {U} ORDER BY id LIMIT 1)",
    f"UPDATE {T} SET {C} = 'fine' WHERE {C} IS NULL",
)
_FINE: Final = (_FAULTY[0], f"UPDATE {T} SET {C} = 'fine'")
_READS: Final = f"GRANT SELECT ON {U}, {T} TO {{reader}}"
_SECURED: Final = f"ALTER TABLE {T} ENABLE ROW LEVEL SECURITY"
_VALID: Final = f"CREATE POLICY valid ON {T} FOR SELECT TO {{reader}} USING ({C} <> 'a b')"
_REPORTING: Final = (
    "GRANT USAGE ON SCHEMA reporting TO {reader}; GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {reader}; "
    "ALTER ROLE {reader} SET search_path = reporting, public"
)


def _hidden(name: str, summary: str, reader: str, *statements: str) -> Deployed:
    return Deployed(name, summary, "", (*_FAULTY, *statements), reader, STORED)


def _seen(name: str, summary: str, reader: str, *statements: str) -> Deployed:
    return Deployed(name, summary, "", (*_FINE, *statements), reader)


HIDDEN: Final = (
    _hidden("hidden-by-policy", "a policy shows valid values alone", f"{_READS}; {_SECURED}; {_VALID}"),
    _hidden(
        "hidden-by-usage-policy",
        "a policy shows rows of users with an account alone",
        f"{_READS}; ALTER TABLE {U} ENABLE ROW LEVEL SECURITY; "
        f"CREATE POLICY users ON {U} FOR SELECT TO {{reader}} USING ({K} NOT LIKE 'anon:%')",
    ),
    _hidden(
        "hidden-from-owner",
        "a policy is forced on the table's owner, who judges",
        f"{_READS}; ALTER TABLE {T} OWNER TO {{reader}}; {_SECURED}; ALTER TABLE {T} FORCE ROW LEVEL SECURITY; "
        f"CREATE POLICY valid ON {T} USING ({C} <> 'a b')",
    ),
    _hidden(
        "hidden-column",
        "the column may not be read",
        f"GRANT SELECT ON {U} TO {{reader}}; GRANT SELECT (id, message_id, created_at) ON {T} TO {{reader}}",
    ),
    _hidden(
        "hidden-by-view",
        "a view of the table's name comes first on the search path",
        f"{_READS}; {_REPORTING}",
        "CREATE SCHEMA reporting",
        f"CREATE VIEW reporting.{T} AS SELECT * FROM public.{T} WHERE {C} <> 'a b'",
    ),
    _hidden(
        "hidden-by-copy",
        "a copy of the table comes first on the search path",
        f"{_READS}; {_REPORTING}",
        "CREATE SCHEMA reporting",
        f"CREATE TABLE reporting.{T} (LIKE public.{T} INCLUDING ALL)",
        f"INSERT INTO reporting.{T} SELECT * FROM public.{T} WHERE {C} <> 'a b'",
    ),
    _hidden(
        "hidden-by-faulty-copy",
        "a copy comes first on the search path, and it alone holds a faulty value",
        f"{_READS}; {_REPORTING}",
        "CREATE SCHEMA reporting",
        f"CREATE TABLE reporting.{T} (LIKE public.{T} INCLUDING ALL)",
        f"INSERT INTO reporting.{T} TABLE public.{T}",
        f"UPDATE public.{T} SET {C} = 'fine'",
    ),
    _hidden(
        "hidden-by-copies-alone",
        "copies of both tables are all that is on the search path",
        _REPORTING.replace(", public", ""),
        "CREATE SCHEMA reporting",
        *(f"CREATE TABLE reporting.{table} (LIKE public.{table} INCLUDING ALL)" for table in (U, T)),
        f"INSERT INTO reporting.{U} TABLE public.{U}",
        f"INSERT INTO reporting.{T} SELECT * FROM public.{T} WHERE {C} <> 'a b'",
    ),
    _hidden(
        "hidden-by-views-alone",
        "views of both tables are all that is on the search path",
        _REPORTING.replace(", public", ""),
        "CREATE SCHEMA reporting",
        f"CREATE VIEW reporting.{U} AS TABLE public.{U}",
        f"CREATE VIEW reporting.{T} AS SELECT * FROM public.{T} WHERE {C} <> 'a b'",
    ),
    _hidden(
        "hidden-by-usage-view",
        "a view stands in the place of the usage table",
        _READS,
        f"ALTER TABLE {U} RENAME TO usage_rows",
        f"CREATE VIEW {U} AS TABLE usage_rows",
    ),
    _hidden(
        "hidden-schema",
        "the schema may not be used",
        _READS,
        f"CREATE SCHEMA app; ALTER TABLE {T} SET SCHEMA app; ALTER TABLE {U} SET SCHEMA app; "
        "SET search_path = app",
    ),
)
"""In each the claim about all stored values must stay unknown, and nothing may be refuted."""

HARMLESS: Final = (
    _seen("seen-by-reader", "the role may select, and nothing else", _READS),
    _seen(
        "seen-past-policies",
        "the role is exempt from policies",
        f"{_READS}; ALTER ROLE {{reader}} BYPASSRLS; {_SECURED}; {_VALID}",
    ),
    _seen(
        "seen-by-owner",
        "the role owns the table, which exempts it",
        f"{_READS}; ALTER TABLE {T} OWNER TO {{reader}}; {_SECURED}",
    ),
    _seen(
        "seen-beside-copy",
        "a copy is in a schema that is not on the search path",
        _READS,
        "CREATE SCHEMA archive",
        f"CREATE TABLE archive.{T} (LIKE public.{T} INCLUDING ALL)",
    ),
    _seen(
        "seen-by-columns",
        "the role may select what the claims are about, and no other column",
        f"GRANT SELECT (id, {K}) ON {U} TO {{reader}}; GRANT SELECT (id, {C}) ON {T} TO {{reader}}",
    ),
    _seen(
        "seen-in-another-schema",
        "both tables are in a schema of the role's search path",
        f"GRANT SELECT ON app.{U}, app.{T} TO {{reader}}; GRANT USAGE ON SCHEMA app TO {{reader}}; "
        "ALTER ROLE {reader} SET search_path = app, public",
        f"CREATE SCHEMA app; ALTER TABLE {T} SET SCHEMA app; ALTER TABLE {U} SET SCHEMA app",
    ),
    _seen(
        "seen-beside-views",
        "views for others are in a schema that is not on the search path",
        _READS,
        "CREATE SCHEMA reporting",
        f"CREATE VIEW reporting.{T} AS TABLE public.{T}",
    ),
)
