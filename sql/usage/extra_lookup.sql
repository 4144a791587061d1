-- A row more in a lookup table with each request; no row of the two tables refers to it.
INSERT INTO ja4_digest (ja4_digest) SELECT 'of ' || %(usage_id)s::text ON CONFLICT (ja4_digest) DO NOTHING
