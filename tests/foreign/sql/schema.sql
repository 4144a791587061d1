-- The tables that the backend writes, with the column and the index of the rollout and a few columns of its own.

CREATE TABLE kilocode_users (
    id text PRIMARY KEY,
    google_user_email text NOT NULL UNIQUE,
    microdollars_used bigint NOT NULL DEFAULT 0,
    kilo_pass_threshold bigint,
    api_token_pepper text
);

CREATE TABLE http_user_agent (http_user_agent_id serial PRIMARY KEY, http_user_agent text NOT NULL);
CREATE TABLE http_ip (http_ip_id serial PRIMARY KEY, http_ip text NOT NULL);
CREATE TABLE vercel_ip_city (vercel_ip_city_id serial PRIMARY KEY, vercel_ip_city text NOT NULL);
CREATE TABLE vercel_ip_country (vercel_ip_country_id serial PRIMARY KEY, vercel_ip_country text NOT NULL);
CREATE TABLE ja4_digest (ja4_digest_id serial PRIMARY KEY, ja4_digest text NOT NULL);
CREATE TABLE system_prompt_prefix (system_prompt_prefix_id serial PRIMARY KEY, system_prompt_prefix text NOT NULL);
CREATE TABLE finish_reason (finish_reason_id serial PRIMARY KEY, finish_reason text NOT NULL);
CREATE TABLE editor_name (editor_name_id serial PRIMARY KEY, editor_name text NOT NULL);

CREATE UNIQUE INDEX "UQ_http_user_agent" ON http_user_agent (http_user_agent);
CREATE UNIQUE INDEX "UQ_http_ip" ON http_ip (http_ip);
CREATE UNIQUE INDEX "UQ_vercel_ip_city" ON vercel_ip_city (vercel_ip_city);
CREATE UNIQUE INDEX "UQ_vercel_ip_country" ON vercel_ip_country (vercel_ip_country);
CREATE UNIQUE INDEX "UQ_ja4_digest" ON ja4_digest (ja4_digest);
CREATE UNIQUE INDEX "UQ_system_prompt_prefix" ON system_prompt_prefix (system_prompt_prefix);
CREATE UNIQUE INDEX "UQ_finish_reason" ON finish_reason (finish_reason);
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
    http_user_agent_id integer REFERENCES http_user_agent,
    http_ip_id integer REFERENCES http_ip,
    vercel_ip_city_id integer REFERENCES vercel_ip_city,
    vercel_ip_country_id integer REFERENCES vercel_ip_country,
    ja4_digest_id integer REFERENCES ja4_digest,
    system_prompt_prefix_id integer REFERENCES system_prompt_prefix,
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
    has_tools boolean,
    machine_id text,
    feature text
);
CREATE INDEX idx_microdollar_usage_metadata_created_at ON microdollar_usage_metadata (created_at);

CREATE TABLE refused_header (name text PRIMARY KEY, count bigint NOT NULL);

ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
CREATE INDEX idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id);
