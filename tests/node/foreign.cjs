// A Socket.IO gateway that somebody else wrote: the six subscribe events and an acknowledgement, nothing
// more. No positions, no `latency`, no `authenticate`, no GraphQL.
//
// Options come as JSON in the first argument. Once it listens it prints {"port":N}; then each line on
// stdin is a command {id, op, …} that is answered by a line {id, value}.

const { createServer } = require("node:http");
const { createInterface } = require("node:readline");
const { Server } = require("socket.io");

const options = JSON.parse(process.argv[2] ?? "{}");
let requests = 0;
const http = createServer((request, response) => {
  requests += 1;
  // As a server that was made without a handler of its own.
  if (options.mute) return;
  // With `api` every question gets the same answer, and takes out of it what it asked for.
  if (options.api && request.url === "/graphql") {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ data: options.api }));
    return;
  }
  response.statusCode = 404;
  response.end("not here");
});
const io = new Server(http, options.server ?? {});
const subscriptions = [];
const transports = [];
const auths = [];
const recovered = [];
const acknowledged = [];

if (options.refuse) {
  io.use((_socket, next) => next(new Error(options.refuse)));
}

io.on("connection", (socket) => {
  transports.push(socket.conn.transport.name);
  auths.push(socket.handshake.auth);
  recovered.push(socket.recovered);
  // A gateway that goes on talking, whether or not it was asked to.
  if (options.chatter) {
    const timer = setInterval(() => socket.emit("chatter", 1), options.chatter);
    socket.on("disconnect", () => clearInterval(timer));
  }
  for (const kind of ["campaign", "settlement", "structure"]) {
    socket.on(`subscribe_${kind}`, (payload, ack) => {
      const id = typeof payload === "string" ? payload : payload[`${kind}Id`];
      subscriptions.push(`${kind}:${id}`);
      socket.join(`${kind}:${id}`);
      if (options.acks) ack(...options.acks);
      else if (!options.silent) ack({ success: true, ...options.joined });
    });
    socket.on(`unsubscribe_${kind}`, (id, ack) => {
      socket.leave(`${kind}:${id}`);
      if (!options.silent) ack({ success: true });
    });
  }
});

// A namespace that wants a key, and sends back what it is told.
const echo = io.of("/echo");
echo.use((socket, next) => (socket.handshake.auth.key === "k" ? next() : next(new Error("no key"))));
echo.on("connection", (socket) => {
  socket.on("say", (...args) => {
    const ack = args.pop();
    socket.emit("said", ...args);
    ack(...args);
  });
});

const everySocket = (act) => {
  for (const socket of io.sockets.sockets.values()) act(socket);
};

// Makes bytes of `{$bytes: […]}`.
const revive = (value) => {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if (value.$bytes) return Buffer.from(value.$bytes);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, revive(member)]));
};

const commands = {
  emit: ({ room, event, args }) => {
    // What has been sent is behind whoever asks for the state afterwards.
    const seq = args[0]?.metadata?.seq;
    if (seq && options.joined?.position) options.joined.position.seq = seq;
    if (seq && options.api?.snapshot?.position) options.api.snapshot.position.seq = seq;
    io.to(room).emit(event, ...revive(args));
  },
  // Socket.IO's own names for events of its own are not let through by `emit`.
  packet: ({ text }) => everySocket((socket) => socket.conn.sendPacket("message", text)),
  // Sends an event that wants an answer, and notes each answer.
  ask: ({ event }) =>
    everySocket((socket) => socket.timeout(5000).emit(event, (error, ...args) => acknowledged.push(error ? "late" : args))),
  burst: ({ room, event, list }) => list.forEach((args) => io.to(room).emit(event, ...args)),
  // The server side leaves the namespace, the transport stays.
  disconnect: () => everySocket((socket) => socket.disconnect(false)),
  // The transport is closed in good order, as on a restart.
  close: () => everySocket((socket) => socket.conn.close()),
  // Announces an attachment that never comes, which the client library does not survive.
  poison: () =>
    everySocket((socket) => {
      socket.conn.sendPacket("message", '51-["x",{"_placeholder":true,"num":0}]');
      socket.conn.close();
    }),
  // Sends bytes as a text frame, whether or not they are text.
  frame: ({ bytes }) =>
    everySocket((socket) => socket.conn.transport.socket.send(Buffer.from(bytes), { binary: false })),
  // Sends one event whose payload is lists within lists, as deep as is asked for.
  deep: ({ depth }) =>
    everySocket((socket) => socket.conn.sendPacket("message", `2["deep",${"[".repeat(depth)}${"]".repeat(depth)}]`)),
  subscriptions: () => subscriptions,
  transports: () => transports,
  auths: () => auths,
  recovered: () => recovered,
  acknowledged: () => acknowledged,
  // Plain HTTP requests, such as questions to an API; Socket.IO's own are not among them.
  requests: () => requests,
  connected: () => io.engine.clientsCount,
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line);
  const value = commands[command.op](command);
  const plain = Array.isArray(value) || typeof value === "number" ? value : null;
  process.stdout.write(`${JSON.stringify({ id: command.id, value: plain })}\n`);
});

http.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ port: http.address().port })}\n`));
