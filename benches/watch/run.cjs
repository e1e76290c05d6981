// `make bench-watch`: `scry watch` and Node's client, side by side on the same events.
//
// node run.cjs SCRY [RUNS] [EVENTS] [RATE]. For each client, one after the other: from its start to its last line,
// CPU (user and system) and the most it held in memory, both as /proc tells them, and the time it took; medians of
// RUNS. Without RATE the events come as fast as they are read.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawn, execFileSync } = require('node:child_process');

const [scry, runs = 5, events = 200000, rate = 0] = process.argv.slice(2);
const TICKS = Number(execFileSync('getconf', ['CLK_TCK']));
const HOME = fs.mkdtempSync(path.join(os.tmpdir(), 'scry-bench-'));
const node = (script, ...args) => [process.execPath, [path.join(__dirname, script), ...args]];
const clients = {
  'scry watch': (url, room) => [scry, ['watch', '--url', url, '--room', room]],
  'Node client': (url, room) => node('peer.cjs', url, room),
  'bare frames': (url, room) => node('drain.cjs', url, room),
};

main().finally(() => fs.rmSync(HOME, { recursive: true, force: true }));

async function main() {
  const results = Object.fromEntries(Object.keys(clients).map((name) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    for (const [name, command] of Object.entries(clients)) results[name].push(await measure(command));
  }
  console.log(`${events} events, medians of ${runs} runs`);
  console.log('client        CPU s   µs/event  peak MiB   wall s   events/s');
  for (const [name, list] of Object.entries(results)) report(name, list);
  const cpu = (name) => median(results[name].map((one) => one.cpu));
  console.log(`CPU of scry watch / Node client: ${(cpu('scry watch') / cpu('Node client')).toFixed(2)}`);
}

function report(name, list) {
  const of = (key) => median(list.map((one) => one[key]));
  const cells = [of('cpu').toFixed(2).padStart(5), ((of('cpu') / events) * 1e6).toFixed(2).padStart(10),
    (of('peak') / 1024).toFixed(1).padStart(9), of('wall').toFixed(2).padStart(8), (events / of('span')).toFixed(0).padStart(10)];
  console.log(name.padEnd(12), cells.join(' '));
}

async function measure(command) {
  const source = spawn(...node('source.cjs'), { env: { ...process.env, EVENTS: events, RATE: rate }, stdio: ['pipe', 'pipe', 'inherit'] });
  const [url, room] = String(await once(source.stdout, 'data')).trim().split(' ');
  const env = { ...process.env, SCRY_TOKEN: 'bench', SCRY_CONFIG_DIR: HOME, SCRY_DATA_DIR: HOME };
  const started = performance.now();
  const client = spawn(...command(url, room), { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const first = await lines(client);
  const ended = performance.now();
  const result = { ...usage(client.pid), wall: (ended - started) / 1000, span: (ended - first) / 1000 };
  client.kill();
  source.stdin.end();
  await Promise.all([once(client, 'exit'), once(source, 'exit')]);
  return result;
}

// Waits for the last line; resolves to when the first one came.
function lines(client) {
  return new Promise((resolve, reject) => {
    let seen = 0;
    let first = 0;
    client.on('exit', (code) => reject(new Error(`ended with ${code} after ${seen} of ${events} lines`)));
    client.stdout.on('data', (chunk) => {
      first ||= performance.now();
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen += 1;
      if (seen >= events) resolve(first);
    });
  });
}

function usage(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const peak = /VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
  return { cpu: (Number(stat[11]) + Number(stat[12])) / TICKS, peak: Number(peak) };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function once(emitter, name) {
  return new Promise((resolve) => emitter.once(name, resolve));
}
