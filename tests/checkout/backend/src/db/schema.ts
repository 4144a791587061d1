import { bigint, boolean, check, index, integer, pgTable, real, serial, smallint, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { isNotNull, sql } from 'drizzle-orm';
import { Outcome } from '@/db/enums';

export const kilocode_users = pgTable('kilocode_users', {
  id: text().primaryKey(),
  google_user_email: text().notNull().unique(),
  microdollars_used: bigint({ mode: 'number' }).notNull().default(0),
  kilo_pass_threshold: bigint({ mode: 'number' }),
  api_token_pepper: text(),
});

export const http_user_agent = pgTable(
  'http_user_agent',
  {
    http_user_agent_id: serial().notNull().primaryKey(),
    http_user_agent: text().notNull(),
  },
  table => [uniqueIndex('UQ_http_user_agent').on(table.http_user_agent)]
);

export const microdollar_usage = pgTable(
  'microdollar_usage',
  {
    id: uuid().notNull().primaryKey().defaultRandom(),
    kilo_user_id: text().notNull(),
    cost: bigint({ mode: 'number' }).notNull(),
    created_at: timestamp({ withTimezone: true, mode: 'string' }).notNull().defaultNow(),
    organization_id: uuid(),
  },
  table => [
    index('idx_created_at').on(table.created_at),
    index('idx_microdollar_usage_organization_id').on(table.organization_id).where(isNotNull(table.organization_id)),
    check('cost_is_no_text', sql`${table.cost}::text <> ${sql.raw(`'${Outcome.Bad}'`)}`),
  ]
);

export const microdollar_usage_metadata = pgTable(
  'microdollar_usage_metadata',
  {
    id: uuid().notNull().primaryKey(),
    created_at: timestamp({ withTimezone: true, mode: 'string' }),
    message_id: text().notNull(),
    http_user_agent_id: integer().references(() => http_user_agent.http_user_agent_id),
    http_ip_id: integer(),
    vercel_ip_latitude: real(),
    user_prompt_prefix: text(),
    system_prompt_length: integer(),
    max_tokens: bigint({ mode: 'number' }),
    status_code: smallint(),
    editor_name_id: integer(),
    streamed: boolean(),
    has_tools: boolean(),
    posthog_distinct_id: text(), // NEW
  },
  table => [
    index('idx_microdollar_usage_metadata_created_at').on(table.created_at),
    index('idx_microdollar_usage_metadata_posthog_distinct_id').on(table.posthog_distinct_id), // NEW
  ]
);
