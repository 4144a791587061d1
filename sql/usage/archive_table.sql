-- What somebody had before the rollout: a copy of the metadata table, filled by usage/archive.sql. Part of a faulty plan.
CREATE TABLE microdollar_usage_metadata_archive (LIKE microdollar_usage_metadata);
