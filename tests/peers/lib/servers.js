// Throw-away PostgreSQL and MariaDB servers on free loopback ports in a temporary folder, never as root. A watchdog
// stops each by its own id and removes its folder when this process ends, however it ends.

import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const START_LIMIT_MS = 60_000;
const POLL_MS = 50;

export async function startPostgres() {
  const user = unprivileged(['postgres', 'nobody']);
  const folder = newFolder('postgres', user);
  const data = join(folder, 'data');
  const as = { ...user, cwd: folder, env: environment() };
  const binaries = postgresBinaries();
  execFileSync(join(binaries, 'initdb'), ['-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-sync', '-D', data], as);
  const port = await freePort();
  const server = ['-D', data, '-k', folder, '-p', port, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'];
  await launch(join(binaries, 'postgres'), server, as, 'INT', port);
  const psql = (statement) => execFileSync(join(binaries, 'psql'), ['-q', '-h', '127.0.0.1', '-p', port, '-U', 'postgres', '-c', statement], as);
  return { host: '127.0.0.1', port, user: 'postgres', scheme: 'postgres', execute: psql };
}

export async function startMariaDb() {
  const user = unprivileged(['mysql', 'nobody']);
  const folder = newFolder('mariadb', user);
  const data = join(folder, 'data');
  const as = { ...user, cwd: folder, env: environment() };
  const install = ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db', `--datadir=${data}`];
  execFileSync(which('mariadb-install-db'), install, as);
  const port = await freePort();
  const server = ['--no-defaults', `--datadir=${data}`, `--socket=${join(folder, 'socket')}`, `--port=${port}`];
  server.push(`--tmpdir=${folder}`, '--bind-address=127.0.0.1', '--innodb-flush-log-at-trx-commit=0');
  server.push('--innodb-buffer-pool-size=64M', '--performance-schema=OFF');
  await launch(which('mariadbd'), server, as, 'TERM', port);
  const client = ['--no-defaults', '-h', '127.0.0.1', '-P', port, '-u', 'root', '-e'];
  return { host: '127.0.0.1', port, user: 'root', scheme: 'mysql', execute: (statement) => execFileSync(which('mariadb'), [...client, statement], as) };
}

/** A new folder of ours below the temporary one; it is removed at the end. */
export function newFolder(name, user = {}) {
  const folder = mkdtempSync(join(tmpdir(), `shopctl-peers-${name}-`));
  chmodSync(folder, 0o755);
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  atEnd(`rm -rf '${folder}'`);
  return folder;
}

export function which(program) {
  const folders = [...process.env.PATH.split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  const file = folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
  if (!file) throw new Error(`${program} is not installed`);
  return file;
}

/** The folder of the newest `initdb` and `postgres`. */
function postgresBinaries() {
  const all = '/usr/lib/postgresql';
  const versions = existsSync(all) ? readdirSync(all).sort((one, other) => other - one) : [];
  const folder = versions.map((version) => join(all, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
  return folder ?? join(which('initdb'), '..');
}

/** Who a server runs as, when we are root. */
function unprivileged(names) {
  if (process.getuid() !== 0) return {};
  const id = (flag, name) => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
  for (const name of names) {
    try {
      return { uid: id('-u', name), gid: id('-g', name) };
    } catch {
      // The next name.
    }
  }
  throw new Error(`a server does not run as root, and there is no user ${names.join(' or ')}`);
}

function environment() {
  return { PATH: process.env.PATH, LC_ALL: 'C' };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const listener = createServer().on('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address();
      listener.close(() => resolve(String(port)));
    });
  });
}

async function launch(program, parameters, as, signal, port) {
  const log = join(as.cwd, 'log');
  const output = openSync(log, 'w');
  const server = spawn(program, parameters, { ...as, detached: true, stdio: ['ignore', output, output] });
  server.unref();
  atEnd(`kill -${signal} ${server.pid} 2>/dev/null; for _ in $(seq 200); do kill -0 ${server.pid} 2>/dev/null || break; sleep 0.05; done; rm -rf '${as.cwd}'`);
  const until = Date.now() + START_LIMIT_MS;
  while (!(await answers(port))) {
    if (server.exitCode !== null || Date.now() > until) throw new Error(`${program} does not answer:\n${readFileSync(log)}`);
    await pause(POLL_MS);
  }
}

/** Both servers speak first or close; a mere listening socket is not enough of an answer. */
function answers(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false)).on('close', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** Runs a script when this process ends: its standard input closes then. */
function atEnd(script) {
  const watchdog = spawn('sh', ['-c', `trap '' INT TERM HUP; read -r _; ${script}`], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  watchdog.unref();
  watchdog.stdin.unref?.();
}
