// A balancer that hands connections or requests to one of several builds in this process, unchanged.

import http from 'node:http';

/** Members in turn; `plan` says which stand behind it from which request on. */
export class Fleet {
  #apps;
  #plan;
  #served = 0;
  #turns = 0;
  #sockets = new Set();
  #byAddress = new Map();

  constructor(apps, plan) {
    this.#apps = apps;
    this.#plan = plan;
    this.server = http.createServer({ keepAliveTimeout: 30_000 });
    this.server.removeAllListeners('request');
    this.server.on('request', (request, response) => this.#serve(request, response));
    this.server.on('connection', (socket) => this.#connected(socket));
    this.server.on('clientError', (error, socket) => this.#apps[0].server.emit('clientError', error, socket));
  }

  #stage() {
    return this.#plan.stages.findLast((stage) => this.#served >= stage.from);
  }

  #next() {
    const { members } = this.#stage();
    this.#turns += 1;
    return this.#apps[members[(this.#turns - 1) % members.length]];
  }

  #connected(socket) {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.stage = this.#stage();
    if (this.#plan.by === 'connection') socket.app = this.#next();
  }

  #forAddress(request) {
    const address = request.headers['x-forwarded-for'] ?? request.socket.remoteAddress;
    if (!this.#byAddress.has(address)) this.#byAddress.set(address, this.#next());
    return this.#byAddress.get(address);
  }

  #serve(request, response) {
    const { socket } = request;
    const { by, drains } = this.#plan;
    let app = socket.app;
    if (by === 'request') app = this.#next();
    else if (by === 'address') app = this.#forAddress(request);
    this.#served += 1;
    if (drains && socket.stage !== this.#stage()) response.setHeader('connection', 'close');
    app.routing(request, response);
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this.server.address().port;
  }

  close() {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
