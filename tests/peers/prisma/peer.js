import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DEMO_USER } from '../lib/demo-user.js';
import { place, serve } from '../lib/serve.js';
import { clientFor } from './client.js';

const at = place();
const prisma = await clientFor(at);

/** The order with its lines, and the stock that it takes, together or not at all. */
function createOrder(userId, items) {
  return prisma.$transaction(async (transaction) => {
    const order = await transaction.order.create({ data: { userId, status: 'pending' } });
    for (const { productId, quantity } of items) {
      const product = await transaction.product.findUniqueOrThrow({ where: { id: productId } });
      const taken = await transaction.product.updateMany({
        where: { id: productId, stockQuantity: { gte: quantity } },
        data: { stockQuantity: { decrement: quantity } },
      });
      if (taken.count !== 1) throw new Error(`insufficient stock for product ${product.name}`);
      await transaction.orderItem.create({ data: { orderId: order.id, productId, quantity, unitPrice: product.price } });
    }
    return order.id;
  });
}

/** The same with its old bug: no query belongs to a transaction and nothing is locked, so that it oversells. */
async function createOrderUnlocked(userId, items) {
  const order = await prisma.order.create({ data: { userId, status: 'pending' } });
  for (const { productId, quantity } of items) {
    const product = await prisma.product.findUniqueOrThrow({ where: { id: productId } });
    if (product.stockQuantity < quantity) throw new Error(`insufficient stock for product ${product.name}`);
    await prisma.product.update({ where: { id: productId }, data: { stockQuantity: product.stockQuantity - quantity } });
    await prisma.orderItem.create({ data: { orderId: order.id, productId, quantity, unitPrice: product.price } });
  }
  return order.id;
}

serve({
  migrate: async () => {
    // The tool wants a file of SQLite for itself.
    await prisma.$disconnect();
    const program = fileURLToPath(new URL('migrate.js', import.meta.url));
    return Number(execFileSync(process.execPath, [program, at.engine, at.url], { stdio: ['ignore', 'pipe', 'inherit'] }));
  },
  seed: () => prisma.user.create({ data: DEMO_USER }).then(() => null),
  createUser: async (data) => (await prisma.user.create({ data })).id,
  createProduct: async (data) => (await prisma.product.create({ data })).id,
  createUserByDefaults: async ({ email, passwordHash, firstName, lastName }) =>
    void (await prisma.$executeRaw`INSERT INTO users (email, password_hash, first_name, last_name) VALUES (${email}, ${passwordHash}, ${firstName}, ${lastName})`),
  findUser: (id) => prisma.user.findUniqueOrThrow({ where: { id } }),
  findUserByEmail: (email) => prisma.user.findUnique({ where: { email } }),
  read: async () => ({
    users: await prisma.user.findMany({ orderBy: { createdAt: 'desc' } }),
    products: await prisma.product.findMany(),
    orders: await prisma.order.findMany({ include: { items: true } }),
  }),
  createOrder,
  createOrderUnlocked,
  setStock: async (id, stockQuantity) => void (await prisma.product.update({ where: { id }, data: { stockQuantity } })),
  setStatus: async (id, status) => void (await prisma.order.update({ where: { id }, data: { status } })),
  deleteUser: async (id) => void (await prisma.user.delete({ where: { id } })),
  deleteProduct: async (id) => void (await prisma.product.delete({ where: { id } })),
  deleteOrder: async (id) =>
    void (await prisma.$transaction([prisma.orderItem.deleteMany({ where: { orderId: id } }), prisma.order.delete({ where: { id } })])),
});
