// Drives Node's official Socket.IO client by one JSON command a line on stdin, answered by one JSON
// line on stdout: {id, ok, value} or {id, ok: false, error}. Commands run at the same time unless
// the caller waits for each answer; the scenarios themselves are written in Rust.
"use strict";

const readline = require("node:readline");
const { io } = require("socket.io-client");

/** name -> {socket, seen: [{event, args}], end: reason | null, wakers: Set<() => void>} */
const clients = new Map();

const commands = {
  /** Connects and answers {connected: true, id, transport} or {connected: false, error}. */
  connect({ name, url, options }) {
    const socket = io(url, { forceNew: true, reconnection: false, ...options });
    const client = { socket, seen: [], end: null, wakers: new Set() };
    clients.set(name, client);
    const wake = () => client.wakers.forEach((waker) => waker());
    socket.onAny((event, ...args) => {
      client.seen.push({ event, args });
      wake();
    });
    socket.on("disconnect", (reason) => {
      client.end = reason;
      wake();
    });
    return new Promise((resolve) => {
      socket.once("connect", () =>
        resolve({ connected: true, id: socket.id, transport: socket.io.engine.transport.name }));
      socket.once("connect_error", (error) => resolve({ connected: false, error: error.message }));
    });
  },

  /** Emits and answers with the acknowledgement. */
  emit({ name, event, args, timeoutMs }) {
    return clients.get(name).socket.timeout(timeoutMs).emitWithAck(event, ...args);
  },

  /** Emits several events in one go and answers with all acknowledgements, in the order of the events. */
  burst({ name, events, timeoutMs }) {
    const socket = clients.get(name).socket;
    return Promise.all(events.map(([event, ...args]) => socket.timeout(timeoutMs).emitWithAck(event, ...args)));
  },

  /** Answers with all that was seen, once it holds `count` of `event`. */
  wait({ name, event, count, timeoutMs }) {
    const client = clients.get(name);
    return until(client, timeoutMs, () =>
      client.seen.filter((item) => item.event === event).length >= count ? { value: client.seen } : null);
  },

  /** Answers with the reason for which the socket was closed, once it is. */
  closed({ name, timeoutMs }) {
    const client = clients.get(name);
    return until(client, timeoutMs, () => (client.end === null ? null : { value: client.end }));
  },

  /** Answers with all that was seen so far. */
  seen({ name }) {
    return clients.get(name).seen;
  },

  /** Stops reading from a WebSocket's connection. */
  stopReading({ name }) {
    clients.get(name).socket.io.engine.transport.ws._socket.pause();
    return null;
  },

  /** Ends a WebSocket's connection without a word, as a crash does. */
  terminate({ name }) {
    clients.get(name).socket.io.engine.transport.ws.terminate();
    return null;
  },

  /** Closes a socket. */
  disconnect({ name }) {
    clients.get(name).socket.disconnect();
    return null;
  },

  /** Connects `count` sockets at once, subscribes each as soon as it may, and answers with all acknowledgements. */
  crowd({ url, options, count, event, args, timeoutMs }) {
    const join = () => new Promise((resolve, reject) => {
      const socket = io(url, { forceNew: true, reconnection: false, ...options });
      socket.once("connect_error", reject);
      socket.once("connect", () => socket.timeout(timeoutMs).emitWithAck(event, ...args).then(resolve, reject));
    });
    return Promise.all(Array.from({ length: count }, join));
  },
};

function until(client, timeoutMs, probe) {
  return new Promise((resolve, reject) => {
    const settle = (finish, value) => {
      clearTimeout(timer);
      client.wakers.delete(check);
      finish(value);
    };
    const check = () => {
      const found = probe();
      if (found !== null) settle(resolve, found.value);
    };
    const timer = setTimeout(
      () => settle(reject, new Error(`not within ${timeoutMs} ms; seen: ${JSON.stringify(client.seen)}`)), timeoutMs);
    client.wakers.add(check);
    check();
  });
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, op, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { id, ok: true, value: (await commands[op](rest)) ?? null };
  } catch (error) {
    answer = { id, ok: false, error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}).on("close", () => process.exit(0));
