-- The signed-in user of a valid token.
SELECT id, google_user_email FROM kilocode_users WHERE id = %(user_id)s
