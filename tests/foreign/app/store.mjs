// Writes one request's rows: the lookups first, then usage and its metadata in one transaction.

import { setTimeout as pause } from 'node:timers/promises';

const ATTEMPTS = 3;

export class Store {
  #sql;
  #log;

  constructor(sql, log) {
    this.#sql = sql;
    this.#log = log;
  }

  get sql() {
    return this.#sql;
  }

  /** The number of a text in its lookup table, or null where there is no text. */
  async lookup(table, text, tx = this.#sql) {
    if (text === null || text === undefined || text === '') return null;
    const key = `${table}_id`;
    const [row] = await tx`
      INSERT INTO ${tx(table)} (${tx(table)}) VALUES (${text})
      ON CONFLICT (${tx(table)}) DO UPDATE SET ${tx(table)} = EXCLUDED.${tx(table)}
      RETURNING ${tx(key)}`;
    return row[key];
  }

  async lookups(texts) {
    const numbers = {};
    for (const [table, text] of Object.entries(texts)) numbers[`${table}_id`] = await this.lookup(table, text);
    return numbers;
  }

  async insertUsage(tx, row) {
    await tx`INSERT INTO microdollar_usage ${tx(row)}`;
  }

  async insertMetadata(tx, row) {
    await tx`INSERT INTO microdollar_usage_metadata ${tx(row)}`;
  }

  async charge(tx, { kilo_user_id: user, cost }) {
    if (cost > 0) await tx`UPDATE kilocode_users SET microdollars_used = microdollars_used + ${cost} WHERE id = ${user}`;
  }

  /** Both rows, or neither. */
  async savePair({ usage, metadata, lookups }) {
    const numbers = await this.lookups(lookups);
    await this.#sql.begin(async (tx) => {
      await this.insertUsage(tx, usage);
      await this.insertMetadata(tx, { ...metadata, ...numbers });
      await this.charge(tx, usage);
    });
  }

  /** Tries three times, then logs and gives up: the client has its reply already. */
  async persistently(write, attempts = ATTEMPTS) {
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      try {
        return await write();
      } catch (error) {
        if (attempt === attempts) this.#log.warn({ code: error.code, reason: error.message }, 'usage was not recorded');
        else await pause(20 * attempt);
      }
    }
    return undefined;
  }
}
