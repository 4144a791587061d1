// A client of PostgreSQL's protocol, version 3, as far as the orders service needs it: one connection without a
// password, statements with text parameters, one after the other.
// Source: PostgreSQL, "Frontend/Backend Protocol", "Message Formats".
import { connect } from "node:net";

const text = value => Buffer.from(`${value}\0`);
const int16 = value => { const bytes = Buffer.alloc(2); bytes.writeInt16BE(value); return bytes; };
const int32 = value => { const bytes = Buffer.alloc(4); bytes.writeInt32BE(value); return bytes; };
const message = (kind, ...parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body]);
};
const bound = value => value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]);

export class Database {
  #socket; #received = Buffer.alloc(0); #ready; #becomeReady; #queue = Promise.resolve(); #answered; #failed = null;

  constructor({ host, port, user, database }) {
    this.#ready = new Promise(resolve => { this.#becomeReady = resolve; });
    this.#socket = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(Number(port), host);
    const parts = [int32(3 << 16), text("user"), text(user), text("database"), text(database), Buffer.from([0])];
    const body = Buffer.concat(parts);
    this.#socket.write(Buffer.concat([int32(body.length + 4), body]));
    this.#socket.on("data", data => this.#take(data));
  }

  // Resolves when the statement is done; rejects with the server's message.
  send(statement, values) {
    const sent = this.#queue.then(() => this.#ready).then(() => new Promise((resolve, reject) => {
      this.#answered = { resolve, reject };
      this.#socket.write(Buffer.concat([
        message("P", text(""), text(statement), int16(0)),
        message("B", text(""), text(""), int16(0), int16(values.length), ...values.map(bound), int16(0)),
        message("E", text(""), int32(0)),
        message("S"),
      ]));
    }));
    this.#queue = sent.catch(() => {});
    return sent;
  }

  #take(data) {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= 5) {
      const length = this.#received.readInt32BE(1) + 1;
      if (this.#received.length < length) return;
      const kind = String.fromCharCode(this.#received[0]);
      const body = this.#received.subarray(5, length);
      this.#received = this.#received.subarray(length);
      if (kind === "E") this.#failed = new Error(body.toString().split("\0").filter(Boolean).join(" "));
      if (kind !== "Z") continue;
      if (!this.#answered) { this.#becomeReady(); continue; }
      const { resolve, reject } = this.#answered;
      this.#answered = undefined;
      const failed = this.#failed;
      this.#failed = null;
      failed ? reject(failed) : resolve();
    }
  }
}
