// A gateway that sends one campaign's events as fast as they are read: the load of `make bench-watch`.
//
// It speaks just enough Engine.IO 4 and Socket.IO 5, with frames made ready before anybody joins, so that it is
// never the slowest part. Whoever subscribes to a campaign gets EVENTS events (RATE a second, if given).
'use strict';

const http = require('node:http');
const { WebSocketServer } = require('ws');

const EVENTS = Number(process.env.EVENTS || 200000);
const RATE = Number(process.env.RATE || 0);
const ID = (n) => `0197a2c4-5b1e-7c3d-8e4f-${String(n).padStart(12, '0')}`;
const CAMPAIGN = ID(1);
// How much may wait in the socket, and how many frames go out between two looks at it.
const WAITING = 4 << 20;
const BURST = 256;

const frames = Array.from({ length: EVENTS }, (_, n) => frame(n + 1));
const server = http.createServer((_, response) => response.writeHead(404).end());
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on('connection', (socket) => {
  socket.send(`0${JSON.stringify({ sid: ID(9), upgrades: [], pingInterval: 25000, pingTimeout: 20000, maxPayload: 1000000 })}`);
  socket.on('message', (data) => hear(socket, String(data)));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port} campaign:${CAMPAIGN}`));
process.stdin.resume().on('end', () => process.exit(0));

function hear(socket, packet) {
  if (packet.startsWith('40')) return socket.send(`40${JSON.stringify({ sid: ID(8) })}`);
  if (packet === '2') return socket.send('3');
  const request = /^42(\d+)\["(\w+)"/.exec(packet);
  if (!request) return undefined;
  const [, ack, name] = request;
  const room = `campaign:${CAMPAIGN}`;
  const position = { epoch: 'bench', seq: 0 };
  socket.send(`43${ack}${JSON.stringify([{ success: true, room, position, recovered: false, replayed: 0 }])}`);
  if (name === 'subscribe_campaign') RATE ? pace(socket) : flood(socket, 0);
  return undefined;
}

function flood(socket, sent) {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > WAITING) return void setTimeout(flood, 1, socket, sent);
  const next = Math.min(sent + BURST, EVENTS);
  send(socket, sent, next);
  if (next < EVENTS) setImmediate(flood, socket, next);
}

function pace(socket) {
  const started = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(EVENTS, Math.floor(((performance.now() - started) / 1000) * RATE));
    send(socket, sent, due);
    sent = due;
    if (sent === EVENTS || socket.readyState !== socket.OPEN) clearInterval(timer);
  }, 1);
}

function send(socket, from, to) {
  socket._socket.cork();
  for (let n = from; n < to; n += 1) socket.send(frames[n]);
  socket._socket.uncork();
}

// The events of a busy evening: mostly structures, their computed values, the clock now and then.
function frame(seq) {
  const timestamp = new Date(1767225600000 + seq * 10).toISOString();
  const structureId = ID(100 + (seq % 97));
  const settlementId = ID(50 + (seq % 7));
  const metadata = { v: 1, timestamp, userId: ID(3), source: 'api', eventId: ID(1000 + seq), epoch: 'bench', seq };
  const events = [
    { type: 'structure_updated',
      payload: { structureId, settlementId, operation: 'update', campaignId: CAMPAIGN, changedFields: ['variables.integrity', 'level'] },
      metadata: { ...metadata, prev: { settlement: seq - 1, structure: seq - 1 }, version: seq,
        changes: [{ field: 'variables.integrity', from: seq % 100, to: (seq + 1) % 100 }, { field: 'level', from: 2, to: 3 }] } },
    { type: 'settlement_updated',
      payload: { settlementId, operation: 'update', campaignId: CAMPAIGN, changedFields: ['variables.population'] },
      metadata: { ...metadata, prev: { settlement: seq - 1 }, version: seq,
        changes: [{ field: 'variables.population', from: 1200 + seq, to: 1201 + seq }] } },
    { type: 'state_invalidated',
      payload: { scope: 'entity', campaignId: CAMPAIGN, entityType: 'structure', entityId: structureId, affectedFields: ['defence'] },
      metadata: { ...metadata, source: 'rules-engine', causedBy: ID(999 + seq) } },
    { type: 'world_time_changed',
      payload: { campaignId: CAMPAIGN, previousTime: timestamp, newTime: timestamp, elapsedSeconds: 60 }, metadata },
  ];
  const event = events[[0, 0, 2, 1, 0, 2, 0, 3][seq % 8]];
  return `42${JSON.stringify([event.type, event])}`;
}
