-- Deletes metadata rows of the runs named: those whose user agent names one of them and whose usage row is at an address
-- for documentation. The marks in braces are as in marked_rows.sql.
DELETE FROM microdollar_usage_metadata AS metadata
USING microdollar_usage AS usage
WHERE usage.id = metadata.id
    AND usage.kilo_user_id COLLATE "C" ~ {reserved}
    AND substring({agent} FROM {marked}) = ANY(%(runs)s)
RETURNING metadata.id
