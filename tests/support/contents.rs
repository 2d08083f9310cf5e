//! What the database of a shop contains, and what holds of it after every test.

use super::shop::{Backend, Shop};

/// The tables that operations write.
const WRITTEN: [&str; 8] = [
    "users",
    "products",
    "orders",
    "order_items",
    "order_refunds",
    "order_refund_lines",
    "stock_movements",
    "audit_events",
];

/// A column of a table.
pub struct Column {
    pub table: String,
    pub name: String,
    pub is_number: bool,
}

impl Shop {
    /// Row counts of all tables that operations write, to check that nothing changed.
    pub fn counts(&self) -> Vec<i64> {
        ["users", "products", "orders", "order_items", "stock_movements", "audit_events"]
            .iter()
            .map(|table| self.number(&format!("SELECT COUNT(*) FROM {table}")))
            .collect()
    }

    /// Every column of every table, as the database has them.
    pub fn columns(&self) -> Vec<Column> {
        let query = match self.backend {
            Backend::Sqlite => {
                "SELECT m.name || '.' || c.name || '.' || lower(c.type) FROM sqlite_master m, pragma_table_info(m.name) c \
                 WHERE m.type = 'table' ORDER BY m.name, c.cid"
            }
            Backend::Postgres => {
                "SELECT concat_ws('.', table_name, column_name, data_type) FROM information_schema.columns \
                 WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
            }
            Backend::MariaDb => {
                "SELECT CONCAT_WS('.', table_name, column_name, data_type) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
            }
        };
        let column = |text: String| {
            let mut parts = text.splitn(3, '.').map(str::to_owned);
            let mut next = || parts.next().expect("three parts");
            let (table, name, kind) = (next(), next(), next());
            Column {
                table,
                name,
                is_number: ["int", "numeric", "decimal", "real"].iter().any(|word| kind.contains(word)),
            }
        };
        self.column(query).into_iter().map(column).collect()
    }

    /// Every row of every table that operations write, to check that nothing changed.
    pub fn everything(&self) -> Vec<String> {
        let as_text = |column: &str| match self.backend {
            Backend::Sqlite => format!(
                "typeof(\"{column}\") || CASE WHEN typeof(\"{column}\") IN ('blob', 'text') THEN hex(\"{column}\") ELSE quote(\"{column}\") END"
            ),
            Backend::Postgres => format!("COALESCE(\"{column}\"::text, '-')"),
            Backend::MariaDb => format!("COALESCE(HEX(`{column}`), '-')"),
        };
        let columns = self.columns();
        let rows = WRITTEN.iter().map(|table| {
            let own = columns.iter().filter(|column| column.table == *table);
            let columns: Vec<String> = own.map(|column| as_text(&column.name)).collect();
            let row = match self.backend {
                Backend::MariaDb => format!("CONCAT_WS('|', {})", columns.join(", ")),
                _ => columns.join(" || '|' || "),
            };
            self.column(&format!("SELECT {row} FROM {table} ORDER BY id")).join("\n")
        });
        rows.collect()
    }

    /// All text columns that may contain personal data.
    pub fn everything_in_the_clear(&self) -> String {
        let columns = [
            ("users", "email"),
            ("users", "first_name"),
            ("users", "last_name"),
            ("audit_events", if self.backend == Backend::MariaDb { "`before`" } else { "before" }),
            ("audit_events", "after"),
            ("audit_events", "error"),
            ("audit_events", "reason"),
            ("audit_events", "actor"),
            ("stock_movements", "note"),
            ("order_refunds", "reason"),
        ];
        columns.map(|(table, column)| self.column(&format!("SELECT {column} FROM {table}")).join("\n")).join("\n")
    }

    /// The invariants after every test: `doctor --deep` reports no failure. The most important ones are
    /// checked by independent queries as well, so that the code under test does not verify itself.
    pub fn assert_invariants(&self) {
        self.run(&["doctor", "--deep", "--json"]).success();
        let whole = match self.backend {
            Backend::Sqlite => "CAST(ROUND(SUM(quantity * unit_price) * 100) AS INTEGER)",
            _ => "SUM(quantity * unit_price) * 100",
        };
        let total = match self.backend {
            Backend::Sqlite => "CAST(ROUND(o.total_amount * 100) AS INTEGER)",
            _ => "o.total_amount * 100",
        };
        let none = [
            ("stock below zero", "SELECT COUNT(*) FROM products WHERE stock_quantity < 0".to_owned()),
            (
                "stock that differs from its movements",
                "SELECT COUNT(*) FROM products p WHERE stock_quantity <> \
                 (SELECT COALESCE(SUM(delta), 0) FROM stock_movements m WHERE m.product_id = p.id)"
                    .to_owned(),
            ),
            (
                "orders whose total differs from their lines",
                format!(
                    "SELECT COUNT(*) FROM orders o WHERE {total} <> (SELECT {whole} FROM order_items i WHERE i.order_id = o.id)"
                ),
            ),
            (
                "orders without an event",
                "SELECT COUNT(*) FROM orders o WHERE 1 > (SELECT COUNT(*) FROM audit_events e \
                 WHERE e.entity_type = 'order' AND e.entity_id = o.id AND e.outcome = 'succeeded') \
                 AND 1 > (SELECT COUNT(*) FROM audit_events e WHERE e.operation = 'seed.generate' \
                 AND e.entity_type = 'orders' AND e.entity_id >= o.id AND e.outcome = 'succeeded')"
                    .to_owned(),
            ),
        ];
        if self.backend == Backend::Sqlite {
            self.assert_no_bytes();
        }
        for (what, query) in none {
            assert_eq!(self.number(&query), 0, "{what} on {:?}", self.backend);
        }
    }

    /// No id is ever stored as bytes, which the driver would do in silence, and no time in another form than the
    /// schema's.
    pub fn assert_no_bytes(&self) {
        let columns = self.column(
            "SELECT m.name || ' ' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' \
             AND (c.name = 'id' OR c.name LIKE '%\\_id' ESCAPE '\\' OR c.name LIKE '%\\_at' ESCAPE '\\') \
             AND m.name NOT LIKE 'seaql%' ORDER BY 1",
        );
        assert!(columns.len() > 25, "{columns:?}");
        let hex = "[0-9a-f]";
        let id = [8, 4, 4, 4, 12].map(|length| hex.repeat(length)).join("-");
        let time = "????-??-?? ??:??:??.??????+00:00";
        let odd = columns.iter().filter_map(|column| column.split_once(' ')).map(|(table, column)| {
            let form = if column.ends_with("_at") { time } else { &id };
            format!(
                "SELECT '{table}.{column} ' || quote({column}) FROM {table} WHERE {column} IS NOT NULL \
                 AND (typeof({column}) <> 'text' OR {column} NOT GLOB '{form}')"
            )
        });
        assert_eq!(self.column(&odd.collect::<Vec<_>>().join(" UNION ALL ")), [] as [&str; 0]);
    }
}
