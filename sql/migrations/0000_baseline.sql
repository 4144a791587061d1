-- The schema as it is before the rollout: usage, its metadata, their lookups, the users, and the view over them.
-- Locks: nothing that anybody uses; every object is new. Transaction: may run in one.
-- A metadata row has its usage row's id and no foreign key to it. Anonymous users have no row in kilocode_users, so
-- usage has no foreign key to that either.

CREATE TABLE kilocode_users (
    id text PRIMARY KEY,
    google_user_email text NOT NULL UNIQUE,
    microdollars_used bigint NOT NULL DEFAULT 0,
    kilo_pass_threshold bigint,
    api_token_pepper text
);

CREATE TABLE http_user_agent (
    http_user_agent_id serial PRIMARY KEY,
    http_user_agent text NOT NULL
);
CREATE UNIQUE INDEX "UQ_http_user_agent" ON http_user_agent (http_user_agent);

CREATE TABLE http_ip (
    http_ip_id serial PRIMARY KEY,
    http_ip text NOT NULL
);
CREATE UNIQUE INDEX "UQ_http_ip" ON http_ip (http_ip);

CREATE TABLE vercel_ip_city (
    vercel_ip_city_id serial PRIMARY KEY,
    vercel_ip_city text NOT NULL
);
CREATE UNIQUE INDEX "UQ_vercel_ip_city" ON vercel_ip_city (vercel_ip_city);

CREATE TABLE vercel_ip_country (
    vercel_ip_country_id serial PRIMARY KEY,
    vercel_ip_country text NOT NULL
);
CREATE UNIQUE INDEX "UQ_vercel_ip_country" ON vercel_ip_country (vercel_ip_country);

CREATE TABLE ja4_digest (
    ja4_digest_id serial PRIMARY KEY,
    ja4_digest text NOT NULL
);
CREATE UNIQUE INDEX "UQ_ja4_digest" ON ja4_digest (ja4_digest);

CREATE TABLE system_prompt_prefix (
    system_prompt_prefix_id serial PRIMARY KEY,
    system_prompt_prefix text NOT NULL
);
CREATE UNIQUE INDEX "UQ_system_prompt_prefix" ON system_prompt_prefix (system_prompt_prefix);

CREATE TABLE finish_reason (
    finish_reason_id serial PRIMARY KEY,
    finish_reason text NOT NULL
);
CREATE UNIQUE INDEX "UQ_finish_reason" ON finish_reason (finish_reason);

CREATE TABLE editor_name (
    editor_name_id serial PRIMARY KEY,
    editor_name text NOT NULL
);
CREATE UNIQUE INDEX "UQ_editor_name" ON editor_name (editor_name);

CREATE TABLE microdollar_usage (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kilo_user_id text NOT NULL,
    cost bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    cache_hit_tokens bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    provider text,
    model text,
    requested_model text,
    cache_discount bigint,
    has_error boolean NOT NULL DEFAULT false,
    abuse_classification smallint NOT NULL DEFAULT 0,
    organization_id uuid,
    inference_provider text,
    project_id text
);
CREATE INDEX idx_created_at ON microdollar_usage (created_at);
CREATE INDEX idx_abuse_classification ON microdollar_usage (abuse_classification);
CREATE INDEX idx_kilo_user_id_created_at2 ON microdollar_usage (kilo_user_id, created_at);
CREATE INDEX idx_microdollar_usage_organization_id ON microdollar_usage (organization_id)
WHERE organization_id IS NOT NULL;

CREATE TABLE microdollar_usage_metadata (
    id uuid PRIMARY KEY,
    created_at timestamptz,
    message_id text NOT NULL,
    http_user_agent_id integer REFERENCES http_user_agent (http_user_agent_id),
    http_ip_id integer REFERENCES http_ip (http_ip_id),
    vercel_ip_city_id integer REFERENCES vercel_ip_city (vercel_ip_city_id),
    vercel_ip_country_id integer REFERENCES vercel_ip_country (vercel_ip_country_id),
    ja4_digest_id integer REFERENCES ja4_digest (ja4_digest_id),
    system_prompt_prefix_id integer REFERENCES system_prompt_prefix (system_prompt_prefix_id),
    finish_reason_id integer,
    editor_name_id integer,
    vercel_ip_latitude real,
    vercel_ip_longitude real,
    user_prompt_prefix text,
    system_prompt_length integer,
    max_tokens bigint,
    has_middle_out_transform boolean,
    status_code smallint,
    upstream_id text,
    latency real,
    moderation_latency real,
    generation_time real,
    is_byok boolean,
    is_user_byok boolean,
    streamed boolean,
    cancelled boolean,
    has_tools boolean
);
CREATE INDEX idx_microdollar_usage_metadata_created_at ON microdollar_usage_metadata (created_at);

CREATE VIEW microdollar_usage_view AS
SELECT
    usage.id,
    usage.kilo_user_id,
    usage.cost,
    usage.input_tokens,
    usage.output_tokens,
    usage.cache_write_tokens,
    usage.cache_hit_tokens,
    usage.created_at,
    usage.provider,
    usage.model,
    usage.requested_model,
    usage.cache_discount,
    usage.has_error,
    usage.abuse_classification,
    usage.organization_id,
    usage.inference_provider,
    usage.project_id,
    metadata.message_id,
    http_user_agent.http_user_agent,
    http_ip.http_ip,
    vercel_ip_city.vercel_ip_city,
    vercel_ip_country.vercel_ip_country,
    ja4_digest.ja4_digest,
    system_prompt_prefix.system_prompt_prefix,
    finish_reason.finish_reason,
    editor_name.editor_name,
    metadata.vercel_ip_latitude,
    metadata.vercel_ip_longitude,
    metadata.user_prompt_prefix,
    metadata.system_prompt_length,
    metadata.max_tokens,
    metadata.has_middle_out_transform,
    metadata.status_code,
    metadata.upstream_id,
    metadata.latency,
    metadata.moderation_latency,
    metadata.generation_time,
    metadata.is_byok,
    metadata.is_user_byok,
    metadata.streamed,
    metadata.cancelled,
    metadata.has_tools
FROM microdollar_usage AS usage
LEFT JOIN microdollar_usage_metadata AS metadata ON metadata.id = usage.id
LEFT JOIN http_user_agent ON http_user_agent.http_user_agent_id = metadata.http_user_agent_id
LEFT JOIN http_ip ON http_ip.http_ip_id = metadata.http_ip_id
LEFT JOIN vercel_ip_city ON vercel_ip_city.vercel_ip_city_id = metadata.vercel_ip_city_id
LEFT JOIN vercel_ip_country ON vercel_ip_country.vercel_ip_country_id = metadata.vercel_ip_country_id
LEFT JOIN ja4_digest ON ja4_digest.ja4_digest_id = metadata.ja4_digest_id
LEFT JOIN system_prompt_prefix ON system_prompt_prefix.system_prompt_prefix_id = metadata.system_prompt_prefix_id
LEFT JOIN finish_reason ON finish_reason.finish_reason_id = metadata.finish_reason_id
LEFT JOIN editor_name ON editor_name.editor_name_id = metadata.editor_name_id;
