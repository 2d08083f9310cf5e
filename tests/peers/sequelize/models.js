import { DataTypes, Sequelize } from 'sequelize';

const DIALECTS = { postgres: 'postgres', mariadb: 'mysql', sqlite: 'sqlite' };

export function connect({ engine, host, port, user, database, file }) {
  const connection = { dialect: DIALECTS[engine], logging: false, pool: { max: 4 } };
  if (engine === 'sqlite') return new Sequelize({ ...connection, storage: file });
  return new Sequelize(database, user, '', { ...connection, host, port });
}

export function defineModels(sequelize) {
  const id = { type: DataTypes.UUID, defaultValue: DataTypes.UUIDV4, primaryKey: true };
  const options = { underscored: true, timestamps: true };

  const User = sequelize.define('User', {
    id,
    email: { type: DataTypes.STRING, allowNull: false, unique: true, validate: { isEmail: true } },
    passwordHash: { type: DataTypes.STRING, allowNull: false },
    firstName: { type: DataTypes.STRING(100), allowNull: false },
    lastName: { type: DataTypes.STRING(100), allowNull: false },
  }, { ...options, tableName: 'users' });

  const Product = sequelize.define('Product', {
    id,
    name: { type: DataTypes.STRING, allowNull: false },
    description: DataTypes.TEXT,
    price: { type: DataTypes.DECIMAL(10, 2), allowNull: false, validate: { min: 0 } },
    stockQuantity: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0, validate: { min: 0 } },
  }, { ...options, tableName: 'products' });

  const Order = sequelize.define('Order', {
    id,
    userId: { type: DataTypes.UUID, allowNull: false },
    status: { type: DataTypes.STRING, allowNull: false, defaultValue: 'pending' },
    totalAmount: { type: DataTypes.DECIMAL(12, 2), allowNull: false, defaultValue: 0 },
  }, { ...options, tableName: 'orders' });

  const OrderItem = sequelize.define('OrderItem', {
    id,
    orderId: { type: DataTypes.UUID, allowNull: false },
    productId: { type: DataTypes.UUID, allowNull: false },
    quantity: { type: DataTypes.INTEGER, allowNull: false },
    unitPrice: { type: DataTypes.DECIMAL(10, 2), allowNull: false },
  }, { ...options, tableName: 'order_items', timestamps: false });

  User.hasMany(Order, { foreignKey: 'userId', as: 'orders' });
  Order.belongsTo(User, { foreignKey: 'userId', as: 'user' });
  Order.hasMany(OrderItem, { foreignKey: 'orderId', as: 'items' });
  OrderItem.belongsTo(Order, { foreignKey: 'orderId', as: 'order' });
  OrderItem.belongsTo(Product, { foreignKey: 'productId', as: 'product' });
  return { User, Product, Order, OrderItem };
}
