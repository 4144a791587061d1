// Faults in which one request leaves something behind for another.

import { HEADER, RULE, valid } from '../pipeline.mjs';

const FALLBACK = 'memory';

function remembered(ctx, name = FALLBACK) {
  ctx.state[name] ??= new Map();
  return ctx.state[name];
}

/** Falls back on the last value that was kept under a key, and keeps the new one. */
const fallsBack = (keyOf) => ({
  distinctId(ctx, proper) {
    const value = proper();
    if (!ctx.caller.anonymous) return value;
    const kept = remembered(ctx);
    const key = keyOf(ctx);
    if (key === undefined) return value;
    if (value !== null) kept.set(key, value);
    return value ?? kept.get(key) ?? null;
  },
});

export const memory = {
  'memory-connection-keeps-value': fallsBack((ctx) => ctx.socket),
  'memory-address-keeps-value': fallsBack((ctx) => ctx.ip),
  'memory-junk-token-keeps-value': fallsBack((ctx) => ctx.headers.authorization),
  'memory-email-on-connection': {
    distinctId(ctx, proper) {
      const value = proper();
      if (!ctx.caller.anonymous) ctx.socket.signedInAs = ctx.caller.email;
      return ctx.caller.anonymous ? (value ?? ctx.socket.signedInAs ?? null) : value;
    },
  },
  'memory-email-on-address': {
    distinctId(ctx, proper) {
      const people = remembered(ctx);
      if (!ctx.caller.anonymous) people.set(ctx.ip, ctx.caller.email);
      return ctx.caller.anonymous && people.has(ctx.ip) ? people.get(ctx.ip) : proper();
    },
  },
  'memory-first-value-of-address-wins': {
    distinctId(ctx, proper) {
      const value = proper();
      if (!ctx.caller.anonymous || value === null) return value;
      const first = remembered(ctx);
      if (!first.has(ctx.ip)) first.set(ctx.ip, value);
      return first.get(ctx.ip);
    },
  },
  'memory-value-belongs-to-first-caller': {
    distinctId(ctx, proper) {
      const value = proper();
      if (!ctx.caller.anonymous || value === null) return value;
      const owners = remembered(ctx);
      if (!owners.has(value)) owners.set(value, ctx.ip);
      return owners.get(value) === ctx.ip ? value : null;
    },
  },
  'memory-refused-once-blocked-next': {
    distinctId(ctx, proper) {
      const value = proper();
      if (!ctx.caller.anonymous) return value;
      const blocked = remembered(ctx);
      if (ctx.headers[HEADER] && value === null) blocked.set(ctx.ip, true);
      else if (blocked.delete(ctx.ip)) return null;
      return value;
    },
  },
  'memory-case-of-first-spelling': {
    accept(ctx, raw, proper) {
      const value = proper(raw);
      if (value === null) return null;
      const spellings = remembered(ctx);
      const key = value.toLowerCase();
      if (!spellings.has(key)) spellings.set(key, value);
      return spellings.get(key);
    },
  },
  'memory-shared-variable': {
    distinctId(ctx, proper) {
      const value = proper();
      if (ctx.caller.anonymous) ctx.state.current = value;
      return value;
    },
    rows(ctx, rows) {
      if (!ctx.caller.anonymous) return rows;
      return { ...rows, metadata: { ...rows.metadata, posthog_distinct_id: ctx.state.current } };
    },
  },
  'memory-regex-with-state': {
    accept(ctx, raw) {
      ctx.state.rule ??= new RegExp(RULE.source, 'g');
      return typeof raw === 'string' && raw.length <= 255 && ctx.state.rule.test(raw) ? raw : null;
    },
  },
  'memory-same-value-not-repeated': {
    distinctId(ctx, proper) {
      const value = proper();
      if (!ctx.caller.anonymous || value === null) return value;
      const latest = remembered(ctx);
      const repeated = latest.get(ctx.ip) === value;
      latest.set(ctx.ip, value);
      return repeated ? null : value;
    },
  },
  'memory-signed-in-after-anonymous': {
    distinctId(ctx, proper) {
      if (ctx.caller.anonymous) {
        const value = proper();
        if (valid(value)) ctx.socket.anonymousId = value;
        return value;
      }
      return ctx.socket.anonymousId ?? proper();
    },
  },
};
