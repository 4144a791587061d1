// Serves every variant it is asked for, each on a port of its own, until its input ends.
//
// In, one JSON document a line:
//   {"op": "open", "database": options of postgres.js, "user": {id, email}, "secret": text, "seed": number}
//   {"op": "serve", "build": name}
//   {"op": "fleet", "builds": [name, ...], "plan": {"by": "connection" | "request" | "address", "stages": [...]}}
//   {"op": "drain"}: answers once nothing waits to be written
// Out, one JSON document a line: {"ready": true}, {"port": number}, {"idle": true} or {"failed": text}.

import { createInterface } from 'node:readline';
import postgres from 'postgres';
import { buildApp } from './app.mjs';
import { Fleet } from './fleet.mjs';
import { variants } from './variants/index.mjs';

const POOL = 6;

class Tasks {
  #waiting = new Set();

  add(promise) {
    this.#waiting.add(promise);
    promise.finally(() => this.#waiting.delete(promise));
  }

  async drained() {
    while (this.#waiting.size > 0) await Promise.allSettled([...this.#waiting]);
  }
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const tasks = new Tasks();
const servers = [];
const pools = [];
const settings = {};

async function build(name) {
  const variant = variants[name];
  if (variant === undefined) throw new Error(`there is no variant ${name}`);
  const app = await buildApp({ ...settings, variant, tasks });
  servers.push(app);
  return app;
}

async function open({ database, user, secret, seed }) {
  const sql = postgres({ ...database, max: POOL, onnotice: () => {}, connection: { application_name: 'usage-writer' } });
  pools.push(sql);
  Object.assign(settings, { sql, user, secret, random: seeded(seed) });
  await sql`SELECT 1`;
  return { ready: true };
}

async function serve({ build: name }) {
  const app = await build(name);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { port: app.server.address().port };
}

async function openFleet({ builds, plan }) {
  const apps = [];
  for (const name of builds) apps.push(await build(name));
  const fleet = new Fleet(apps, plan);
  servers.push(fleet);
  return { port: await fleet.listen() };
}

async function drain() {
  await tasks.drained();
  return { idle: true };
}

const operations = { open, serve, fleet: openFleet, drain };

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...given } = JSON.parse(line);
  let answer;
  try {
    answer = await operations[op](given);
  } catch (error) {
    answer = { failed: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
for (const server of servers) await server.close();
await tasks.drained();
for (const pool of pools) await pool.end({ timeout: 5 });
process.exit(0);
