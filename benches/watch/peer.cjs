// What a script on Node's own client would do: print each event as the line that `scry watch` prints.
'use strict';

const { io } = require('socket.io-client');

const [url, room] = process.argv.slice(2);
const socket = io(url, { transports: ['websocket'], auth: { token: 'bench' } });
const subscribe = () => socket.emit('subscribe_campaign', { campaignId: room.split(':')[1] }, () => {});

socket.on('connect', subscribe);
socket.onAny((_, event) => {
  const line = { v: 1, kind: 'event', receivedAt: new Date().toISOString(), room, event };
  process.stdout.write(`${JSON.stringify(line)}\n`);
});
