-- Whether this role may follow rows of the metadata table to the user agents of their requests: the look-up and both
-- columns are there and readable, and no policy filters the look-up for it. The placeholders are the look-up's name,
-- which is its column's, too; the column that refers to it; and the metadata table. Reads the catalogue only.
SELECT count(*) = 3 FROM pg_attribute
WHERE attnum > 0 AND NOT attisdropped
    AND (
        (attrelid = to_regclass(%(agents)s) AND attname IN (%(agents)s, %(agent_id)s))
        OR (attrelid = to_regclass(%(metadata)s) AND attname = %(agent_id)s)
    )
    AND has_column_privilege(attrelid, attnum, 'SELECT')
    AND NOT row_security_active(attrelid)
