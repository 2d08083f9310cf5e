// A database of its own for each cell, shopctl on it as a user runs it, and the peer beside it.

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
const RUN_LIMIT_MS = 60_000;
/** Peers live where clocks are far from UTC: a time that is read in the wrong zone shows. */
const ZONE = 'Asia/Kathmandu';
export const OFFSET = '+05:45';

export class Shop {
  constructor(engine, url, home) {
    mkdirSync(home, { recursive: true });
    Object.assign(this, { engine, url, home });
    this.peers = [];
  }

  /** Runs shopctl to its end, with nobody to ask. */
  run(...words) {
    const env = { PATH: process.env.PATH, HOME: this.home, USER: 'tester', DATABASE_URL: this.url };
    const child = spawn(process.env.SHOPCTL, words, { cwd: this.home, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_LIMIT_MS });
    return new Promise((resolve, reject) => {
      const run = { command: `shopctl ${words.join(' ')}`, stdout: '', stderr: '' };
      child.stdout.on('data', (text) => (run.stdout += text));
      child.stderr.on('data', (text) => (run.stderr += text));
      child.on('error', reject);
      child.on('close', (code) => resolve({ ...run, code }));
    });
  }

  async ok(...words) {
    const run = await this.run(...words);
    if (run.code !== 0) throw new Error(`${run.command} ended with ${run.code}\n${run.stdout}${run.stderr}`);
    return run;
  }

  async json(...words) {
    return JSON.parse((await this.ok(...words, '--json')).stdout);
  }

  /** Every row of a list. */
  async all(noun, ...words) {
    const { stdout } = await this.ok(noun, 'list', '--all', '-o', 'jsonl', ...words);
    return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  /** Starts a peer beside the shop. */
  peer(name) {
    const peer = new Peer(name, this);
    this.peers.push(peer);
    return peer;
  }

  async close() {
    await Promise.all(this.peers.map((peer) => peer.close()));
  }
}

/** A running peer: each of its commands is a method. */
class Peer {
  constructor(name, { engine, url }) {
    const [program, ...words] =
      name === 'sqlalchemy' ? [process.env.PEERS_PYTHON, join(HERE, 'python/peer.py')] : [process.execPath, join(HERE, name, 'peer.js')];
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, TZ: ZONE };
    this.child = spawn(program, [...words, engine, url], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.noise = '';
    this.child.stderr.on('data', (text) => (this.noise += text));
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
    this.child.stdin.on('error', () => {});
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    return new Proxy(this, {
      get: (peer, command) => (command in peer || command === 'then' ? peer[command] : (...values) => peer.send(command, values)),
    });
  }

  async send(command, values) {
    this.child.stdin.write(`${JSON.stringify([command, ...values])}\n`);
    const { value: line, done } = await this.answers.next();
    if (done) throw new Error(`the peer ended at ${command}\n${this.noise}`);
    const answer = JSON.parse(line);
    if (answer.error) throw new Error(`${command}: ${answer.error}`);
    return answer.value;
  }

  close() {
    this.child.stdin.end();
    return this.ended;
  }
}
