-- The e-mail of the user of a valid token.
SELECT {email} FROM {users} WHERE {key} = %(user_id)s
