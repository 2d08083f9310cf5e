//! The three roles of a shop: who reads, who does the daily work, who looks after the database.

use migration::HISTORY_TABLES;

use crate::db::Database;
use crate::db::access::{Assessment, Effective, Grantee, Privilege, Rights, TableRights};
use crate::domain::named_enum;
use crate::entity::tables::{Table, tables};
use crate::error::Result;

named_enum! {
    /// What somebody does in the shop.
    pub enum Role {
        /// Reads everything but password hashes, writes nothing.
        Reader = "reader",
        /// Users, products, stock, orders, seeds; adds to the audit trail and to the movements, and changes neither.
        Clerk = "clerk",
        /// Everything: seals, anonymizes, migrates.
        Admin = "admin",
    }
}

/// What nobody needs who only reads: the table and its column.
const SECRET: (&str, &str) = ("users", "password_hash");

const NOTHING_BUT_READ: &[Privilege] = &[Privilege::Select];
const APPEND: &[Privilege] = &[Privilege::Select, Privilege::Insert];
const ADVANCE: &[Privilege] = &[Privilege::Select, Privilege::Insert, Privilege::Update];

impl Role {
    fn describe(self) -> &'static str {
        match self {
            Role::Reader => "reads everything but password hashes, may not write",
            Role::Clerk => "does the daily work, adds to the audit trail and cannot change it",
            Role::Admin => "may do everything, the schema included",
        }
    }

    /// What the role is meant to be able to do.
    pub fn rights(self) -> Rights {
        let shop = tables();
        let history = HISTORY_TABLES.map(|name| Table { name: name.to_owned(), columns: Vec::new() });
        Rights {
            tables: shop.iter().chain(&history).map(|table| self.rights_on(table)).collect(),
            is_admin: self == Role::Admin,
        }
    }

    fn rights_on(self, table: &Table) -> TableRights {
        let privileges = match self {
            Role::Reader => NOTHING_BUT_READ,
            Role::Clerk => clerks_privileges(&table.name),
            Role::Admin => &Privilege::ALL,
        };
        let is_hidden = |column: &str| self == Role::Reader && (table.name.as_str(), column) == SECRET;
        let names = table.columns.iter().map(|column| column.name.clone());
        let (hidden, columns) = names.partition(|name| is_hidden(name));
        TableRights { table: table.name.clone(), privileges, columns, hidden }
    }
}

/// What a clerk does with a table; one that is not named here is only read.
fn clerks_privileges(table: &str) -> &'static [Privilege] {
    match table {
        "users" | "products" | "shopctl_seeds" | "shopctl_seed_rows" => &Privilege::ALL,
        "orders" => ADVANCE,
        "order_items" | "stock_movements" | "audit_events" => APPEND,
        _ => NOTHING_BUT_READ,
    }
}

/// What has to be done so that a database role has the rights of this one.
///
/// Errors: exit 3 for a role that is not there; exit 6 for one that nothing can be kept from, or that runs this;
/// exit 4 where the database does not tell.
pub async fn assess(database: &Database, role: Role, grantee: &Grantee) -> Result<Assessment> {
    database.engine().assess(database.connection(), grantee, &role.rights()).await
}

/// Which of the three a connection's role is, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// As the server names it.
    pub name: String,
    /// The one that it is, or that it is most like.
    pub role: Role,
    /// What it cannot do that this one can: `INSERT on orders`.
    pub lacking: Vec<String>,
    /// What it can do beyond this one.
    pub exceeding: Vec<String>,
}

impl Standing {
    /// `clerk: does the daily work …`, `none of the three: …`
    pub fn text(&self) -> String {
        let name = self.role.as_str();
        if self.lacking.is_empty() && self.exceeding.is_empty() {
            return format!("{name}: {}", self.role.describe());
        }
        let part = |word: &str, list: &[String]| match list {
            [] => String::new(),
            list => format!(", {word} {}", list.join(", ")),
        };
        let (without, with) = (part("without", &self.lacking), part("with", &self.exceeding));
        format!("none of the three: like a {name}{without}{with}")
    }
}

/// Which of the three the role of this connection is; `None` for a file, and where the server does not tell.
///
/// Errors: only a connection that was lost.
pub async fn standing(database: &Database) -> Result<Option<Standing>> {
    let rights = Role::Reader.rights();
    Ok(database.engine().effective(database.connection(), &rights.tables).await?.map(judge))
}

fn judge(effective: Effective) -> Standing {
    let writes = effective.tables.values().flatten().any(|privilege| *privilege != Privilege::Select);
    let role = match (effective.may_change_schema, writes) {
        (true, _) => Role::Admin,
        (false, true) => Role::Clerk,
        (false, false) => Role::Reader,
    };
    let (mut lacking, mut exceeding) = (Vec::new(), Vec::new());
    for rights in role.rights().tables {
        let Some(held) = effective.tables.get(&rights.table) else { continue };
        let list = |chosen: &dyn Fn(&Privilege) -> bool| {
            let names = Privilege::ALL.into_iter().filter(|privilege| chosen(privilege)).map(Privilege::as_str);
            names.collect::<Vec<_>>().join(" and ")
        };
        let missing = list(&|privilege| rights.privileges.contains(privilege) && !held.contains(privilege));
        let more = list(&|privilege| !rights.privileges.contains(privilege) && held.contains(privilege));
        lacking.extend((!missing.is_empty()).then(|| format!("{missing} on {}", rights.table)));
        exceeding.extend((!more.is_empty()).then(|| format!("{more} on {}", rights.table)));
    }
    if role == Role::Reader {
        exceeding.extend(effective.hidden_readable.iter().map(|column| format!("SELECT on {column}")));
    }
    Standing { name: effective.role, role, lacking, exceeding }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn effective(role: Role) -> Effective {
        let tables: BTreeMap<_, _> = role
            .rights()
            .tables
            .into_iter()
            .map(|rights| (rights.table, rights.privileges.iter().copied().collect()))
            .collect();
        let hidden_readable = if role == Role::Reader { Vec::new() } else { vec!["users.password_hash".to_owned()] };
        Effective { role: "somebody".to_owned(), tables, hidden_readable, may_change_schema: role == Role::Admin }
    }

    #[test]
    fn each_role_is_recognised_by_what_it_can_do() {
        for role in Role::ALL {
            let standing = judge(effective(role));
            assert_eq!(standing.role, role);
            assert!(standing.text().starts_with(&format!("{}: ", role.as_str())), "{}", standing.text());
        }
    }

    #[test]
    fn what_is_more_or_less_is_none_of_the_three_and_says_why() {
        let mut clerk = effective(Role::Clerk);
        clerk.tables.entry("audit_events".to_owned()).or_default().insert(Privilege::Update);
        clerk.tables.entry("orders".to_owned()).or_default().remove(&Privilege::Insert);
        let text = judge(clerk).text();
        assert_eq!(text, "none of the three: like a clerk, without INSERT on orders, with UPDATE on audit_events");
        let reader = Effective { hidden_readable: vec!["users.password_hash".to_owned()], ..effective(Role::Reader) };
        assert_eq!(judge(reader).text(), "none of the three: like a reader, with SELECT on users.password_hash");
    }

    #[test]
    fn every_table_has_been_thought_of() {
        let known = [
            "users",
            "products",
            "shopctl_seeds",
            "shopctl_seed_rows",
            "orders",
            "order_items",
            "stock_movements",
            "audit_events",
            "audit_seals",
        ];
        for table in tables() {
            assert!(known.contains(&table.name.as_str()), "what may a clerk do with {}?", table.name);
        }
        let hidden: Vec<_> = Role::Reader.rights().tables.into_iter().flat_map(|table| table.hidden).collect();
        assert_eq!(hidden, [SECRET.1]);
    }
}
