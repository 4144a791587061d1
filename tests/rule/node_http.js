'use strict';
// Node's own HTTP server without a socket: what it makes of the bytes of a request.
// In, a JSON document a line: {"name": header name, "request": latin-1 characters, one for each byte}.
// Out, a JSON document a line: {"status": of the reply, "value": what Headers.get gave the app, null when it was
// missing, or false when the app was never called}.

const { once } = require('node:events');
const http = require('node:http');
const { duplexPair } = require('node:stream');
const { createInterface } = require('node:readline');

async function served({ name, request }) {
  let value = false;
  const server = http.createServer((incoming, outgoing) => {
    const seen = incoming.headers[name];
    value = (seen === undefined ? new Headers() : new Headers([[name, seen]])).get(name);
    outgoing.end();
  });
  const [ours, theirs] = duplexPair();
  server.emit('connection', theirs);
  ours.end(Buffer.from(request, 'latin1'));
  let reply = '';
  ours.setEncoding('latin1');
  ours.on('data', chunk => (reply += chunk));
  await once(ours, 'close');
  return { status: Number(reply.split(' ')[1] ?? 0), value };
}

(async () => {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    process.stdout.write(JSON.stringify(await served(JSON.parse(line))) + '\n');
  }
})();
