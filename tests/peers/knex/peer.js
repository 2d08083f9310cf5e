import { randomUUID } from 'node:crypto';
import createKnex from 'knex';
import { DEMO_USER } from '../lib/demo-user.js';
import { place, serve } from '../lib/serve.js';
import { migrationSource } from './migrations.js';

const { engine, host, port, user, database, file } = place();
const server = { host, port, user, database };
const CONFIGURATIONS = {
  postgres: { client: 'pg', connection: server },
  // Times in UTC, whatever the zone of this machine.
  mariadb: { client: 'mysql2', connection: { ...server, timezone: 'Z' } },
  sqlite: {
    client: 'better-sqlite3',
    connection: { filename: file },
    useNullAsDefault: true,
  },
};
const knex = createKnex(CONFIGURATIONS[engine]);

// On SQLite a Date becomes a number and `now()` a text: what Knex programs write there has both.
const times = () => ({ created_at: new Date(), updated_at: new Date() });
const userRow = ({ email, passwordHash, firstName, lastName }) => ({ email, password_hash: passwordHash, first_name: firstName, last_name: lastName });

class Repository {
  constructor(table) {
    this.table = table;
  }

  async findById(id, queries = knex) {
    const row = await queries(this.table).where({ id }).first();
    if (!row) throw new Error(`${this.table} ${id} does not exist`);
    return row;
  }

  async create(values, queries = knex) {
    const row = { id: randomUUID(), ...values };
    await queries(this.table).insert(row);
    return row;
  }

  async update(id, values, queries = knex) {
    const count = await queries(this.table).where({ id }).update({ ...values, updated_at: knex.fn.now() });
    if (count !== 1) throw new Error(`${this.table} ${id} does not exist`);
  }

  async delete(id, queries = knex) {
    const count = await queries(this.table).where({ id }).delete();
    if (count !== 1) throw new Error(`${this.table} ${id} does not exist`);
  }
}

const users = new Repository('users');
const products = new Repository('products');
const orders = new Repository('orders');
const orderItems = new Repository('order_items');

/** The order with its lines, and the stock that it takes, together or not at all. */
function createOrder(userId, items) {
  return knex.transaction(async (transaction) => {
    const order = await orders.create({ user_id: userId, status: 'pending', total_amount: 0, ...times() }, transaction);
    for (const { productId, quantity } of items) {
      const { name, price } = await products.findById(productId, transaction);
      const count = await transaction('products')
        .where({ id: productId })
        .andWhere('stock_quantity', '>=', quantity)
        .update({ stock_quantity: knex.raw('stock_quantity - ?', [quantity]), updated_at: knex.fn.now() });
      if (count !== 1) throw new Error(`insufficient stock for product ${name}`);
      await orderItems.create({ order_id: order.id, product_id: productId, quantity, unit_price: price }, transaction);
    }
    return order.id;
  });
}

/** The same with its old bug: no query belongs to a transaction and nothing is locked, so that it oversells. */
async function createOrderUnlocked(userId, items) {
  const order = await orders.create({ user_id: userId, status: 'pending', total_amount: 0, ...times() });
  for (const { productId, quantity } of items) {
    const { name, price, stock_quantity } = await products.findById(productId);
    if (stock_quantity < quantity) throw new Error(`insufficient stock for product ${name}`);
    await products.update(productId, { stock_quantity: stock_quantity - quantity });
    await orderItems.create({ order_id: order.id, product_id: productId, quantity, unit_price: price });
  }
  return order.id;
}

const camelCase = (row) =>
  row && Object.fromEntries(Object.entries(row).map(([name, value]) => [name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()), value]));

serve({
  migrate: async () => (await knex.migrate.latest({ migrationSource }))[1].length,
  seed: () => users.create({ id: DEMO_USER.id, ...userRow(DEMO_USER), ...times() }).then(() => null),
  createUser: async (values) => (await users.create({ ...userRow(values), ...times() })).id,
  createProduct: async ({ name, description, price, stockQuantity }) =>
    (await products.create({ name, description, price, stock_quantity: stockQuantity, ...times() })).id,
  createUserByDefaults: async (values) => void (await knex('users').insert(userRow(values))),
  findUser: async (id) => camelCase(await users.findById(id)),
  findUserByEmail: async (email) => camelCase(await knex('users').where({ email }).first()),
  read: async () => {
    const items = (await knex('order_items')).map(camelCase);
    const withItems = (order) => ({ ...order, items: items.filter((item) => item.orderId === order.id) });
    return {
      users: (await knex('users')).map(camelCase),
      products: (await knex('products')).map(camelCase),
      orders: (await knex('orders')).map(camelCase).map(withItems),
    };
  },
  createOrder,
  createOrderUnlocked,
  setStock: (id, stock_quantity) => products.update(id, { stock_quantity }),
  setStatus: (id, status) => orders.update(id, { status }),
  deleteUser: (id) => users.delete(id),
  deleteProduct: (id) => products.delete(id),
  deleteOrder: (id) =>
    knex.transaction(async (transaction) => {
      await transaction('order_items').where({ order_id: id }).delete();
      await orders.delete(id, transaction);
    }),
});
