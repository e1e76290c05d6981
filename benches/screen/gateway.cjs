// A gateway for measuring the dashboard: one campaign of many entities, answered from a file, and events as fast
// as they are asked for. It speaks just enough Engine.IO 4, Socket.IO 5 and GraphQL.
//
// The first argument names a JSON file with the answers to each question of the API. Once it listens it
// prints {"port":N}; then each line on stdin is {id, op: "event", text} or {id, op: "burst", count}, answered
// by {id} as soon as it is written to the sockets.
"use strict";

const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { createInterface } = require("node:readline");
const { WebSocketServer } = require("ws");

const api = JSON.parse(readFileSync(process.argv[2], "utf8"));
const entities = new Map([...api.snapshot.settlements, ...api.snapshot.structures].map((entity) => [entity.id, entity]));
const CAMPAIGN = "01970000-0000-7000-8000-000000000001";
let seq = 0;

const http = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { query = "", variables = {} } = body ? JSON.parse(body) : {};
  // A question asks for one thing, by its name.
  const name = Object.keys(api).find((name) => new RegExp(`\\b${name}\\b`).test(query));
  const value = variables.ids ? variables.ids.map((id) => entities.get(id)).filter(Boolean) : api[name];
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ data: variables.ids ? { nodes: value } : { [name]: value } }));
});
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });

const PING_EVERY = 25_000;

sockets.on("connection", (socket) => {
  // A client that hears none for long takes the line for dead.
  const pings = setInterval(() => socket.send("2"), PING_EVERY);
  socket.on("close", () => clearInterval(pings));
  socket.send(`0${JSON.stringify({ sid: "s", upgrades: [], pingInterval: PING_EVERY, pingTimeout: 20000, maxPayload: 1e6 })}`);
  socket.on("message", (data) => hear(socket, String(data)));
});

function hear(socket, packet) {
  if (packet.startsWith("40")) return socket.send('40{"sid":"n"}');
  if (packet === "2") return socket.send("3");
  const request = /^42(\d+)\["(\w+)"/.exec(packet);
  if (!request) return undefined;
  const joined = { room: `campaign:${CAMPAIGN}`, position: { epoch: "bench", seq }, recovered: false, replayed: 0 };
  const answer = request[2] === "subscribe_campaign" ? { success: true, ...joined } : { success: true };
  return socket.send(`43${request[1]}${JSON.stringify([answer])}`);
}

function event(entity, field, to) {
  seq += 1;
  const metadata = { v: 1, timestamp: new Date().toISOString(), userId: "u1", source: "api", eventId: `event-${seq}`,
    epoch: "bench", seq, prev: { settlement: 0 }, version: seq, changes: [{ field, from: seq - 1, to }] };
  const payload = { settlementId: entity, operation: "update", campaignId: CAMPAIGN, changedFields: [field] };
  return `42["settlement_updated",${JSON.stringify({ type: "settlement_updated", payload, metadata })}]`;
}

function everybody(frames) {
  for (const socket of sockets.clients) {
    socket._socket.cork();
    for (const frame of frames) socket.send(frame);
    socket._socket.uncork();
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, op, text, count } = JSON.parse(line);
  if (op === "event") everybody([event("s1", "variables.ruler", text)]);
  else everybody(Array.from({ length: count }, (_, n) => event(`s${n % 1000}`, "level", n % 20)));
  process.stdout.write(`{"id":${id}}\n`);
});

http.listen(0, "127.0.0.1", () => process.stdout.write(`{"port":${http.address().port}}\n`));
