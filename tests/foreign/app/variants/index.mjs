// Every variant by name; the plain build is one that changes nothing.

import { harmless } from './harmless.mjs';
import { identity } from './identity.mjs';
import { memory } from './memory.mjs';
import { replies } from './replies.mjs';
import { requests } from './requests.mjs';
import { rows } from './rows.mjs';
import { systematic } from './systematic.mjs';
import { validation } from './validation.mjs';

const plain = {};

/** The build from before the rollout: it knows neither the header nor the column. */
const before = {
  rows(ctx, { usage, metadata, lookups }) {
    const { posthog_distinct_id: unknown, ...known } = metadata;
    return { usage, metadata: known, lookups };
  },
};

/** Leaves the column to its default where there is no value. */
const omitting = {
  rows(ctx, rows) {
    return rows.metadata.posthog_distinct_id === null ? before.rows(ctx, rows) : rows;
  },
};

export const variants = {
  plain,
  before,
  'omits-missing-value': omitting,
  ...harmless,
  ...identity,
  ...memory,
  ...replies,
  ...requests,
  ...rows,
  ...systematic,
  ...validation,
};
