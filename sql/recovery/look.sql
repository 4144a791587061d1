-- Looks at the index of the rollout: is it there, is it whole, does somebody build it, and whom does that build wait for.
-- Changes nothing. Locks: none that anybody waits for. Transaction: may run in one. Needs pg_read_all_stats to see the
-- builds of other roles. One row for the index as it stands, one for each build of an index on the table.
-- Read it so: `valid`: nothing to do. `invalid` and no build: drop_invalid_index.sql, then corrected/0005b again.
-- A build that waits: the processes in `waits_for` hold it up; it ends when they do. End them, not the build.
SELECT
    'index' AS what,
    NULL::integer AS process,
    CASE WHEN i.indisvalid THEN 'valid' ELSE 'invalid' END AS state,
    NULL::integer[] AS waits_for
FROM pg_index AS i
WHERE i.indexrelid = to_regclass('idx_microdollar_usage_metadata_posthog_distinct_id')
UNION ALL
SELECT 'build', p.pid, p.phase, pg_blocking_pids(p.pid)
FROM pg_stat_progress_create_index AS p
WHERE p.datname = current_database()
    AND (p.relid = to_regclass('microdollar_usage_metadata') OR p.relid IS NULL)
ORDER BY what DESC, process;
