-- A user of a seeded database, to sign in as.
SELECT id, google_user_email FROM kilocode_users ORDER BY id LIMIT 1
