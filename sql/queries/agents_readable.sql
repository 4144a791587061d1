-- Whether this role may follow rows of the detail table to the user agents of their requests: the look-up and the columns
-- are there and readable, and no policy filters the look-up for it. Reads the catalogue only.
SELECT count(*) = 3 FROM pg_attribute
WHERE attnum > 0 AND NOT attisdropped
    AND (
        (attrelid = to_regclass(quote_ident(%(agents)s)) AND attname IN (%(key)s, %(column)s))
        OR (attrelid = to_regclass(quote_ident(%(detail)s)) AND attname = %(reference)s)
    )
    AND has_column_privilege(attrelid, attnum, 'SELECT')
    AND NOT row_security_active(attrelid)
