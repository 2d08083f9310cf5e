// A shop that shopctl made, and a program beside it that knows only the original columns.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertGreen, takeOver, takeOverAgain } from './adopt.js';
import { assertId, assertSameTime, cents, milliseconds } from './lib/same.js';

const GRACE = { email: 'grace@example.com', passwordHash: 'x', firstName: 'Grace', lastName: 'Hopper' };
const DEFAULTED = { email: 'defaults@example.com', passwordHash: 'x', firstName: 'Only', lastName: 'Needed' };
const TEA = { name: 'Earl Grey, 100 g', description: 'Black tea', price: '7.90', stockQuantity: 10 };

export async function liveBeside(shop, name) {
  const ours = await makeShop(shop);
  const peer = shop.peer(name);
  await peerReads(peer, ours);
  const theirs = await peerWrites(peer, ours);
  await shopctlReads(shop, ours, theirs);
  await shopctlWrites(shop, peer, theirs);
  await exportsComeInUnchanged(shop);
  return { peer, ours, theirs };
}

export async function adoptRows(shop, _name, { peer, ours, theirs }) {
  await takeOver(shop, peer);
  await assertGreen(shop);
  await takeOverAgain(shop);
  await peerGoesOn(shop, peer, ours, theirs);
}

async function makeShop(shop) {
  await shop.ok('migrate', 'up');
  const password = join(shop.home, 'password');
  writeFileSync(password, 'correct horse battery staple');
  const ann = ['--email', 'ann@example.com', '--first-name', 'Ann', '--last-name', 'Lee', '--password-file', password];
  const user = await shop.json('user', 'create', ...ann);
  const mug = await shop.json('product', 'create', '--sku', 'MUG', '--name', 'Blue mug', '--price', '12.50', '--stock', '40');
  const order = await shop.json('order', 'create', '--user', 'ann@example.com', '--item', 'MUG:2');
  return { user, mug, order };
}

async function peerReads(peer, { user, mug, order }) {
  const { users, products, orders } = await peer.read();
  assert.deepEqual([users.length, products.length, orders.length], [1, 1, 1]);
  assert.equal(users[0].id, user.id);
  assert.equal(users[0].email, 'ann@example.com');
  assertSameTime(users[0].createdAt, user.created_at);
  assertSameTime(users[0].updatedAt, user.updated_at);
  assert.equal(products[0].id, mug.id);
  assert.equal(cents(products[0].price), 1250);
  assert.equal(products[0].stockQuantity, 38);
  assert.equal(orders[0].id, order.id);
  assert.equal(orders[0].userId, user.id);
  assert.equal(cents(orders[0].totalAmount), 2500);
  assertSameTime(orders[0].createdAt, order.created_at);
  const [line, ...others] = orders[0].items;
  assert.deepEqual(others, []);
  assert.deepEqual([line.orderId, line.productId, line.quantity, cents(line.unitPrice)], [order.id, mug.id, 2, 1250]);
  [users[0], products[0], orders[0], line].forEach(({ id }) => assertId(id));
  assert.equal((await peer.findUser(user.id)).email, 'ann@example.com');
  assert.equal((await peer.findUserByEmail('ann@example.com')).id, user.id);
}

async function peerWrites(peer, { user, mug }) {
  const since = Date.now();
  await peer.seed();
  await peer.createUserByDefaults(DEFAULTED);
  const userId = await peer.createUser(GRACE);
  const productId = await peer.createProduct(TEA);
  const orderId = await peer.createOrder(userId, [{ productId, quantity: 3 }, { productId: mug.id, quantity: 1 }]);
  const toCancel = await peer.createOrder(user.id, [{ productId, quantity: 2 }]);
  await assert.rejects(peer.createOrder(userId, [{ productId: mug.id, quantity: 1 }, { productId, quantity: 100 }]), /insufficient stock/);
  await peer.setStock(mug.id, 50);

  await peer.deleteUser(await peer.createUser({ ...GRACE, email: 'gone@example.com' }));
  await peer.deleteProduct(await peer.createProduct(TEA));
  await peer.deleteOrder(await peer.createOrder(userId, [{ productId, quantity: 1 }]));
  await peer.setStock(productId, 5);

  const { users, products, orders } = await peer.read();
  assert.deepEqual([users.length, products.length, orders.length], [4, 2, 3]);
  return { userId, productId, orderId, toCancel, since, until: Date.now() };
}

async function shopctlReads(shop, ours, { userId, productId, orderId, toCancel, since, until }) {
  const isOfThen = ({ created_at }) => assert.ok(milliseconds(created_at) >= since - 1000 && milliseconds(created_at) <= until, `${created_at} is no time of this run`);

  const users = await shop.all('user');
  const emails = ['admin@example.com', 'ann@example.com', 'defaults@example.com', 'grace@example.com'];
  assert.deepEqual(users.map((user) => user.email).sort(), emails);
  users.forEach(({ id }) => assertId(id));
  users.filter(({ id }) => id !== ours.user.id).forEach(isOfThen);
  assert.ok(users.some(({ id }) => id === '550e8400-e29b-41d4-a716-446655440000'));
  assert.equal((await shop.json('user', 'show', userId)).email, 'grace@example.com');
  assert.equal((await shop.json('user', 'show', 'grace@example.com')).id, userId);
  const [named] = await shop.all('user', '--search', 'hopper');
  assert.equal(named.id, userId);

  const tea = await shop.json('product', 'show', productId);
  assert.deepEqual([tea.name, tea.price, tea.stock_quantity], [TEA.name, '7.90', 5]);
  isOfThen(tea);
  assert.equal((await shop.json('product', 'show', 'MUG')).stock_quantity, 50);

  const orders = await shop.all('order');
  assert.deepEqual(orders.map(({ id }) => id).sort(), [ours.order.id, orderId, toCancel].sort());
  const order = await shop.json('order', 'show', orderId);
  isOfThen(order);
  assert.equal(order.user, 'grace@example.com');
  assert.deepEqual(order.items.map((item) => item.line_total).sort(), ['12.50', '23.70']);
  assert.equal((await shop.json('order', 'show', order.reference)).id, orderId);
}

async function shopctlWrites(shop, peer, { userId, productId, orderId, toCancel }) {
  const { sku } = await shop.json('product', 'show', productId);
  const placed = await shop.json('order', 'create', '--user', 'grace@example.com', '--item', `${sku}:1`);
  assert.equal(placed.total_amount, '7.90');
  await shop.ok('order', 'pay', orderId);
  await shop.ok('user', 'update', 'admin@example.com', '--first-name', 'Ada');
  await shop.ok('order', 'cancel', toCancel, '--yes');

  const { users, products, orders } = await peer.read();
  const byId = (rows, wanted) => rows.find(({ id }) => id === wanted);
  assert.equal(byId(orders, placed.id).userId, userId);
  assert.equal(byId(orders, orderId).status, 'paid');
  assert.equal(byId(orders, toCancel).status, 'cancelled');
  assert.equal(users.find(({ email }) => email === 'admin@example.com').firstName, 'Ada');
  // One was sold, and the two of the cancelled order are back.
  assert.equal(byId(products, productId).stockQuantity, 5 - 1 + 2);
}

/** What shopctl exports is in the shop already. */
export async function exportsComeInUnchanged(shop) {
  for (const noun of ['user', 'product', 'order']) {
    const file = join(shop.home, `${noun}.jsonl`);
    await shop.ok(noun, 'export', '--out', file);
    const count = (await shop.all(noun)).length;
    const { created, updated, unchanged, rejected } = await shop.json(noun, 'import', file);
    assert.deepEqual({ noun, created, updated, unchanged, rejected }, { noun, created: 0, updated: 0, unchanged: count, rejected: 0 });
  }
}

/** The peer reads what shopctl changed and places one more order. */
async function peerGoesOn(shop, peer, { user }, { productId }) {
  const id = await peer.createOrder(user.id, [{ productId, quantity: 1 }]);
  await peer.setStatus(id, 'paid');
  assert.equal((await shop.json('order', 'show', id)).status, 'paid');
  await takeOver(shop, peer);
  await assertGreen(shop);
}
