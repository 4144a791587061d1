// An orders service: POST /orders places an order and writes an audit row, which holds where the request came from.
// Usage: node server.mjs [FAULT], with PGHOST, PGPORT, PGUSER and PGDATABASE; its first line is the port it listens on.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { Database } from "./postgres.mjs";
import { FAULTS } from "./faults.mjs";

const NAME = "x-request-origin";

const RIGHT = {
  rule: /^[a-z]{2}-[0-9a-f]{8}$/,
  counted: lines => lines[0],
  stored: origin => RIGHT.rule.test(origin) ? origin : null,
  audits: () => true,
  path: (_origin, path) => path,
  status: () => 201,
  reply: order => ({ order, accepted: true }),
};
const build = { ...RIGHT, ...FAULTS[process.argv[2] ?? "none"] };

const { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: database } = process.env;
const pool = Array.from({ length: 4 }, () => new Database({ host, port, user, database }));
let turn = 0;

const lines = raw => raw.flatMap((name, at) =>
  at % 2 === 0 && name.toLowerCase() === NAME ? [Buffer.from(raw[at + 1], "latin1").toString("utf8")] : []);

async function place(request, body) {
  const { article, count } = JSON.parse(body);
  const sent = lines(request.rawHeaders);
  const origin = sent.length ? build.counted(sent) : undefined;
  const value = origin === undefined ? build.remembered?.() ?? null : build.stored(origin);
  build.remember?.(value);
  const status = build.status(origin, value);
  if (status >= 400) return [status, { error: "refused" }];
  const ref = `ord-${randomUUID()}`;
  const placed = "INSERT INTO orders (ref, article, count) VALUES ($1, $2, $3::text::integer)";
  const audited = `WITH placed AS (${placed} RETURNING id)
    INSERT INTO order_audit (order_id, path, request_origin) SELECT id, $4, $5 FROM placed`;
  const order = [ref, article, String(count)];
  const path = build.path(origin, new URL(request.url, "http://localhost").pathname);
  const sending = pool[turn++ % pool.length];
  await (build.audits(origin, value) ? sending.send(audited, [...order, path, value]) : sending.send(placed, order));
  return [status, build.reply({ ref, article, count }, value)];
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", part => parts.push(part));
  request.on("end", async () => {
    let [status, document] = [404, { error: "no such path" }];
    try {
      if (request.method === "POST" && request.url === "/orders") {
        [status, document] = await place(request, Buffer.concat(parts));
      }
    } catch (error) {
      [status, document] = [500, { error: String(error.message) }];
    }
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(document));
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
