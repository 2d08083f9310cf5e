import { Transaction } from 'sequelize';

export class OrderService {
  constructor(sequelize, { orders, orderItems, products }) {
    Object.assign(this, { sequelize, orders, orderItems, products });
  }

  /** The order with its lines, and the stock that it takes, together or not at all. */
  createOrder(userId, items) {
    // SQLite has no row locks: there the transaction locks the file from its beginning.
    return this.sequelize.transaction({ type: Transaction.TYPES.IMMEDIATE }, async (transaction) => {
      const order = await this.orders.create({ userId, status: 'pending' }, { transaction });
      for (const { productId, quantity } of items) {
        const product = await this.products.existing(productId, { transaction, lock: transaction.LOCK.UPDATE });
        await this.takeAndAdd(order, product, quantity, { transaction });
      }
      return order;
    });
  }

  /** The same with its old bug: no query belongs to a transaction and nothing is locked, so that it oversells. */
  async createOrderUnlocked(userId, items) {
    const order = await this.orders.create({ userId, status: 'pending' });
    for (const { productId, quantity } of items) {
      await this.takeAndAdd(order, await this.products.existing(productId), quantity);
    }
    return order;
  }

  async takeAndAdd(order, product, quantity, options) {
    if (product.stockQuantity < quantity) throw new Error(`insufficient stock for product ${product.name}`);
    await product.update({ stockQuantity: product.stockQuantity - quantity }, options);
    const line = { orderId: order.id, productId: product.id, quantity, unitPrice: product.price };
    await this.orderItems.create(line, options);
  }
}
