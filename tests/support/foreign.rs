//! Shops that other programs made, for `shopctl adopt`.

use super::{Backend, Shop};

/// Two users, a product and an order with one line.
pub const USER: &str = "550e8400-e29b-41d4-a716-446655440000";
pub const OTHER_USER: &str = "550e8400-e29b-41d4-a716-44665544000a";
pub const PRODUCT: &str = "11111111-2222-4333-8444-555555555555";
pub const ORDER: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";
pub const LINE: &str = "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff";

/// An empty database of this backend, with these statements run in it.
pub fn made_by_others(shop: &Shop, statements: &[String]) -> Shop {
    let made = Shop::empty(shop.backend).expect("the same backend");
    if shop.backend == Backend::Sqlite {
        made.file("shop.db", "");
    }
    statements.iter().for_each(|statement| made.sql(statement));
    made
}

/// As `sequelize.sync()` makes the models without `underscored`: names in camel case, text ids in upper case here and
/// there, a time without a default, floats for money.
pub fn sequelize(backend: Backend) -> Vec<String> {
    let (id, time, float, quote) = match backend {
        Backend::Postgres => ("UUID", "TIMESTAMP WITH TIME ZONE", "DOUBLE PRECISION", '"'),
        Backend::MariaDb => ("CHAR(36) BINARY", "DATETIME", "DOUBLE PRECISION", '`'),
        Backend::Sqlite => ("UUID", "DATETIME", "DOUBLE PRECISION", '`'),
    };
    let at = match backend {
        Backend::MariaDb => "2025-01-31 10:00:00",
        _ => "2025-01-31 10:00:00.123 +00:00",
    };
    [
        format!(
            "CREATE TABLE users (id {id} NOT NULL PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, \
             passwordHash VARCHAR(255) NOT NULL, firstName VARCHAR(100) NOT NULL, lastName VARCHAR(100) NOT NULL, \
             phone VARCHAR(32), createdAt {time} NOT NULL, updatedAt {time} NOT NULL)"
        ),
        format!(
            "CREATE TABLE products (id {id} NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL, description TEXT, \
             price {float} NOT NULL, stockQuantity INTEGER NOT NULL DEFAULT 0, createdAt {time} NOT NULL, \
             updatedAt {time} NOT NULL)"
        ),
        format!(
            "CREATE TABLE orders (id {id} NOT NULL PRIMARY KEY, userId {id}, status VARCHAR(255) DEFAULT 'pending', \
             totalAmount {float}, createdAt {time} NOT NULL, updatedAt {time} NOT NULL, \
             FOREIGN KEY (userId) REFERENCES users (id) ON DELETE SET NULL ON UPDATE CASCADE)"
        ),
        format!(
            "CREATE TABLE OrderItems (id {id} NOT NULL PRIMARY KEY, orderId {id}, productId {id}, \
             quantity INTEGER NOT NULL, unitPrice {float} NOT NULL, \
             FOREIGN KEY (orderId) REFERENCES orders (id) ON DELETE CASCADE, \
             FOREIGN KEY (productId) REFERENCES products (id) ON DELETE CASCADE)"
        ),
        "CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL PRIMARY KEY)".to_owned(),
        "INSERT INTO SequelizeMeta VALUES ('20250131000001-create-users.js')".to_owned(),
        "CREATE INDEX users_phone ON users (phone)".to_owned(),
        format!("INSERT INTO users VALUES ('{USER}', 'ada@example.com', 'x', 'Ada', 'L', '123', '{at}', '{at}')"),
        format!(
            "INSERT INTO users VALUES ('{}', 'ben@example.com', 'x', 'Ben', 'M', NULL, '{at}', '{at}')",
            OTHER_USER.to_uppercase()
        ),
        format!("INSERT INTO products VALUES ('{PRODUCT}', 'Mug', 'Blue', 9.5, 7, '{at}', '{at}')"),
        format!(
            "INSERT INTO orders VALUES ('{ORDER}', '{}', 'pending', 19.0, '{at}', '{at}')",
            OTHER_USER.to_uppercase()
        ),
        format!("INSERT INTO OrderItems VALUES ('{LINE}', '{ORDER}', '{PRODUCT}', 2, 9.5)"),
    ]
    .map(|statement| quoted(&statement, quote))
    .to_vec()
}

/// Names in camel case have to be quoted on PostgreSQL.
fn quoted(statement: &str, quote: char) -> String {
    let names = [
        "passwordHash",
        "firstName",
        "lastName",
        "createdAt",
        "updatedAt",
        "stockQuantity",
        "userId",
        "totalAmount",
        "OrderItems",
        "orderId",
        "productId",
        "unitPrice",
        "SequelizeMeta",
    ];
    names.iter().fold(statement.to_owned(), |text, name| text.replace(name, &format!("{quote}{name}{quote}")))
}

/// As the original document's migrations make it: the four tables, snake case, no zone.
pub fn document(backend: Backend) -> Vec<String> {
    let (id, time) = match backend {
        Backend::Postgres => ("uuid PRIMARY KEY DEFAULT gen_random_uuid()", "timestamp DEFAULT CURRENT_TIMESTAMP"),
        Backend::MariaDb => ("char(36) PRIMARY KEY DEFAULT uuid()", "datetime DEFAULT CURRENT_TIMESTAMP"),
        Backend::Sqlite => ("text PRIMARY KEY", "timestamp DEFAULT CURRENT_TIMESTAMP"),
    };
    let own = if backend == Backend::Postgres { "uuid" } else { "char(36)" };
    [
        format!(
            "CREATE TABLE users (id {id}, email varchar(255) UNIQUE NOT NULL, password_hash varchar(255) NOT NULL, \
             first_name varchar(100) NOT NULL, last_name varchar(100) NOT NULL, created_at {time}, updated_at {time})"
        ),
        "CREATE INDEX idx_users_email ON users (email)".to_owned(),
        format!(
            "CREATE TABLE products (id {id}, name varchar(255) NOT NULL, description text, \
             price decimal(10, 2) NOT NULL CHECK (price >= 0), \
             stock_quantity integer NOT NULL DEFAULT 0 CHECK (stock_quantity >= 0), created_at {time}, updated_at {time})"
        ),
        "CREATE INDEX idx_products_name ON products (name)".to_owned(),
        format!(
            "CREATE TABLE orders (id {id}, user_id {own} NOT NULL, status varchar(20) NOT NULL DEFAULT 'pending', \
             total_amount decimal(10, 2), created_at {time}, updated_at {time}, \
             FOREIGN KEY (user_id) REFERENCES users (id))"
        ),
        format!(
            "CREATE TABLE order_items (id {id}, order_id {own} NOT NULL, product_id {own} NOT NULL, \
             quantity integer NOT NULL, unit_price decimal(10, 2) NOT NULL, \
             FOREIGN KEY (order_id) REFERENCES orders (id), FOREIGN KEY (product_id) REFERENCES products (id))"
        ),
        format!(
            "INSERT INTO users (id, email, password_hash, first_name, last_name, created_at) VALUES \
             ('{USER}', 'ada@example.com', 'x', 'Ada', 'L', '2025-01-31 10:00:00'), \
             ('{OTHER_USER}', 'ben@example.com', 'x', 'Ben', 'M', NULL)"
        ),
        format!(
            "INSERT INTO products (id, name, price, stock_quantity, created_at) VALUES \
             ('{PRODUCT}', 'Mug', 9.50, 7, '2025-01-31 10:00:00')"
        ),
        format!(
            "INSERT INTO orders (id, user_id, created_at) VALUES ('{ORDER}', '{OTHER_USER}', '2025-01-31 10:00:00')"
        ),
        format!(
            "INSERT INTO order_items (id, order_id, product_id, quantity, unit_price) VALUES \
             ('{LINE}', '{ORDER}', '{PRODUCT}', 2, 9.50)"
        ),
    ]
    .to_vec()
}

pub fn assert_taken_over(made: &Shop) {
    made.run(&["migrate", "status", "--check"]).success();
    made.run(&["migrate", "verify"]).success();
    made.run(&["doctor", "--deep"]).success();
    let ids = made.run(&["user", "list", "-o", "id"]).success().stdout;
    assert!(ids.contains(USER) && ids.contains(OTHER_USER), "{ids}");
    let orders = made.run(&["order", "list", "--json"]).success();
    assert_eq!(orders.json()["items"].as_array().map(Vec::len), Some(1), "{orders}");
    assert!(orders.stdout.contains("2025-01-31T10:00:00"), "{orders}");
    assert_eq!(made.number("SELECT COUNT(*) FROM order_items i JOIN orders o ON o.id = i.order_id JOIN products p ON p.id = i.product_id"), 1);
    assert_eq!(made.number("SELECT SUM(stock_quantity) FROM products"), 7);
    let everything = made.everything();
    made.run(&["adopt", "--yes"]).success();
    assert!(made.everything() == everything, "running it again changes nothing");
}

/// Nothing but the schema and the rows that were there.
pub fn fingerprint(made: &Shop) -> (shopctl::db::schema::Schema, Vec<String>) {
    (made.schema(), made.column("SELECT email FROM users ORDER BY 1"))
}

/// The hints of an error, each in one line.
pub fn hints(stderr: &str) -> Vec<String> {
    let lines = stderr.lines().filter_map(|line| line.trim().strip_prefix("hint: "));
    lines.map(str::to_owned).collect()
}

/// Drops the unique index of a column, as another program did; on SQLite along with the primary key.
pub fn drop_unique(shop: &Shop, table: &str, column: &str) {
    let name = format!("uq_{table}_{column}");
    shop.sql(&match shop.backend {
        Backend::Sqlite => format!(
            "PRAGMA foreign_keys = OFF; CREATE TABLE loose AS SELECT * FROM {table}; DROP TABLE {table}; \
             ALTER TABLE loose RENAME TO {table}"
        ),
        Backend::Postgres => format!("ALTER TABLE {table} DROP CONSTRAINT {name}"),
        Backend::MariaDb => format!("ALTER TABLE {table} DROP INDEX {name}"),
    });
}
