import { EntitySchema } from 'typeorm';

const id = { type: 'uuid', primary: true, generated: 'uuid' };
const times = {
  createdAt: { type: Date, name: 'created_at', createDate: true },
  updatedAt: { type: Date, name: 'updated_at', updateDate: true },
};
const money = (name, precision) => ({ name, type: 'decimal', precision, scale: 2 });
const belongsTo = (target, column, inverseSide) => ({ type: 'many-to-one', target, joinColumn: { name: column }, nullable: false, inverseSide });

export const User = new EntitySchema({
  name: 'User',
  tableName: 'users',
  columns: {
    id,
    email: { type: String, length: 255, unique: true },
    passwordHash: { type: String, length: 255, name: 'password_hash' },
    firstName: { type: String, length: 100, name: 'first_name' },
    lastName: { type: String, length: 100, name: 'last_name' },
    ...times,
  },
});

export const Product = new EntitySchema({
  name: 'Product',
  tableName: 'products',
  columns: {
    id,
    name: { type: String, length: 255 },
    description: { type: 'text', nullable: true },
    price: money('price', 10),
    stockQuantity: { type: 'integer', name: 'stock_quantity', default: 0 },
    ...times,
  },
});

export const Order = new EntitySchema({
  name: 'Order',
  tableName: 'orders',
  columns: {
    id,
    userId: { type: 'uuid', name: 'user_id' },
    status: { type: String, length: 255, default: 'pending' },
    totalAmount: { ...money('total_amount', 12), default: 0 },
    ...times,
  },
  relations: {
    user: belongsTo('User', 'user_id'),
    items: { type: 'one-to-many', target: 'OrderItem', inverseSide: 'order' },
  },
});

export const OrderItem = new EntitySchema({
  name: 'OrderItem',
  tableName: 'order_items',
  columns: {
    id,
    orderId: { type: 'uuid', name: 'order_id' },
    productId: { type: 'uuid', name: 'product_id' },
    quantity: { type: 'integer' },
    unitPrice: money('unit_price', 10),
  },
  relations: {
    order: belongsTo('Order', 'order_id', 'items'),
    product: belongsTo('Product', 'product_id'),
  },
});
