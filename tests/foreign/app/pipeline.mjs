// The steps of a request, each a function that a variant may put another in place of.

import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { prompts } from './upstream.mjs';

export const HEADER = 'x-posthog-distinct-id';
export const LONGEST = 255;
export const RULE = /^[a-zA-Z0-9_-]+$/;
const FEATURES = new Set(['chat', 'code', 'architect', 'ask', 'debug', 'orchestrator', 'review', 'autocomplete']);

export function valid(value) {
  return typeof value === 'string' && value.length <= LONGEST && RULE.test(value);
}

/** The payload of a token that the secret has signed, or null. */
export function verified(token, secret) {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  const expected = createHmac('sha256', secret).update(`${parts[0]}.${parts[1]}`).digest();
  const given = Buffer.from(parts[2], 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  try {
    return JSON.parse(Buffer.from(parts[1], 'base64url').toString());
  } catch {
    return null;
  }
}

function text(value) {
  if (value === undefined) return null;
  const kept = value.slice(0, 500).trim();
  return kept === '' ? null : kept;
}

function number(value) {
  const parsed = Number.parseFloat(value ?? '');
  return Number.isFinite(parsed) ? parsed : null;
}

function feature(value) {
  const word = (value ?? '').trim().toLowerCase();
  return FEATURES.has(word) ? word : null;
}

/** The steps as they should be. Each takes the context of its request first. */
export const steps = {
  address(ctx) {
    return (ctx.forwarded ?? '').split(',')[0].trim();
  },

  caller(ctx) {
    const [scheme, token] = (ctx.headers.authorization ?? '').split(' ');
    const claims = scheme === 'Bearer' && token ? verified(token, ctx.secret) : null;
    if (claims?.kiloUserId === ctx.user.id) return { anonymous: false, id: ctx.user.id, email: ctx.user.email };
    return { anonymous: true, id: `anon:${ctx.ip}`, email: null };
  },

  header(ctx) {
    return ctx.headers[HEADER];
  },

  accept(ctx, raw) {
    return valid(raw) ? raw : null;
  },

  distinctId(ctx) {
    return ctx.caller.anonymous ? ctx.run('accept', ctx.run('header')) : ctx.caller.email;
  },

  refuse() {
    return null;
  },

  answer(ctx, answer) {
    return answer;
  },

  body(ctx, body) {
    return body;
  },

  frames(ctx, frames) {
    return frames;
  },

  replyHeaders(ctx, headers) {
    return headers;
  },

  rows(ctx, rows) {
    return rows;
  },

  pause(ctx) {
    return 20 + Math.floor(ctx.random() * 130);
  },

  async save(ctx, rows) {
    await ctx.store.persistently(() => ctx.store.savePair(rows));
  },

  async later() {},
};

/** The two rows and the texts of their lookups, before a variant has changed them. */
export function rowsOf(ctx) {
  const { headers, body, answer } = ctx;
  const { system, user } = prompts(body);
  const id = randomUUID();
  const at = new Date();
  return {
    usage: {
      id,
      kilo_user_id: ctx.caller.id,
      cost: answer.cost,
      input_tokens: answer.tokens.input,
      output_tokens: answer.tokens.output,
      cache_write_tokens: 0,
      cache_hit_tokens: answer.tokens.cached,
      created_at: at,
      provider: 'openrouter',
      model: answer.model,
      requested_model: body.model,
      has_error: ctx.aborted || answer.failed === true,
      inference_provider: 'local',
      project_id: text(headers['x-kilocode-projectid']),
    },
    metadata: {
      id,
      created_at: at,
      message_id: answer.id,
      vercel_ip_latitude: number(headers['x-vercel-ip-latitude']),
      vercel_ip_longitude: number(headers['x-vercel-ip-longitude']),
      user_prompt_prefix: user.slice(0, 100) || null,
      system_prompt_length: system.length,
      max_tokens: Number.isInteger(body.max_tokens) ? body.max_tokens : null,
      has_middle_out_transform: Array.isArray(body.transforms) && body.transforms.includes('middle-out'),
      status_code: answer.status ?? 200,
      latency: ctx.latency,
      generation_time: ctx.duration,
      is_byok: false,
      is_user_byok: false,
      streamed: ctx.streaming,
      has_tools: Array.isArray(body.tools) && body.tools.length > 0,
      machine_id: text(headers['x-kilocode-machineid']),
      feature: feature(headers['x-kilocode-feature']),
      posthog_distinct_id: ctx.distinctId,
    },
    lookups: {
      http_user_agent: text(headers['user-agent']),
      http_ip: text(ctx.forwarded),
      vercel_ip_city: text(headers['x-vercel-ip-city']),
      vercel_ip_country: text(headers['x-vercel-ip-country']),
      ja4_digest: text(headers['x-vercel-ja4-digest']),
      system_prompt_prefix: system.slice(0, 100) || null,
      finish_reason: answer.finish,
      editor_name: text(headers['x-kilocode-editorname']),
    },
  };
}
