// The measure that scry-server is held against: the same gateway as one writes it with Socket.IO, that is
// JWT at the handshake and over HTTP, rooms with acknowledgements, `POST /events` into a room. No journal, no
// database: what it leaves out makes it faster, not slower.
//
// Takes the signing key in LOAD_SECRET and, for several nodes, the socket file of a Redis in LOAD_REDIS; prints `listening on http://…` like scry-server.
"use strict";

const { createHmac, randomUUID, timingSafeEqual } = require("node:crypto");
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const secret = process.env.LOAD_SECRET;
const epoch = randomUUID();
const heads = new Map();

/** Returns the claims of an HS256 token, or null. */
function verify(token) {
  const [header, body, signature] = String(token).split(".");
  if (!signature) return null;
  const expected = createHmac("sha256", secret).update(`${header}.${body}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const claims = JSON.parse(Buffer.from(body, "base64url").toString());
  return claims.exp > Date.now() / 1000 ? claims : null;
}

/** Sends an event into its campaign's room, in the form and size of scry-server's. */
function publish({ type, payload }, claims) {
  const seq = (heads.get(payload.campaignId) ?? 0) + 1;
  heads.set(payload.campaignId, seq);
  const metadata = {
    v: 1, timestamp: new Date().toISOString(), userId: claims.sub, source: "rules-engine",
    correlationId: randomUUID(), eventId: randomUUID(), epoch, seq,
  };
  io.to(`campaign:${payload.campaignId}`).emit(type, { type, payload, metadata });
  return { eventId: metadata.eventId, position: { epoch, seq } };
}

const http = createServer(async (request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  if (request.method !== "POST" || request.url !== "/events") return answer(404, {});
  const claims = verify((request.headers.authorization ?? "").replace(/^Bearer /, ""));
  if (!claims) return answer(401, {});
  let body = "";
  for await (const chunk of request) body += chunk;
  answer(200, publish(JSON.parse(body), claims));
});

const io = new Server(http, { pingInterval: 25000, pingTimeout: 5000, serveClient: false });

io.use((socket, next) => {
  const claims = verify(socket.handshake.auth.token);
  if (!claims) return next(new Error("TOKEN_INVALID: the access token is not valid"));
  socket.data.claims = claims;
  next();
});

io.on("connection", (socket) => {
  socket.join(`user:${socket.data.claims.sub}`);
  for (const kind of ["campaign", "settlement", "structure"]) {
    socket.on(`subscribe_${kind}`, (payload, ack) => {
      const id = typeof payload === "string" ? payload : payload[`${kind}Id`];
      const room = `${kind}:${id}`;
      socket.join(room);
      ack({ success: true, room, position: { epoch, seq: heads.get(id) ?? 0 }, recovered: false, replayed: 0 });
    });
    socket.on(`unsubscribe_${kind}`, (id, ack) => {
      socket.leave(`${kind}:${id}`);
      ack({ success: true, room: `${kind}:${id}` });
    });
  }
  socket.on("latency", (_payload, ack) => ack({ success: true, serverTime: new Date().toISOString() }));
});

/** Joins the nodes that share a Redis, with Socket.IO's own adapter. */
async function join(socket) {
  const { createAdapter } = require("@socket.io/redis-adapter");
  const { createClient } = require("redis");
  const clients = [createClient({ socket: { path: socket } }), createClient({ socket: { path: socket } })];
  await Promise.all(clients.map((client) => client.connect()));
  io.adapter(createAdapter(clients[0], clients[1]));
}

const port = Number(process.env.LOAD_PORT ?? 0);
const joined = process.env.LOAD_REDIS ? join(process.env.LOAD_REDIS) : Promise.resolve();
joined.then(() => {
  http.listen({ port, host: "127.0.0.1", backlog: 4096 }, () => {
    process.stdout.write(`listening on http://127.0.0.1:${http.address().port}\n`);
  });
});
