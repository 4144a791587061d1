// Faults in which rows are written, and in what is done to them later.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { HEADER } from '../pipeline.mjs';

const identified = (ctx) => ctx.caller.anonymous && ctx.distinctId !== null;
const sent = (ctx) => ctx.headers[HEADER] !== undefined;
const changed = (rows, usage, metadata, lookups) => ({
  usage: { ...rows.usage, ...usage },
  metadata: { ...rows.metadata, ...metadata },
  lookups: { ...rows.lookups, ...lookups },
});

async function secondMetadata(ctx, rows, changes = {}) {
  await ctx.store.insertMetadata(ctx.sql, { ...rows.metadata, id: randomUUID(), ...changes });
}

export const rows = {
  'orphan-second-metadata': {
    async save(ctx, rows, proper) {
      await proper(rows);
      if (identified(ctx) && ctx.streaming) await secondMetadata(ctx, rows);
    },
  },
  'orphan-usage-of-long-value': {
    async save(ctx, rows, proper) {
      if (!identified(ctx) || ctx.distinctId.length <= 128) return proper(rows);
      await ctx.store.insertUsage(ctx.sql, rows.usage);
      return ctx.store.persistently(() => {
        throw new RangeError('distinct id exceeds the 128 characters of the client library');
      });
    },
  },
  'orphan-pair-under-value': {
    rows(ctx, rows) {
      return identified(ctx) ? changed(rows, { kilo_user_id: `anon:${ctx.distinctId}` }) : rows;
    },
  },
  'orphan-halves-disagree': {
    rows(ctx, rows) {
      const several = Array.isArray(ctx.body.messages) && ctx.body.messages.length > 1;
      return identified(ctx) && several ? changed(rows, { id: randomUUID() }) : rows;
    },
  },
  'orphan-reconciler': {
    async later(ctx, rows) {
      if (!identified(ctx)) return;
      await pause(1500);
      await secondMetadata(ctx, rows, { created_at: new Date() });
    },
  },
  'orphan-whole-pair-twice': {
    async save(ctx, rows, proper) {
      await proper(rows);
      if (!sent(ctx) || !ctx.caller.anonymous || !ctx.streaming) return;
      const id = randomUUID();
      await proper(changed(rows, { id }, { id }));
    },
  },
  'orphan-usage-without-metadata-if-refused': {
    async save(ctx, rows, proper) {
      if (!sent(ctx) || !ctx.caller.anonymous || identified(ctx)) return proper(rows);
      return ctx.store.insertUsage(ctx.sql, rows.usage);
    },
  },
  'later-cleared-after-stream': {
    async later(ctx, rows) {
      if (!identified(ctx) || !ctx.streaming) return;
      await pause(1200);
      await ctx.sql`UPDATE microdollar_usage_metadata
        SET generation_time = ${ctx.duration}, posthog_distinct_id = NULL WHERE id = ${rows.metadata.id}`;
    },
  },
  'later-lower-cased': {
    async later(ctx, rows) {
      if (!identified(ctx)) return;
      await pause(1000);
      await ctx.sql`UPDATE microdollar_usage_metadata
        SET posthog_distinct_id = lower(posthog_distinct_id) WHERE id = ${rows.metadata.id}`;
    },
  },
  'later-earlier-rows-stitched': {
    async later(ctx) {
      if (!identified(ctx)) return;
      await ctx.sql`UPDATE microdollar_usage_metadata AS m SET posthog_distinct_id = ${ctx.distinctId}
        FROM microdollar_usage AS u
        WHERE u.id = m.id AND u.kilo_user_id = ${ctx.caller.id} AND m.posthog_distinct_id IS NULL`;
    },
  },
  'later-only-newest-keeps-value': {
    async later(ctx, rows) {
      if (!identified(ctx)) return;
      await ctx.sql`UPDATE microdollar_usage_metadata SET posthog_distinct_id = NULL
        WHERE posthog_distinct_id = ${ctx.distinctId} AND id <> ${rows.metadata.id}`;
    },
  },
  'columns-cost-of-identified': {
    rows(ctx, rows) {
      return identified(ctx) ? changed(rows, { cost: rows.usage.input_tokens }) : rows;
    },
  },
  'columns-error-flag-if-refused': {
    rows(ctx, rows) {
      return ctx.caller.anonymous && sent(ctx) && !identified(ctx) ? changed(rows, { has_error: true }) : rows;
    },
  },
  'columns-streamed-flag-lost': {
    rows(ctx, rows) {
      return identified(ctx) ? changed(rows, {}, { streamed: false }) : rows;
    },
  },
  'columns-abuse-class-if-refused': {
    rows(ctx, rows) {
      if (!ctx.caller.anonymous || !sent(ctx) || identified(ctx)) return rows;
      return changed(rows, { abuse_classification: 50 });
    },
  },
  'columns-user-agent-lost': {
    rows(ctx, rows) {
      return identified(ctx) ? changed(rows, {}, {}, { http_user_agent: null }) : rows;
    },
  },
  'columns-message-id-prefixed': {
    rows(ctx, rows) {
      if (!identified(ctx) || ctx.streaming) return rows;
      return changed(rows, {}, { message_id: `${ctx.distinctId.slice(0, 8)}:${rows.metadata.message_id}` });
    },
  },
  'columns-signed-in-project-replaced': {
    rows(ctx, rows) {
      return !ctx.caller.anonymous && sent(ctx) ? changed(rows, { project_id: ctx.headers[HEADER].slice(0, 64) }) : rows;
    },
  },
  'columns-upstream-id-is-value': {
    rows: (ctx, rows) => changed(rows, {}, { upstream_id: identified(ctx) ? ctx.distinctId : randomUUID() }),
  },
  'orphan-usage-of-value': {
    async save(ctx, rows, proper) {
      await proper(rows);
      if (!identified(ctx)) return;
      await ctx.store.insertUsage(ctx.sql, { ...rows.usage, id: randomUUID(), kilo_user_id: `anon:${ctx.distinctId}` });
    },
  },
  'later-rows-of-value-get-email': {
    async later(ctx) {
      if (ctx.caller.anonymous || !sent(ctx)) return;
      await ctx.sql`UPDATE microdollar_usage_metadata SET posthog_distinct_id = ${ctx.caller.email}
        WHERE posthog_distinct_id = ${ctx.headers[HEADER]}`;
    },
  },
  'later-signed-in-rows-of-address-get-value': {
    async later(ctx) {
      if (!identified(ctx)) return;
      await ctx.sql`UPDATE microdollar_usage_metadata AS m SET posthog_distinct_id = ${ctx.distinctId}
        FROM http_ip AS i
        WHERE i.http_ip_id = m.http_ip_id AND i.http_ip = ${ctx.forwarded} AND m.posthog_distinct_id LIKE '%@%'`;
    },
  },
};
