// A shop that another program made, and shopctl takes it over.

import assert from 'node:assert/strict';
import { assertGreen, takeOver, takeOverAgain } from './adopt.js';
import { normal } from './lib/same.js';
import { OFFSET } from './lib/shop.js';
import { exportsComeInUnchanged } from './shopctl-first.js';

const USER = { passwordHash: 'x', firstName: 'Grace', lastName: 'Hopper' };

export async function fillShop(shop, name) {
  const peer = shop.peer(name);
  assert.notEqual(await peer.migrate(), 0);
  const ids = await fill(peer);
  return { peer, ...ids, before: normal(await peer.read()) };
}

export async function takeShopOver(shop, name, { peer, userId, productId, before }) {
  const { code, stdout, stderr } = await shop.run('migrate', 'up');
  assert.notEqual(code, 0, 'a shop of another program is not migrated by chance');
  assert.match(stdout + stderr, /shopctl adopt/);
  assert.deepEqual(normal(await peer.read()), before);

  // On PostgreSQL TypeORM makes columns of times without a zone, and writes them in the zone of its machine.
  const isLocal = name === 'typeorm' && shop.engine === 'postgres';
  await takeOver(shop, peer, ...(isLocal ? ['--tz', OFFSET] : []));
  await assertGreen(shop);
  await takeOverAgain(shop);
  await shopctlWorks(shop, before, productId);

  assert.equal(await peer.migrate(), 0, 'the migrations of the peer are applied');
  const id = await peer.createOrder(userId, [{ productId, quantity: 1 }]);
  assert.equal((await shop.json('order', 'show', id)).user, 'user1@example.com');
  await takeOver(shop, peer);
  await assertGreen(shop);
}

async function fill(peer) {
  await peer.seed();
  const userId = await peer.createUser({ ...USER, email: 'user1@example.com' });
  const other = await peer.createUser({ ...USER, email: 'user2@example.com', firstName: 'Zoë' });
  const productId = await peer.createProduct({ name: 'Blue mug', description: null, price: '12.50', stockQuantity: 40 });
  const tea = await peer.createProduct({ name: 'Earl Grey, 100 g', description: 'Black', price: '7.90', stockQuantity: 10 });
  await peer.createOrder(userId, [{ productId, quantity: 2 }, { productId: tea, quantity: 1 }]);
  await peer.createOrder(other, [{ productId: tea, quantity: 3 }]);
  await peer.setStatus(await peer.createOrder(other, [{ productId, quantity: 1 }]), 'paid');
  await peer.deleteUser(await peer.createUser({ ...USER, email: 'gone@example.com' }));
  return { userId, productId };
}

async function shopctlWorks(shop, { users, products, orders }, productId) {
  assert.deepEqual((await shop.all('user')).map(({ id }) => id).sort(), users.map(({ id }) => id));
  assert.deepEqual((await shop.all('product')).map(({ id }) => id).sort(), products.map(({ id }) => id));
  assert.deepEqual((await shop.all('order')).map(({ id }) => id).sort(), orders.map(({ id }) => id));
  await exportsComeInUnchanged(shop);
  const { sku } = await shop.json('product', 'show', productId);
  const { reference } = await shop.json('order', 'create', '--user', 'user2@example.com', '--item', `${sku}:2`);
  await shop.ok('order', 'pay', reference);
  await shop.ok('order', 'cancel', orders.find(({ status }) => status === 'pending').id, '--yes');
  await assertGreen(shop);
}
