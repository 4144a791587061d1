// Faults that fail every request of one class, and none of another.

import { HEADER } from '../pipeline.mjs';

const sent = (ctx) => ctx.headers[HEADER] !== undefined;
const loses = (condition) => ({
  async save(ctx, rows, proper) {
    if (!condition(ctx)) return proper(rows);
    return ctx.store.persistently(() => {
      throw new TypeError('UNDEFINED_VALUE: Undefined values are not allowed');
    });
  },
});
const refuses = (condition, status, error) => ({
  refuse: (ctx) => (condition(ctx) ? { status, body: { error } } : null),
});

export const systematic = {
  'systematic-signed-in-rows-lost': loses((ctx) => !ctx.caller.anonymous),
  'systematic-rows-without-header-lost': {
    rows(ctx, rows) {
      if (sent(ctx) || !ctx.caller.anonymous) return rows;
      return { ...rows, metadata: { ...rows.metadata, posthog_distinct_id: undefined } };
    },
  },
  'systematic-refused-rows-lost': {
    rows(ctx, rows) {
      if (!ctx.caller.anonymous || ctx.distinctId !== null || !sent(ctx)) return rows;
      return { ...rows, metadata: { ...rows.metadata, posthog_distinct_id: undefined } };
    },
  },
  'systematic-400-without-header': refuses((ctx) => ctx.caller.anonymous && !sent(ctx), 400, 'Missing distinct id'),
  'systematic-junk-token-401': refuses(
    (ctx) => ctx.caller.anonymous && ctx.headers.authorization !== undefined,
    401,
    'Invalid token',
  ),
  'systematic-ipv6-500': refuses((ctx) => ctx.ip.includes(':'), 500, 'Internal Server Error'),
  'systematic-stream-rows-lost': loses((ctx) => ctx.streaming),
  'systematic-gateway-missing': { prefixes: ['openrouter'] },
  'systematic-tools-without-header-500': refuses(
    (ctx) => !sent(ctx) && Array.isArray(ctx.body.tools) && ctx.body.tools.length > 0,
    500,
    'Internal Server Error',
  ),
  'systematic-no-value-ever': {
    rows(ctx, rows) {
      if (!ctx.caller.anonymous) return rows;
      return { ...rows, metadata: { ...rows.metadata, posthog_distinct_id: null } };
    },
  },
};
