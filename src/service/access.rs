//! The three roles of a shop: reader, clerk and admin.

use std::collections::BTreeSet;

use migration::HISTORY_TABLES;

use crate::db::Database;
use crate::db::access::{
    Assessment, EffectiveRights, ExcessRights, Grantee, Privilege, Rights, RightsChange, RightsStep, TableRights,
};
use crate::db::target::Target;
use crate::domain::named_enum;
use crate::entity::tables::{Table, tables};
use crate::error::{CommandLine, Error, Hint, Kind, Result, printable};

named_enum! {
    /// A role in the shop.
    pub enum Role {
        /// Reads everything but password hashes, writes nothing.
        Reader = "reader",
        /// Users, products, stock, orders, seeds; adds to the audit trail and to the movements, and changes neither.
        Clerk = "clerk",
        /// Everything: seals, anonymizes, migrates.
        Admin = "admin",
    }
}

/// The column hidden from readers: its table and name.
const SECRET: (&str, &str) = ("users", "password_hash");

const NOTHING_BUT_READ: &[Privilege] = &[Privilege::Select];
const APPEND: &[Privilege] = &[Privilege::Select, Privilege::Insert];
const ADVANCE: &[Privilege] = &[Privilege::Select, Privilege::Insert, Privilege::Update];

impl Role {
    fn describe(self) -> &'static str {
        match self {
            Role::Reader => "may read everything except password hashes",
            Role::Clerk => "may do the daily work and only add to the audit trail",
            Role::Admin => "may do everything, the schema included",
        }
    }

    /// The intended rights of the role.
    pub fn rights(self) -> Rights {
        let shop = tables();
        let history = HISTORY_TABLES.map(|name| Table { name: name.to_owned(), columns: Vec::new(), key: Vec::new() });
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

/// A clerk's rights on a table; other tables are read-only.
fn clerks_privileges(table: &str) -> &'static [Privilege] {
    match table {
        "users" | "products" | "order_items" | "shopctl_seeds" | "shopctl_seed_rows" => &Privilege::ALL,
        "orders" => ADVANCE,
        "order_refunds" | "order_refund_lines" | "stock_movements" | "audit_events" => APPEND,
        _ => NOTHING_BUT_READ,
    }
}

/// A statement about a role.
pub struct PlannedStep {
    /// The intended role of the database role.
    pub role: Role,
    /// Its name, as it was typed.
    pub name: String,
    pub step: RightsStep,
}

/// The required changes for all roles.
pub struct Plan {
    pub rows: Vec<PlannedStep>,
    /// Excess rights of the roles through indirect ways that are not revoked here.
    pub remaining: Vec<(String, ExcessRights)>,
    /// The role that runs this, if the plan changes its rights: another one has to do that.
    pub own: Option<String>,
}

impl Plan {
    /// Errors: those of each role, with similar names for a missing one.
    pub async fn build(database: &Database, roles: &[(Role, Grantee)]) -> Result<Plan> {
        let mut plan = Plan { rows: Vec::new(), remaining: Vec::new(), own: None };
        for (role, grantee) in roles {
            let assessment = match assess(database, *role, grantee).await {
                Ok(assessment) => assessment,
                Err(error) if error.kind() == Kind::NotFound => {
                    return Err(with_namesakes(database, *role, grantee, error).await?);
                }
                Err(error) => return Err(error),
            };
            if assessment.owns_tables {
                return Err(owner(roles, grantee));
            }
            plan.own = plan.own.or_else(|| assessment.is_own.then(|| grantee.name.clone()));
            let row = |step| PlannedStep { role: *role, name: grantee.name.clone(), step };
            plan.rows.extend(assessment.steps.into_iter().map(row));
            plan.remaining.extend(assessment.remaining.into_iter().map(|what| (grantee.name.clone(), what)));
        }
        Ok(plan)
    }

    /// Refuses to let the role that runs this change its own rights.
    ///
    /// Errors: exit 6.
    pub fn refuse_own_role(&self) -> Result<()> {
        let Some(own) = self.own.as_ref().filter(|_| !self.rows.is_empty()) else { return Ok(()) };
        let message = format!("{} runs this, and would take away its own rights", printable(own));
        Err(Error::conflict("access.own_role", message).hint("run it as the server's administrator"))
    }

    /// `this changes rights in …: 3 grants`
    pub fn impact(&self, target: &Target) -> String {
        let of = |change| self.rows.iter().filter(|row| row.step.change == change).count();
        let parts = [
            (RightsChange::Grant, "grants"),
            (RightsChange::Revoke, "revokes"),
            (RightsChange::ChangeOwner, "changes of a table's owner"),
        ];
        let parts = parts.into_iter().filter(|(change, _)| of(*change) > 0);
        let parts: Vec<String> = parts.map(|(change, words)| format!("{} {words}", of(change))).collect();
        format!("this changes rights in {target}: {}", parts.join(", "))
    }
}

/// An owner can give itself every right: first the tables get another one, in a run of its own.
fn owner(roles: &[(Role, Grantee)], grantee: &Grantee) -> Error {
    let admin = roles.iter().find(|(role, _)| *role == Role::Admin);
    let admin = admin.map_or("ROLE", |(_, admin)| &admin.name);
    let message =
        format!("{} owns tables of the shop, and an owner can do everything with them", printable(&grantee.name));
    let first = CommandLine::new("access apply").option("--admin", admin);
    Error::conflict("access.owner", message)
        .hint(Hint::from("first give them another owner: ").and(first))
        .hint(Hint::from("then: ").and(CommandLine::again()))
}

/// A missing account may exist with another host: accounts of the same name are suggested.
async fn with_namesakes(database: &Database, role: Role, grantee: &Grantee, error: Error) -> Result<Error> {
    let accounts = database.engine().namesakes(database.connection(), grantee).await?;
    if accounts.is_empty() {
        return Ok(error);
    }
    let named = |account: &String| {
        let again = CommandLine::again().option(&format!("--{}", role.as_str()), account);
        Hint::from(format!("there is {}: ", printable(account))).and(again)
    };
    Ok(Error::not_found("role", &grantee.name).hints_of(accounts.iter().map(named)))
}

/// Exit 8 if a role still has more rights than intended, or fewer.
pub fn check_complete(remaining: &[(String, ExcessRights)]) -> Result<()> {
    if remaining.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = remaining.iter().map(|(name, remaining)| excess(name, remaining)).collect();
    let remedies: BTreeSet<_> = remaining.iter().filter_map(|(_, one)| one.remedy.clone()).collect();
    Err(Error::new(Kind::Partial, "access.incomplete", lines.join("\n")).hints_of(remedies))
}

/// `shop_clerk still has …`
pub fn excess(name: &str, remaining: &ExcessRights) -> String {
    format!("{} still has {}", printable(name), remaining.what)
}

/// The changes that give a database role the rights of this one.
///
/// Errors: exit 3 for a missing role; exit 6 for a superuser or the current role; exit 4 if the database does not
/// show the grants.
async fn assess(database: &Database, role: Role, grantee: &Grantee) -> Result<Assessment> {
    database.engine().assess(database.connection(), grantee, &role.rights()).await
}

/// The role that a connection's rights match, as far as can be determined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleMatch {
    /// The name on the server.
    pub name: String,
    /// The matching or most similar role.
    pub role: Role,
    /// Missing rights: `INSERT on orders`.
    pub lacking: Vec<String>,
    /// Excess rights.
    pub exceeding: Vec<String>,
}

impl RoleMatch {
    /// `clerk: does the daily work …`, `not one of the three: …`
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
        format!("not one of the three: like a {name}{without}{with}")
    }
}

/// The role that this connection's rights match; `None` for a file, or if the server does not show them.
///
/// Errors: only a lost connection.
pub async fn match_role(database: &Database) -> Result<Option<RoleMatch>> {
    let rights = Role::Reader.rights();
    let (engine, session) = (database.engine(), database.connection());
    let Some(effective) = engine.effective(session, &rights.tables).await? else { return Ok(None) };
    let found = judge(effective);
    let exceeding = match found.role {
        Role::Admin => Vec::new(),
        role => engine.own_excess(session, &role.rights()).await?,
    };
    Ok(Some(RoleMatch { exceeding, ..found }))
}

/// The most similar role, and what is missing from its rights.
fn judge(effective: EffectiveRights) -> RoleMatch {
    let writes = effective.tables.values().flatten().any(|privilege| *privilege != Privilege::Select);
    let role = match (effective.may_change_schema, writes) {
        (true, _) => Role::Admin,
        (false, true) => Role::Clerk,
        (false, false) => Role::Reader,
    };
    let mut lacking = Vec::new();
    for rights in role.rights().tables {
        let Some(held) = effective.tables.get(&rights.table) else { continue };
        let missing = rights.privileges.iter().filter(|privilege| !held.contains(privilege));
        let missing = missing.map(|privilege| privilege.as_str()).collect::<Vec<_>>().join(" and ");
        lacking.extend((!missing.is_empty()).then(|| format!("{missing} on {}", rights.table)));
    }
    RoleMatch { name: effective.role, role, lacking, exceeding: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn effective(role: Role) -> EffectiveRights {
        let tables: BTreeMap<_, _> = role
            .rights()
            .tables
            .into_iter()
            .map(|rights| (rights.table, rights.privileges.iter().copied().collect()))
            .collect();
        EffectiveRights { role: "somebody".to_owned(), tables, may_change_schema: role == Role::Admin }
    }

    #[test]
    fn each_role_is_recognised_by_what_it_can_do() {
        for role in Role::ALL {
            let role_match = judge(effective(role));
            assert_eq!(role_match.role, role);
            assert!(role_match.text().starts_with(&format!("{}: ", role.as_str())), "{}", role_match.text());
        }
    }

    #[test]
    fn what_is_less_is_none_of_the_three_and_says_why() {
        let mut clerk = effective(Role::Clerk);
        clerk.tables.entry("orders".to_owned()).or_default().remove(&Privilege::Insert);
        assert_eq!(judge(clerk).text(), "not one of the three: like a clerk, without INSERT on orders");
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
            "order_refunds",
            "order_refund_lines",
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
