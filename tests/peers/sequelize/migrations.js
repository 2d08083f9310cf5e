// As `sequelize-cli` has them: a file's `up` each, and their names in SequelizeMeta.

const times = (Sequelize) => {
  const time = { type: Sequelize.DATE, allowNull: false, defaultValue: Sequelize.literal('CURRENT_TIMESTAMP') };
  return { created_at: time, updated_at: time };
};
const id = (Sequelize) => ({ type: Sequelize.UUID, defaultValue: Sequelize.UUIDV4, primaryKey: true });
const reference = (Sequelize, model) => ({ type: Sequelize.UUID, allowNull: false, references: { model, key: 'id' } });

const migrations = {
  '20250131000001-create-users-table.js': async (queryInterface, Sequelize) => {
    await queryInterface.createTable('users', {
      id: id(Sequelize),
      email: { type: Sequelize.STRING, allowNull: false, unique: true },
      password_hash: { type: Sequelize.STRING, allowNull: false },
      first_name: { type: Sequelize.STRING(100), allowNull: false },
      last_name: { type: Sequelize.STRING(100), allowNull: false },
      ...times(Sequelize),
    });
    await queryInterface.addIndex('users', ['email']);
  },
  '20250131000002-create-products-table.js': async (queryInterface, Sequelize) => {
    await queryInterface.createTable('products', {
      id: id(Sequelize),
      name: { type: Sequelize.STRING, allowNull: false },
      description: Sequelize.TEXT,
      price: { type: Sequelize.DECIMAL(10, 2), allowNull: false },
      stock_quantity: { type: Sequelize.INTEGER, allowNull: false, defaultValue: 0 },
      ...times(Sequelize),
    });
    await queryInterface.addIndex('products', ['name']);
  },
  '20250131000003-create-orders-table.js': (queryInterface, Sequelize) =>
    queryInterface.createTable('orders', {
      id: id(Sequelize),
      user_id: reference(Sequelize, 'users'),
      status: { type: Sequelize.STRING, allowNull: false, defaultValue: 'pending' },
      total_amount: { type: Sequelize.DECIMAL(12, 2), allowNull: false, defaultValue: 0 },
      ...times(Sequelize),
    }),
  '20250131000004-create-order-items-table.js': (queryInterface, Sequelize) =>
    queryInterface.createTable('order_items', {
      id: id(Sequelize),
      order_id: reference(Sequelize, 'orders'),
      product_id: reference(Sequelize, 'products'),
      quantity: { type: Sequelize.INTEGER, allowNull: false },
      unit_price: { type: Sequelize.DECIMAL(10, 2), allowNull: false },
    }),
};

/** Applies what is not applied yet; how many that were. */
export async function migrate(sequelize) {
  const { Sequelize } = sequelize;
  const name = { type: Sequelize.STRING, allowNull: false, unique: true, primaryKey: true };
  const Meta = sequelize.define('SequelizeMeta', { name }, { tableName: 'SequelizeMeta', timestamps: false });
  await Meta.sync();
  const applied = new Set((await Meta.findAll()).map((row) => row.name));
  const pending = Object.entries(migrations).filter(([file]) => !applied.has(file));
  for (const [file, up] of pending) {
    await up(sequelize.getQueryInterface(), Sequelize);
    await Meta.create({ name: file });
  }
  return pending.length;
}
