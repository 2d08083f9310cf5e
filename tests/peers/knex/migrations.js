const times = (table, knex) => {
  table.timestamp('created_at').notNullable().defaultTo(knex.fn.now());
  table.timestamp('updated_at').notNullable().defaultTo(knex.fn.now());
};

const migrations = {
  '20250131000001_create_users': (knex) =>
    knex.schema.createTable('users', (table) => {
      table.uuid('id').primary();
      table.string('email').notNullable().unique();
      table.string('password_hash').notNullable();
      table.string('first_name', 100).notNullable();
      table.string('last_name', 100).notNullable();
      times(table, knex);
    }),
  '20250131000002_create_products': (knex) =>
    knex.schema.createTable('products', (table) => {
      table.uuid('id').primary();
      table.string('name').notNullable().index();
      table.text('description');
      table.decimal('price', 10, 2).notNullable();
      table.integer('stock_quantity').notNullable().defaultTo(0);
      times(table, knex);
    }),
  '20250131000003_create_orders': (knex) =>
    knex.schema.createTable('orders', (table) => {
      table.uuid('id').primary();
      table.uuid('user_id').notNullable().references('id').inTable('users');
      table.string('status').notNullable().defaultTo('pending');
      table.decimal('total_amount', 12, 2).notNullable().defaultTo(0);
      times(table, knex);
    }),
  '20250131000004_create_order_items': (knex) =>
    knex.schema.createTable('order_items', (table) => {
      table.uuid('id').primary();
      table.uuid('order_id').notNullable().references('id').inTable('orders');
      table.uuid('product_id').notNullable().references('id').inTable('products');
      table.integer('quantity').notNullable();
      table.decimal('unit_price', 10, 2).notNullable();
    }),
};

/** Where Knex's own migrator takes them from. */
export const migrationSource = {
  getMigrations: async () => Object.keys(migrations),
  getMigrationName: (name) => name,
  getMigration: async (name) => ({ up: migrations[name], down: () => {} }),
};
