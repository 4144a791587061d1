-- Rows that were there before the rollout: a few users, lookups, and as many pairs of usage and metadata rows as the
-- setting harness.seed_rows says (SET harness.seed_rows = 100; before this file). The same rows whenever it runs.
-- For a database fresh from the baseline. Locks: as any INSERT. Transaction: may run in one.
-- Two rows in three are anonymous; every fourth lacks what a request may lack.
INSERT INTO kilocode_users (id, google_user_email)
SELECT 'user-' || n, 'user-' || n || '@example.com' FROM generate_series(1, 3) AS n;

INSERT INTO http_user_agent (http_user_agent) SELECT 'Kilo-Code/4.' || n || '.0' FROM generate_series(1, 5) AS n ORDER BY n;
INSERT INTO http_ip (http_ip) SELECT '203.0.113.' || n FROM generate_series(1, 5) AS n ORDER BY n;
INSERT INTO vercel_ip_city (vercel_ip_city) SELECT 'City ' || n FROM generate_series(1, 5) AS n ORDER BY n;
INSERT INTO vercel_ip_country (vercel_ip_country) SELECT 'Country ' || n FROM generate_series(1, 5) AS n ORDER BY n;
INSERT INTO ja4_digest (ja4_digest) SELECT md5('ja4 ' || n) FROM generate_series(1, 5) AS n ORDER BY n;
INSERT INTO system_prompt_prefix (system_prompt_prefix) SELECT 'You are assistant ' || n FROM generate_series(1, 5) AS n ORDER BY n;
INSERT INTO finish_reason (finish_reason) SELECT 'reason ' || n FROM generate_series(1, 5) AS n ORDER BY n;
INSERT INTO editor_name (editor_name) SELECT 'Editor ' || n FROM generate_series(1, 5) AS n ORDER BY n;

INSERT INTO microdollar_usage (
    id, kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, cache_hit_tokens, created_at,
    provider, model, requested_model, cache_discount, has_error, organization_id, inference_provider, project_id
)
SELECT
    md5('usage ' || n)::uuid,
    CASE WHEN n % 3 = 0 THEN 'user-' || 1 + n / 3 % 3 ELSE 'anon:203.0.113.' || 1 + n % 5 END,
    CASE WHEN n % 3 = 0 THEN 10 + n % 90 ELSE 0 END,
    100 + n % 900, 10 + n % 90, 0, 0,
    timestamptz '2025-11-01 00:00:00+00' + n * interval '1 second',
    'openrouter', 'test/model:free', 'test/model:free',
    CASE WHEN n % 4 > 0 THEN 1 END,
    n % 50 = 0,
    CASE WHEN n % 12 = 0 THEN md5('organization ' || n % 5)::uuid END,
    CASE WHEN n % 4 > 0 THEN 'provider ' || n % 5 END,
    CASE WHEN n % 12 = 0 THEN 'project ' || n % 5 END
FROM generate_series(1, current_setting('harness.seed_rows')::integer) AS n;

INSERT INTO microdollar_usage_metadata (
    id, created_at, message_id, http_user_agent_id, http_ip_id, vercel_ip_city_id, vercel_ip_country_id, ja4_digest_id,
    system_prompt_prefix_id, finish_reason_id, editor_name_id, vercel_ip_latitude, vercel_ip_longitude,
    user_prompt_prefix, system_prompt_length, max_tokens, has_middle_out_transform, status_code, upstream_id,
    latency, moderation_latency, generation_time, is_byok, is_user_byok, streamed, cancelled, has_tools
)
SELECT
    md5('usage ' || n)::uuid,
    timestamptz '2025-11-01 00:00:00+00' + n * interval '1 second',
    'seed-' || n,
    1 + n % 5, 1 + n % 5,
    CASE WHEN n % 4 > 0 THEN 1 + n % 5 END,
    CASE WHEN n % 4 > 0 THEN 1 + n % 5 END,
    CASE WHEN n % 4 > 0 THEN 1 + n % 5 END,
    1 + n % 5, 1 + n % 5, 1 + n % 5,
    CASE WHEN n % 4 > 0 THEN n % 90 + 0.25 END,
    CASE WHEN n % 4 > 0 THEN n % 180 + 0.5 END,
    'Question ' || n, 20, 4096, false,
    CASE WHEN n % 50 = 0 THEN 500 ELSE 200 END,
    'seed-' || n,
    0.5, CASE WHEN n % 4 > 0 THEN 0.125 END, 1.5,
    false, false, n % 2 = 0, NULL, n % 3 = 0
FROM generate_series(1, current_setting('harness.seed_rows')::integer) AS n;
