// Reads frames and looks at none: how fast the source alone can be.
'use strict';

const { WebSocket } = require('ws');

const [url, room] = process.argv.slice(2);
const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
let waiting = 0;
socket.on('open', () => socket.send('40'));
socket.on('message', (data) => {
  if (data[0] === 0x34 && data[1] === 0x30) socket.send(`420["subscribe_campaign",{"campaignId":"${room.split(':')[1]}"}]`);
  if (data[0] === 0x34 && data[1] === 0x32) waiting += 1;
});
setInterval(() => {
  process.stdout.write('\n'.repeat(waiting));
  waiting = 0;
}, 5);
