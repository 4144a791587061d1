// A backend that shares with the reference only what the gate may assume: Node's own http module, no packages.
// Writes one JSON object a line to standard output: first where it listens, then what is to be written down, late.
// Must not know the harness, the plan or SQL. Started by node_backend.py.

import crypto from 'node:crypto';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import zlib from 'node:zlib';

const DIED = 70; // as in options.py
const FREE_MODEL = 'tiny/parrot:free';
const EMAIL = 'ada@node.example';
const USER_ID = 'google-oauth2|1187';
const HEADER = 'x-posthog-distinct-id';
const SECRET = crypto.randomBytes(24);
const WORDS = ['parrots', 'say', 'Grüße', 'and', '你好', 'to', 'every', 'sailor', '🦜', 'twice', 'a', 'day', '"hm"', '\\'];

const settings = JSON.parse(process.argv[2]);
const waiting = new Set(); // what is to be written down, as functions that do it
let lastId = (BigInt(Date.now()) << 20n) + BigInt(crypto.randomInt(1 << 20));

// A small seeded generator (mulberry32): the same choices in every run.
function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sealOf = (payload) => crypto.createHmac('sha256', SECRET).update(payload).digest('base64url');

function tokenFor(user) {
  const payload = Buffer.from(JSON.stringify(user)).toString('base64url');
  return `kt1_${payload}.${sealOf(payload)}`;
}

function userOf(authorization) {
  const [, payload, seal] = /^bearer +kt1_([\w-]+)\.([\w-]+)$/i.exec(authorization ?? '') ?? [];
  return payload && sealOf(payload) === seal ? JSON.parse(Buffer.from(payload, 'base64url').toString()) : null;
}

class Listener {
  constructor({ defect, mode }) {
    this.mode = mode ?? '';
    this.has = (name) => defect === name;
    this.random = numbers(settings.seed);
    this.lateness = numbers(settings.seed + 1);
    this.chance = numbers(settings.seed + 2);
    this.count = 0;
    this.written = 0;
    this.lost = 0;
    this.left = 60;
    this.ofSocket = new WeakMap();
    this.ofAddress = new Map();
  }

  // What the header comes to by the rule, null for nothing.
  link(req) {
    const raw = this.raw(req);
    const pattern = this.has('unanchored') ? /[A-Za-z0-9_-]/ : /^[A-Za-z0-9_-]+$/;
    if (raw === undefined || raw.length > (this.has('limit-254') ? 254 : 255) || !pattern.test(raw)) return null;
    if (this.has('lower-cased')) return raw.toLowerCase();
    return this.has('truncated-64') ? raw.slice(0, 64) : raw;
  }

  raw(req) {
    const sent = [];
    for (let at = 0; at < req.rawHeaders.length; at += 2) {
      const name = req.rawHeaders[at];
      if ((this.has('name-case-sensitive') ? name : name.toLowerCase()) === HEADER) sent.push(req.rawHeaders[at + 1]);
    }
    if (this.has('first-of-two')) return sent[0];
    return sent.length ? sent.join(', ') : undefined;
  }

  // What an earlier request left for one that sends no header.
  remembered(req, address, link) {
    const [memory, key] = this.has('sticks-to-connection') ? [this.ofSocket, req.socket] : [this.ofAddress, address];
    if (!this.has('sticks-to-connection') && !this.has('sticks-to-address')) return link;
    if (link !== null) memory.set(key, link);
    return link === null && req.headers[HEADER] === undefined ? (memory.get(key) ?? null) : link;
  }

  record(row) {
    const place = this.written++ % 20;
    if (place === 0) this.lost = Math.floor(this.random() * 20);
    if (this.has('rows-lost') && place === this.lost) return;
    const [least, most] = settings.lateMs;
    for (let times = this.has('row-doubled') ? 2 : 1; times > 0; times--) {
      const id = String(++lastId);
      const write = () => waiting.delete(write) && process.stdout.write(JSON.stringify({ ...row, id }) + '\n');
      waiting.add(write);
      setTimeout(write, least + this.lateness() * (most - least));
    }
  }

  text() {
    return Array.from({ length: 2 + Math.floor(this.random() * 12) }, () => this.pick(WORDS)).join(' ');
  }

  pick(list) {
    return list[Math.floor(this.random() * list.length)];
  }

  // Names and values in an order and a spelling that change from reply to reply.
  headers(...own) {
    const all = [
      ['X-Request-ID', crypto.randomUUID()],
      ['x-RateLimit-Remaining', String((this.left = this.left > 0 ? this.left - 1 : 60))],
      ['Set-Cookie', `lb=${crypto.randomBytes(6).toString('hex')}; Path=/; HttpOnly`],
      ['CF-Ray', crypto.randomBytes(8).toString('hex') + '-' + this.pick(['FRA', 'AMS', 'CDG'])],
      ...own,
    ];
    return all.map((pair) => [this.random(), pair]).sort(([one], [other]) => one - other).flatMap(([, pair]) => pair);
  }
}

async function bodyOf(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    return null;
  }
}

function refuse(listener, res, status, code) {
  const body = JSON.stringify({ error: { code, ref: crypto.randomInt(1e6) } }) + '\n';
  res.writeHead(status, listener.headers(['Content-Type', 'application/problem+json']));
  res.end(body);
}

// Whether the request was treated as the listener's mode says; what is 'cut' goes on and ends early.
function badDay(listener, req, res) {
  const { mode } = listener;
  const chance = listener.chance();
  if (mode.startsWith('die-after-') && ++listener.count > Number(mode.slice(10))) process.exit(DIED);
  if (mode === 'hang') return 'done';
  if (mode === 'html') {
    res.writeHead(200, listener.headers(['Content-Type', 'text/html; charset=utf-8']));
    res.end('<html><body><h1>Welcome to the hotel</h1>Please log in.</body></html>');
    return 'done';
  }
  if (mode === '429-half' && chance < 0.5) {
    res.setHeader('Retry-After', '1');
    refuse(listener, res, 429, 'slow_down');
    return 'done';
  }
  if (mode === '500-half' && chance < 0.5) {
    refuse(listener, res, 500, 'out_of_luck');
    return 'done';
  }
  if (mode === 'close-random' && chance < 0.25) {
    req.socket.destroy();
    return 'done';
  }
  return mode === 'close-random' && chance < 0.5 ? 'cut' : 'fine';
}

async function serve(listener, req, res) {
  const at = Date.now();
  res.on('error', () => {}); // the client has gone; what it did still counts
  const body = await bodyOf(req);
  if (!/^\/api\/(openrouter|gateway)\/chat\/completions$/.test(req.url)) return refuse(listener, res, 404, 'no_such_route');
  if (req.method !== 'POST') return refuse(listener, res, 405, 'post_only');
  const day = badDay(listener, req, res);
  if (day === 'done') return undefined;
  if (!Array.isArray(body?.messages)) return refuse(listener, res, 400, 'no_messages');
  if (typeof body.model !== 'string' || !body.model.trim()) return refuse(listener, res, 404, 'no_such_model');

  const user = userOf(req.headers.authorization);
  if (!user && body.model !== FREE_MODEL) return refuse(listener, res, 401, 'sign_in_for_this_model');
  const forwarded = listener.mode === 'overwrites-forwarded-for' ? '' : (req.headers['x-forwarded-for'] ?? '');
  const address = forwarded.split(',')[0].trim() || req.socket.remoteAddress;
  const link = listener.link(req);
  const streamed = body.stream === true;
  let stored = listener.remembered(req, address, link);
  if (streamed && listener.has('stream-forgotten')) stored = null;
  if (user) stored = listener.has('email-replaced') && link !== null ? link : user.email;
  const row = {
    created_at: new Date(at).toISOString(),
    cost: body.model === FREE_MODEL ? 0 : 31,
    kilo_user_id: user ? user.id : `anon:${address}`,
    message_id: `gen-${crypto.randomUUID()}`,
    posthog_distinct_id: stored,
    has_metadata: !(listener.has('metadata-missing') && link === null && req.headers[HEADER]),
  };
  if (listener.has('header-echoed') && req.headers[HEADER]) res.setHeader('X-PostHog-Distinct-Id', req.headers[HEADER]);
  const marked = listener.has('body-marked') && link !== null ? { linked: true } : {};
  await pause(2 + listener.random() * 28); // a slow first byte, as models have
  listener.record({ ...row, latency_ms: Date.now() - at }); // whatever becomes of the reply from here on
  const send = streamed ? sendEvents : sendJson;
  return send(listener, req, res, { model: body.model, id: row.message_id, ...marked }, day === 'cut');
}

// Blanks before the JSON, to keep the connection alive; compressed for those who take it.
async function sendJson(listener, req, res, head, cut) {
  const content = listener.text();
  const usage = { total_tokens: content.length, seconds: listener.random() };
  const choices = [{ finish_reason: 'stop', index: 0, message: { content, role: 'assistant' } }];
  const body = Buffer.from(JSON.stringify({ object: 'chat.completion', ...head, choices, usage }));
  const zipped = /\bgzip\b/.test(req.headers['accept-encoding'] ?? '');
  const own = [['content-type', 'application/json'], ['Vary', 'Accept-Encoding']];
  res.writeHead(200, listener.headers(...own, ...(zipped ? [['Content-Encoding', 'gzip']] : [])));
  const pieces = zipped ? [zlib.gzipSync(body)] : [Buffer.from('\n   \n'), body];
  await sendPieces(listener, res, pieces, cut);
}

// CRLF, comments, event and id lines, data with and without the blank; the whole length is told beforehand.
async function sendEvents(listener, req, res, head, cut) {
  const events = [': OPENROUTER PROCESSING\r\n\r\n', 'retry: 1500\r\n\r\n'];
  const words = listener.text().split(' ');
  words.forEach((word, place) => {
    const choices = [{ delta: { content: `${word} ` }, index: 0, finish_reason: place + 1 < words.length ? null : 'stop' }];
    const data = JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, at_ms: Date.now() });
    events.push(`event: chunk\r\nid: ${place}\r\ndata:${listener.pick(['', ' '])}${data}\r\n\r\n`);
    if (listener.random() < 0.2) events.push(': still here\r\n\r\n');
  });
  const body = Buffer.from(events.join('') + 'data: [DONE]\r\n\r\n');
  res.writeHead(200, listener.headers(['Content-Type', 'text/event-stream'], ['Content-Length', String(body.length)]));
  const pieces = [];
  for (let at = 0; at < body.length; ) {
    const size = 1 + Math.floor(listener.random() * 400); // cuts lines and characters wherever it falls
    pieces.push(body.subarray(at, (at += size)));
  }
  await sendPieces(listener, res, pieces, cut);
}

async function sendPieces(listener, res, pieces, cut) {
  const all = cut ? [Buffer.concat(pieces).subarray(0, 20)] : pieces;
  for (const piece of all) {
    await new Promise((resolve) => res.write(piece, resolve));
    if (listener.random() < 0.3) await pause(1);
  }
  if (cut) res.socket?.destroy();
  else res.end();
}

function listen(variant) {
  const listener = new Listener(variant);
  const server = http.createServer((req, res) => serve(listener, req, res).catch(() => req.socket.destroy()));
  return new Promise((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0, backlog: 512 }, () => {
      const url = `http://127.0.0.1:${server.address().port}`;
      const token = tokenFor({ id: USER_ID, email: EMAIL });
      resolve({ defect: variant.defect, mode: variant.mode, url, token, email: EMAIL, free_model: FREE_MODEL });
    });
  });
}

process.stdin.resume().on('end', () => {
  for (const write of [...waiting]) write();
  process.stdout.write('', () => process.exit(0));
});
process.stdout.write(JSON.stringify(await Promise.all(settings.variants.map(listen))) + '\n');
