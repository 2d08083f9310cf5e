// Runs every part with every peer on every engine; words narrow it down: `run knex sqlite`, `run race`. With `--all`
// also what is left out.

import { join } from 'node:path';
import { ENGINES, LEFT_OUT, PEERS } from './cells.js';
import { newFolder, startMariaDb, startPostgres } from './lib/servers.js';
import { Shop } from './lib/shop.js';
import { fillShop, takeShopOver } from './peer-first.js';
import { nameOversold, sellAtOnce } from './race.js';
import { adoptRows, liveBeside } from './shopctl-first.js';

/** What is run in one shop: steps, each of which gets what the one before returned. */
const PARTS = {
  'shopctl-first': { beside: liveBeside, adopt: adoptRows },
  'peer-first': { fill: fillShop, adopt: takeShopOver },
  race: { orders: sellAtOnce, oversold: nameOversold },
};
const AT_ONCE = 2;

const words = process.argv.slice(2).filter((word) => word !== '--all');
const all = process.argv.includes('--all');
const unknown = words.filter((word) => ![...Object.keys(PARTS), ...PEERS, ...ENGINES].includes(word));
if (unknown.length > 0) {
  console.error(`no part, peer or engine: ${unknown.join(', ')}`);
  process.exit(2);
}
const wanted = (names) => names.filter((name) => words.includes(name) || !words.some((word) => names.includes(word)));

const cells = wanted(Object.keys(PARTS)).flatMap((part) =>
  wanted(ENGINES).flatMap((engine) => wanted(PEERS).map((peer) => ({ part, peer, engine }))),
);
const leftOut = (...cell) => (all ? [] : LEFT_OUT).find((row) => cell.every((name, place) => [name, '*'].includes(row[place])))?.at(-1);

const servers = {};
if (cells.some(({ engine }) => engine === 'postgres')) servers.postgres = await startPostgres();
if (cells.some(({ engine }) => engine === 'mariadb')) servers.mariadb = await startMariaDb();
const folder = newFolder('homes');

/** A shop with an empty database of its own. */
function newShop({ part, peer, engine }) {
  const name = `${part}_${peer}`.replace('-', '_');
  const home = join(folder, `${name}_${engine}`);
  if (engine === 'sqlite') return new Shop(engine, `sqlite:${join(home, 'shop.db')}`, home);
  const { scheme, user, host, port, execute } = servers[engine];
  execute(`CREATE DATABASE ${name}`);
  return new Shop(engine, `${scheme}://${user}@${host}:${port}/${name}`, home);
}

const counts = { passed: 0, failed: 0, skipped: 0 };

async function runCell(cell) {
  const shop = newShop(cell);
  let state;
  for (const [name, step] of Object.entries(PARTS[cell.part])) {
    const title = `${cell.peer} on ${cell.engine}: ${cell.part} ${name}`;
    const reason = leftOut(cell.part, name, cell.peer, cell.engine);
    if (reason) {
      counts.skipped += 1;
      console.log(`left out ${title}: ${reason}`);
      break;
    }
    const started = Date.now();
    try {
      state = await step(shop, cell.peer, state);
      counts.passed += 1;
      console.log(`ok ${title} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      counts.failed += 1;
      console.log(`FAILED ${title}\n${String(error.stack ?? error).replace(/^/gm, '    ')}`);
      break;
    }
  }
  await shop.close();
}

const queue = [...cells];
const worker = async () => {
  for (let cell = queue.shift(); cell; cell = queue.shift()) await runCell(cell);
};
await Promise.all(Array.from({ length: AT_ONCE }, worker));
console.log(`peers: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 ? 1 : 0);
