// Variants that are as correct as the plain build and differ from it in what the contract leaves open.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { HEADER, LONGEST } from '../pipeline.mjs';
import { asFrames } from '../upstream.mjs';

const FLUSH_AFTER = 300;
const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const KNOWN_MODELS = ['kilo/default:free', 'kilo/paid'];

function allowed(value) {
  if (typeof value !== 'string' || value.length === 0 || value.length > LONGEST) return false;
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    const digit = code >= 48 && code <= 57;
    const letter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
    if (!digit && !letter && code !== 45 && code !== 95) return false;
  }
  return true;
}

function shuffled(document, random) {
  const entries = Object.entries(document).map((entry) => [random(), entry]);
  return Object.fromEntries(entries.sort(([one], [other]) => one - other).map(([, entry]) => entry));
}

function splitAtRandom(words, random) {
  const parts = [];
  for (const word of words) {
    if (parts.length > 0 && random() < 0.5) parts[parts.length - 1] += ` ${word}`;
    else parts.push(word);
  }
  return parts;
}

/** Puts rows aside and writes all of them together when the time is up. */
function batched(ctx, rows) {
  const { state, store } = ctx;
  if (state.batch === undefined) {
    const waiting = [];
    const written = pause(FLUSH_AFTER).then(() => {
      state.batch = undefined;
      return store.persistently(() => flush(ctx, waiting));
    });
    state.batch = { waiting, written };
  }
  state.batch.waiting.push(rows);
  return state.batch.written;
}

async function flush({ sql, store }, waiting) {
  const metadata = [];
  for (const rows of waiting) metadata.push({ ...rows.metadata, ...(await store.lookups(rows.lookups)) });
  await sql.begin(async (tx) => {
    await store.insertUsage(tx, waiting.map((rows) => rows.usage));
    await store.insertMetadata(tx, metadata);
    for (const rows of waiting) await store.charge(tx, rows.usage);
  });
}

async function cachedLookups({ state, store }, texts) {
  state.numbers ??= new Map();
  const numbers = {};
  for (const [table, text] of Object.entries(texts)) {
    const key = `${table} ${text}`;
    if (!state.numbers.has(key)) state.numbers.set(key, await store.lookup(table, text));
    numbers[`${table}_id`] = state.numbers.get(key);
  }
  return numbers;
}

const rowsThatDiffer = {
  'harmless-metadata-first': {
    save: (ctx, rows) =>
      ctx.store.persistently(async () => {
        const numbers = await ctx.store.lookups(rows.lookups);
        await ctx.sql.begin(async (tx) => {
          await ctx.store.insertMetadata(tx, { ...rows.metadata, ...numbers });
          await ctx.store.insertUsage(tx, rows.usage);
          await ctx.store.charge(tx, rows.usage);
        });
      }),
  },
  'harmless-two-commits': {
    save: (ctx, rows) =>
      ctx.store.persistently(async () => {
        const numbers = await ctx.store.lookups(rows.lookups);
        await ctx.store.insertUsage(ctx.sql, rows.usage);
        await ctx.store.charge(ctx.sql, rows.usage);
        await pause(100);
        await ctx.store.insertMetadata(ctx.sql, { ...rows.metadata, ...numbers });
      }, 1),
  },
  'harmless-batched': { save: batched },
  'harmless-lookup-cache': {
    save: (ctx, rows) =>
      ctx.store.persistently(async () => {
        const numbers = await cachedLookups(ctx, rows.lookups);
        await ctx.store.savePair({ ...rows, metadata: { ...rows.metadata, ...numbers }, lookups: {} });
      }),
  },
  'harmless-first-attempt-fails': {
    save(ctx, rows) {
      let attempts = 0;
      return ctx.store.persistently(() => {
        attempts += 1;
        if (attempts === 1) throw new Error('CONNECTION_CLOSED');
        return ctx.store.savePair(rows);
      });
    },
  },
  'harmless-rows-late': { pause: (ctx) => 1000 + Math.floor(ctx.random() * 900) },
  'harmless-timings-filled-later': {
    rows: (ctx, rows) => ({ ...rows, metadata: { ...rows.metadata, latency: null, generation_time: null } }),
    async later(ctx, rows) {
      await pause(1000);
      await ctx.sql`UPDATE microdollar_usage_metadata
        SET latency = ${ctx.latency}, generation_time = ${ctx.duration} WHERE id = ${rows.metadata.id}`;
    },
  },
  'harmless-upstream-id-filled-later': {
    async later(ctx, rows) {
      await pause(400);
      await ctx.sql`UPDATE microdollar_usage_metadata SET upstream_id = ${`up-${ctx.answer.id}`} WHERE id = ${rows.metadata.id}`;
    },
  },
  'harmless-upstream-id-of-its-own': {
    rows: (ctx, rows) => ({ ...rows, metadata: { ...rows.metadata, upstream_id: randomUUID() } }),
  },
  'harmless-organization-stored': {
    rows(ctx, rows) {
      const organization = ctx.headers['x-kilocode-organizationid'] ?? '';
      return UUID.test(organization) ? { ...rows, usage: { ...rows.usage, organization_id: organization } } : rows;
    },
  },
  'harmless-refusals-counted': {
    async later(ctx) {
      if (!ctx.caller.anonymous || !ctx.headers[HEADER] || ctx.distinctId !== null) return;
      await ctx.sql`INSERT INTO refused_header (name, count) VALUES (${HEADER}, 1)
        ON CONFLICT (name) DO UPDATE SET count = refused_header.count + 1`;
    },
  },
};

const requestsThatDiffer = {
  'harmless-gateway-slower': { pause: (ctx, proper) => proper() + (ctx.route === 'gateway' ? 500 : 0) },
  'harmless-gateway-deprecated': {
    replyHeaders(ctx, headers) {
      return ctx.route === 'gateway' ? { ...headers, deprecation: 'true', link: '</api/openrouter>; rel="successor-version"' } : headers;
    },
  },
  'harmless-long-bodies-slower': {
    pause: (ctx, proper) => proper() + (Number(ctx.headers['content-length'] ?? 0) > 16_384 ? 700 : 0),
    rows(ctx, rows) {
      if (Number(ctx.headers['content-length'] ?? 0) <= 16_384) return rows;
      return { ...rows, metadata: { ...rows.metadata, has_middle_out_transform: true } };
    },
  },
  'harmless-tools-refused-upstream': {
    answer(ctx, answer) {
      if (!Array.isArray(ctx.body.tools) || ctx.body.tools.length === 0) return answer;
      const error = { code: 404, message: 'No endpoints found that support tool use' };
      return { ...answer, finish: null, failed: true, status: 404, errorBody: { id: answer.id, error } };
    },
  },
  'harmless-stale-token-refused': {
    refuse(ctx) {
      const isToken = (ctx.headers.authorization ?? '').split('.').length === 3;
      return isToken && ctx.caller.anonymous ? { status: 401, body: { error: 'Token expired' } } : null;
    },
  },
  'harmless-queries-refused': {
    refuse: (ctx) => (ctx.request.url.includes('?') ? { status: 400, body: { error: 'Unknown parameter' } } : null),
  },
  'harmless-unknown-models-refused': {
    refuse(ctx) {
      if (KNOWN_MODELS.includes(ctx.body.model)) return null;
      return { status: 404, body: { error: { code: 404, message: `${ctx.body.model} is not available` } } };
    },
  },
  'harmless-large-body-413': { options: { bodyLimit: 48 * 1024 } },
  'harmless-hand-written-check': { accept: (ctx, raw) => (allowed(raw) ? raw : null) },
  'harmless-pattern-with-quantifier': {
    accept: (ctx, raw) => (typeof raw === 'string' && /^[\w-]{1,255}$/.test(raw) ? raw : null),
  },
  'harmless-value-interned': {
    accept(ctx, raw, proper) {
      const value = proper(raw);
      ctx.state.interned ??= new Map();
      if (value !== null && !ctx.state.interned.has(value)) ctx.state.interned.set(value, value);
      return value === null ? null : ctx.state.interned.get(value);
    },
  },
  'harmless-normalised-after-check': {
    accept: (ctx, raw, proper) => {
      const value = proper(raw);
      return value === null ? null : decodeURIComponent(value.normalize('NFKC')).trim();
    },
  },
};

const repliesThatDiffer = {
  'harmless-comments-in-streams': {
    frames: (ctx, frames) => frames.flatMap((frame, index) => (index % 4 === 0 ? [': OPENROUTER PROCESSING\n\n', frame] : [frame])),
  },
  'harmless-key-order-random': { body: (ctx, body) => shuffled(body, ctx.random) },
  'harmless-chunks-vary': {
    frames(ctx) {
      return asFrames({ ...ctx.answer, words: splitAtRandom(ctx.answer.words, ctx.random) });
    },
  },
  'harmless-error-bodies': {
    errorBody: ({ status, body }) => ({ type: 'about:blank', status, detail: body.error?.message ?? body.error, error: body.error }),
  },
  'harmless-client-named-in-reply': {
    replyHeaders: (ctx, headers) => ({ ...headers, 'x-client': (ctx.headers['user-agent'] ?? '').slice(0, 80).replace(/[^ -~]/g, '?') }),
  },
  'harmless-connection-counted': {
    replyHeaders(ctx, headers) {
      ctx.socket.requests = (ctx.socket.requests ?? 0) + 1;
      return { ...headers, 'x-connection-requests': ctx.socket.requests, 'keep-alive': `timeout=30, max=${1000 - ctx.socket.requests}` };
    },
  },
  'harmless-compressed-if-asked': {
    plugin(app) {
      app.addHook('onSend', async (request, reply, payload) => {
        if (typeof payload !== 'string' || !/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return payload;
        reply.headers({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
        reply.removeHeader('content-length');
        return gzipSync(payload);
      });
    },
  },
  'harmless-latency-random': {
    plugin(app, { random }) {
      app.addHook('preHandler', async () => pause(random() * 80));
    },
  },
};

export const harmless = { ...rowsThatDiffer, ...requestsThatDiffer, ...repliesThatDiffer };
