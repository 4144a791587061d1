-- A user of a seeded database, to sign in as.
SELECT {key}, {email} FROM {users} ORDER BY {key} LIMIT 1
