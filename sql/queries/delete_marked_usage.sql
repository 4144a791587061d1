-- Deletes usage rows at addresses for documentation, after their metadata: those of the ids given that have none left.
DELETE FROM microdollar_usage AS usage
WHERE usage.id = ANY(%(ids)s)
    AND usage.kilo_user_id COLLATE "C" ~ {reserved}
    AND NOT EXISTS (SELECT 1 FROM microdollar_usage_metadata AS other WHERE other.id = usage.id)
