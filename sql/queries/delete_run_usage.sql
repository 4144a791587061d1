-- Deletes the usage rows of one run of the gate, after their metadata: those of its users, and those of the ids given.
DELETE FROM microdollar_usage
WHERE kilo_user_id = ANY(%(user_ids)s) OR id = ANY(%(ids)s)
