-- Rolls back 0005b: drops the index while writers go on. Nobody's rows change.
-- Locks: SHARE UPDATE EXCLUSIVE on microdollar_usage_metadata; reads and writes pass. It waits for transactions that
-- use the table to end, for as long as they take; a build of this index that is still going on is waited for, too.
-- Transaction: must NOT run in one (25001).
-- No timeouts: one that strikes in the middle leaves the index invalid; then run this file again.
SET lock_timeout = 0;
SET statement_timeout = 0;
DROP INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id;
