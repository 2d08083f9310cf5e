// The order that reads the stock and then writes it, in four processes of a peer, beside orders of shopctl.

import assert from 'node:assert/strict';
import { takeOver } from './adopt.js';

const PROCESSES = 4;
const ROUNDS = 15;
const STOCK = 40;

export async function sellAtOnce(shop, name) {
  await shop.ok('migrate', 'up');
  await shop.ok('product', 'create', '--sku', 'MUG', '--name', 'Blue mug', '--price', '12.50', '--stock', String(STOCK));
  const { id: productId } = await shop.json('product', 'show', 'MUG');
  const peers = Array.from({ length: PROCESSES }, () => shop.peer(name));
  const userId = await peers[0].createUser({ email: 'ann@example.com', passwordHash: 'x', firstName: 'Ann', lastName: 'Lee' });
  await Promise.all(peers.map((peer) => peer.read()));

  const own = [];
  const sales = await Promise.all([ourOrders(shop, own), ...peers.map((peer) => theirOrders(peer, userId, productId))]);
  const theirs = sales.slice(1).reduce((sum, sold) => sum + sold, 0);
  assert.ok(own.length > 0 && theirs > 0, `of shopctl ${own.length} orders, of the peer ${theirs}`);

  // Each order that shopctl placed is there, whole, with its movement.
  for (const reference of own) {
    const order = await shop.json('order', 'show', reference);
    assert.deepEqual([order.status, order.total_amount, order.items.length, order.items[0].quantity], ['pending', '12.50', 1, 1]);
  }
  const { stdout } = await shop.ok('stock', 'history', 'MUG', '--all', '-o', 'jsonl');
  const movements = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  assert.equal(movements.filter(({ reason }) => reason === 'order').length, own.length);

  const left = (await shop.json('product', 'show', 'MUG')).stock_quantity;
  assert.ok(left >= 0);
  return { peer: peers[0], oversold: Math.max(0, own.length + theirs - STOCK) };
}

/** shopctl says how many pieces were sold beyond what there was, and then takes the orders in. */
export async function nameOversold(shop, _name, { peer, oversold }) {
  const { stdout } = await shop.run('stock', 'verify', '--json');
  assert.equal(JSON.parse(stdout).items[0]?.oversold ?? 0, oversold);
  await takeOver(shop, peer);
  await shop.ok('stock', 'verify');
}

async function ourOrders(shop, references) {
  for (let round = 0; round < ROUNDS; round += 1) {
    const run = await shop.run('order', 'create', '--user', 'ann@example.com', '--item', 'MUG:1', '--json');
    if (run.code === 0) references.push(JSON.parse(run.stdout).reference);
    else assert.match(run.stderr, /stock/, run.stderr);
  }
  return references.length;
}

async function theirOrders(peer, userId, productId) {
  let sold = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    try {
      await peer.createOrderUnlocked(userId, [{ productId, quantity: 1 }]);
      sold += 1;
    } catch (error) {
      // Sold out, or SQLite was busy: what it wrote before that stays, which is the bug.
      if (!/insufficient stock|SQLITE_BUSY|database is locked/.test(error.message)) throw error;
    }
  }
  return sold;
}
