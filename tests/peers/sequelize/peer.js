import { place, serve } from '../lib/serve.js';
import { DEMO_USER } from '../lib/demo-user.js';
import { migrate } from './migrations.js';
import { connect, defineModels } from './models.js';
import { OrderService } from './order-service.js';
import { BaseRepository, UserRepository } from './repositories.js';

const sequelize = connect(place());
const { User, Product, Order, OrderItem } = defineModels(sequelize);
const users = new UserRepository(User);
const products = new BaseRepository(Product);
const orders = new BaseRepository(Order);
const orderItems = new BaseRepository(OrderItem);
const service = new OrderService(sequelize, { orders, orderItems, products });

const plain = ({ rows }) => rows.map((row) => row.get({ plain: true }));

serve({
  migrate: () => migrate(sequelize),
  seed: async () => {
    const { id, email, passwordHash, firstName, lastName } = DEMO_USER;
    const [created_at, updated_at] = [new Date(), new Date()];
    const row = { id, email, password_hash: passwordHash, first_name: firstName, last_name: lastName, created_at, updated_at };
    await sequelize.getQueryInterface().bulkInsert('users', [row]);
  },
  createUser: async (values) => (await users.create(values)).id,
  createProduct: async (values) => (await products.create(values)).id,
  createUserByDefaults: async ({ email, passwordHash, firstName, lastName }) => {
    const row = { email, password_hash: passwordHash, first_name: firstName, last_name: lastName };
    await sequelize.getQueryInterface().bulkInsert('users', [row]);
  },
  findUser: async (id) => (await users.existing(id)).get({ plain: true }),
  findUserByEmail: async (email) => (await users.findByEmail(email))?.get({ plain: true }),
  read: async () => ({
    users: plain(await users.findAll()),
    products: plain(await products.findAll()),
    orders: plain(await orders.findAll({}, { include: 'items', distinct: true })),
  }),
  createOrder: async (userId, items) => (await service.createOrder(userId, items)).id,
  createOrderUnlocked: async (userId, items) => (await service.createOrderUnlocked(userId, items)).id,
  setStock: async (id, stockQuantity) => void (await products.update(id, { stockQuantity })),
  setStatus: async (id, status) => void (await orders.update(id, { status })),
  deleteUser: (id) => users.delete(id),
  deleteProduct: (id) => products.delete(id),
  deleteOrder: (id) =>
    sequelize.transaction(async (transaction) => {
      await OrderItem.destroy({ where: { orderId: id }, transaction });
      await orders.delete(id, { transaction });
    }),
});
