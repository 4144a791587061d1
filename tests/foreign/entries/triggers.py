"""Triggers on the metadata table."""

TABLE = "microdollar_usage_metadata"


def before_insert(name: str, statements: str) -> str:
    """A trigger that runs the statements on each row before it is inserted."""
    return f"""
    CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {statements}
        RETURN NEW;
    END $$;
    CREATE TRIGGER {name} BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {name}();
    """
