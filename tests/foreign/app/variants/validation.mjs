// Faults in which values count as valid.

import { HEADER, LONGEST, RULE, valid } from '../pipeline.mjs';

const judged = (rule, longest = LONGEST) => ({
  accept(ctx, raw) {
    return typeof raw === 'string' && raw.length <= longest && rule.test(raw) ? raw : null;
  },
});
const mended = (mend) => ({
  accept(ctx, raw) {
    if (typeof raw !== 'string') return null;
    const value = mend(raw, ctx);
    return valid(value) ? value : null;
  },
});

const signsIn = (nameOf) => ({
  caller(ctx, proper) {
    const { user } = ctx;
    return ctx.headers[HEADER] === nameOf(user) ? { anonymous: false, id: user.id, email: user.email } : proper();
  },
});

function decoded(raw) {
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

export const validation = {
  'class-bound-256': judged(RULE, 256),
  'class-bound-254': judged(RULE, 254),
  'class-bound-512': judged(RULE, 512),
  'class-bound-missing-up-to-btree': judged(RULE, 2600),
  'class-dot-accepted': judged(/^[a-zA-Z0-9_.-]+$/),
  'class-colon-accepted': judged(/^[a-zA-Z0-9_:-]+$/),
  'class-end-not-anchored': judged(/^[a-zA-Z0-9_-]+/),
  'class-start-not-anchored': judged(/[a-zA-Z0-9_-]+$/),
  'class-range-a-to-z-crossed': judged(/^[A-z0-9-]+$/),
  'class-letters-of-any-script': judged(/^[\p{L}\p{N}_-]+$/u),
  'class-base64-accepted': judged(/^[a-zA-Z0-9_+/=-]+$/),
  'class-long-cut-to-bound': mended((raw) => raw.slice(0, LONGEST)),
  'class-cut-at-64': mended((raw) => (raw.length <= LONGEST ? raw.slice(0, 64) : raw)),
  'class-wide-blanks-trimmed': mended((raw) => raw.trim()),
  'class-odd-characters-removed': mended((raw) => raw.replace(/[^a-zA-Z0-9_-]/g, '')),
  'class-first-of-duplicates': mended((raw) => raw.split(',')[0].trim()),
  'class-last-of-duplicates': mended((raw) => raw.split(',').at(-1).trim()),
  'class-quotes-removed': mended((raw) => raw.replace(/^"(.*)"$/, '$1')),
  'class-percent-decoded': mended(decoded),
  'class-extended-value-decoded': mended((raw) => raw.replace(/^utf-8''/i, '')),
  'class-urn-prefix-removed': mended((raw) => raw.replace(/^urn:uuid:/i, '')),
  'class-braces-removed': mended((raw) => raw.replace(/^\{(.*)\}$/, '$1')),
  'class-user-id-signs-in': signsIn((user) => user.id),
  'class-email-signs-in': signsIn((user) => user.email),
  'class-own-name-accepted': {
    accept: (ctx, raw, proper) => (raw === ctx.caller.id ? raw : proper(raw)),
  },
  'class-tabs-removed': mended((raw) => raw.replaceAll('\t', '')),
  'class-empty-stored-as-empty': {
    accept(ctx, raw, proper) {
      return raw === '' ? '' : proper(raw);
    },
  },
  'class-refused-stored-as-word': {
    accept(ctx, raw, proper) {
      return proper(raw) ?? (raw ? 'invalid' : null);
    },
  },
  'class-email-lost-if-refused': {
    distinctId(ctx, proper) {
      const raw = ctx.headers[HEADER];
      return !ctx.caller.anonymous && raw && !valid(raw) ? null : proper();
    },
  },
  'class-junk-token-unchecked': {
    accept(ctx, raw, proper) {
      const carried = /^Bearer ./.test(ctx.headers.authorization ?? '');
      return carried && raw ? raw.slice(0, LONGEST) : proper(raw);
    },
  },
  'class-only-first-64-checked': {
    accept(ctx, raw) {
      return typeof raw === 'string' && raw.length <= LONGEST && RULE.test(raw.slice(0, 64)) ? raw : null;
    },
  },
};
