import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { DEMO_USER } from '../lib/demo-user.js';
import { place, serve } from '../lib/serve.js';
import { Order, OrderItem, Product, User } from './entities.js';

const { engine, host, port, user, database, file } = place();
const server = { host, port, username: user, database };
const CONNECTIONS = {
  postgres: { type: 'postgres', ...server },
  // Times in UTC, whatever the zone of this machine.
  mariadb: { type: 'mariadb', ...server, timezone: 'Z' },
  sqlite: { type: 'better-sqlite3', database: file },
};

/** What `typeorm migration:generate` would write for an empty database. */
class CreateShop1738281600001 {
  async up(queryRunner) {
    const { upQueries } = await queryRunner.connection.driver.createSchemaBuilder().log();
    for (const { query, parameters } of upQueries) await queryRunner.query(query, parameters);
  }
}

const entities = [User, Product, Order, OrderItem];
const dataSource = new DataSource({ ...CONNECTIONS[engine], entities, migrations: [CreateShop1738281600001] });
await dataSource.initialize();

const repository = (entity, manager = dataSource.manager) => manager.getRepository(entity);

async function update(entity, id, values) {
  const found = await repository(entity).findOneByOrFail({ id });
  await repository(entity).save(Object.assign(found, values));
}

async function create(entity, values, manager) {
  const { id } = await repository(entity, manager).save({ id: randomUUID(), ...values });
  return id;
}

async function remove(entity, id, manager) {
  const found = await repository(entity, manager).findOneByOrFail({ id });
  await repository(entity, manager).remove(found);
}

/** The order with its lines, and the stock that it takes, together or not at all. */
function createOrder(userId, items) {
  return dataSource.transaction(async (manager) => {
    const order = await create(Order, { userId, status: 'pending' }, manager);
    // SQLite has no row locks; its transaction has locked the file by the insert above.
    const lock = engine === 'sqlite' ? undefined : { mode: 'pessimistic_write' };
    for (const { productId, quantity } of items) {
      const product = await repository(Product, manager).findOneOrFail({ where: { id: productId }, lock });
      await takeAndAdd(order, product, quantity, manager);
    }
    return order;
  });
}

/** The same with its old bug: no query belongs to a transaction and nothing is locked, so that it oversells. */
async function createOrderUnlocked(userId, items) {
  const order = await create(Order, { userId, status: 'pending' });
  for (const { productId, quantity } of items) {
    await takeAndAdd(order, await repository(Product).findOneByOrFail({ id: productId }), quantity);
  }
  return order;
}

async function takeAndAdd(orderId, product, quantity, manager) {
  if (product.stockQuantity < quantity) throw new Error(`insufficient stock for product ${product.name}`);
  product.stockQuantity -= quantity;
  await repository(Product, manager).save(product);
  await create(OrderItem, { orderId, productId: product.id, quantity, unitPrice: product.price }, manager);
}

serve({
  migrate: async () => (await dataSource.runMigrations()).length,
  seed: () => repository(User).insert({ ...DEMO_USER }).then(() => null),
  createUser: (values) => create(User, values),
  createProduct: (values) => create(Product, values),
  // The times, and on PostgreSQL the id, are those of the database.
  createUserByDefaults: (values) => repository(User).insert(values).then(() => null),
  findUser: (id) => repository(User).findOneByOrFail({ id }),
  findUserByEmail: (email) => repository(User).findOneBy({ email }),
  read: async () => ({
    users: await repository(User).find(),
    products: await repository(Product).find(),
    orders: await repository(Order).find({ relations: { items: true } }),
  }),
  createOrder,
  createOrderUnlocked,
  setStock: (id, stockQuantity) => update(Product, id, { stockQuantity }),
  setStatus: (id, status) => update(Order, id, { status }),
  deleteUser: (id) => remove(User, id),
  deleteProduct: (id) => remove(Product, id),
  deleteOrder: (id) =>
    dataSource.transaction(async (manager) => {
      await repository(OrderItem, manager).delete({ orderId: id });
      await remove(Order, id, manager);
    }),
});
