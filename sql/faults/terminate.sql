-- Ends sessions of replicas on this database, busy ones first and no more than asked for; waits until they have ended.
SELECT pg_terminate_backend(pid, 5000)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = %(name)s
ORDER BY state = 'active' DESC, backend_start
LIMIT %(most)s
