-- Drops what an interrupted build of the index left: an invalid index that no query uses and every write maintains.
-- Stops, with nothing changed, when the index is valid (55000) or when a build may still be going on (55006): a session
-- without pg_read_all_stats sees that somebody builds, but not what, and then stops as well. Nothing there: does nothing.
-- Locks: SHARE UPDATE EXCLUSIVE on microdollar_usage_metadata; reads and writes pass. It waits for transactions that
-- use the table to end. Transaction: must NOT run in one (25001).
-- Afterwards: corrected/0005b_build_index.sql again.
SET lock_timeout = 0;
SET statement_timeout = 0;
DO $$
DECLARE
    builder integer;
BEGIN
    SELECT pid INTO builder
    FROM pg_stat_progress_create_index
    WHERE datname = current_database()
        AND (relid = to_regclass('microdollar_usage_metadata') OR relid IS NULL)
    LIMIT 1;
    IF builder IS NOT NULL THEN
        RAISE EXCEPTION 'an index build may be going on in process %; wait for it to end', builder
            USING ERRCODE = 'object_in_use';
    END IF;
    IF EXISTS (
        SELECT 1 FROM pg_index
        WHERE indexrelid = to_regclass('idx_microdollar_usage_metadata_posthog_distinct_id') AND indisvalid
    ) THEN
        RAISE EXCEPTION 'the index is valid; there is nothing to recover from'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$$;
DROP INDEX CONCURRENTLY IF EXISTS idx_microdollar_usage_metadata_posthog_distinct_id;
