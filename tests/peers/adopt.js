// `shopctl adopt` and the checks that are green after it.

import assert from 'node:assert/strict';
import { assertTotals, normal } from './lib/same.js';

/** Every row of the peer stays as it is; orders without a total get theirs. */
export async function takeOver(shop, peer, ...options) {
  const before = normal(await peer.read());
  await shop.ok('adopt', '--yes', '--fix-totals', ...options);
  const after = await peer.read();
  assert.deepEqual(normal(after), before);
  assertTotals(after);
}

/** Run again it changes nothing. */
export async function takeOverAgain(shop) {
  await shop.ok('adopt', '--dry-run', '--exit-code', '--fix-totals');
}

export async function assertGreen(shop) {
  await shop.ok('migrate', 'status', '--check');
  await shop.ok('migrate', 'verify');
  for (const command of [['audit', 'verify'], ['stock', 'verify']]) {
    const { stdout, stderr } = await shop.ok(...command);
    assert.doesNotMatch(stdout + stderr, /another program/i);
  }
  const { items: checks } = await shop.json('doctor', '--deep');
  // Doctor warns of SQLite's times as Prisma and Knex write them, because of how they sort, and of a file that the peer
  // made and that others can read: neither is a fault.
  const expected = ['times-in-own-form', 'configuration'];
  const isFine = ({ name, state }) => state === 'ok' || (state === 'warning' && expected.includes(name));
  assert.deepEqual(checks.filter((check) => !isFine(check)), []);
}
