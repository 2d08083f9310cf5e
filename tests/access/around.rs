//! A clerk with a way around its rights: ownership, attributes, roles, rights on the server's own tables.

use super::{SERVERS, Staff, access_check};
use crate::support::Backend;

/// A clerk with one way around its rights: the statement of a superuser that opens it, what is said of it, and the
/// statement that ends it. `{clerk}`, `{admin}`, `{group}` and `{database}` are names.
type WayAround = (&'static str, &'static str, &'static str);

const AROUND_POSTGRES: [WayAround; 11] = [
    (
        "ALTER SCHEMA public OWNER TO {clerk}",
        "ownership of schema public",
        "ALTER SCHEMA \"public\" OWNER TO CURRENT_USER",
    ),
    (
        "ALTER DATABASE {database} OWNER TO {clerk}",
        "ownership of database {database}",
        "ALTER DATABASE \"{database}\" OWNER TO CURRENT_USER",
    ),
    ("ALTER ROLE {clerk} CREATEROLE", "CREATEROLE", "ALTER ROLE \"{clerk}\" NOCREATEROLE"),
    ("ALTER ROLE {clerk} BYPASSRLS", "BYPASSRLS", "ALTER ROLE \"{clerk}\" NOBYPASSRLS"),
    ("ALTER ROLE {clerk} REPLICATION", "REPLICATION", "ALTER ROLE \"{clerk}\" NOREPLICATION"),
    (
        "GRANT pg_execute_server_program TO {clerk}",
        "the rights of pg_execute_server_program",
        "REVOKE \"pg_execute_server_program\" FROM \"{clerk}\"",
    ),
    (
        "GRANT pg_write_server_files TO {clerk}",
        "the rights of pg_write_server_files",
        "REVOKE \"pg_write_server_files\" FROM \"{clerk}\"",
    ),
    (
        "GRANT pg_write_all_data TO {clerk}",
        "the rights of pg_write_all_data",
        "REVOKE \"pg_write_all_data\" FROM \"{clerk}\"",
    ),
    (
        "GRANT {admin} TO {clerk}",
        "ownership of audit_events by membership of {admin}",
        "REVOKE \"{admin}\" FROM \"{clerk}\"",
    ),
    (
        "ALTER ROLE {clerk} NOINHERIT; GRANT {admin} TO {group}; GRANT {group} TO {clerk}",
        "ownership of audit_events by membership of {group}",
        "REVOKE \"{group}\" FROM \"{clerk}\"",
    ),
    (
        "REVOKE {admin} FROM {group}; GRANT postgres TO {group}; GRANT {group} TO {clerk}",
        "SUPERUSER by membership of {group}",
        "REVOKE \"{group}\" FROM \"{clerk}\"",
    ),
];

const AROUND_MARIADB: [WayAround; 9] = [
    (
        "GRANT DELETE ON {database}.audit_events TO PUBLIC",
        "DELETE on audit_events by a grant to everybody (PUBLIC)",
        "REVOKE DELETE ON `{database}`.`audit_events` FROM PUBLIC",
    ),
    ("GRANT UPDATE ON mysql.* TO {clerk}", "UPDATE on `mysql`.*", "REVOKE UPDATE ON `mysql`.* FROM `{clerk}`"),
    (
        "GRANT INSERT ON mysql.global_priv TO {clerk}",
        "INSERT on `mysql`.`global_priv`",
        "REVOKE INSERT ON `mysql`.`global_priv` FROM `{clerk}`",
    ),
    ("GRANT PROXY ON {admin} TO {clerk}", "PROXY on `{admin}`@`%`", "REVOKE PROXY ON `{admin}`@`%` FROM `{clerk}`"),
    ("GRANT DROP ON *.* TO {clerk}", "DROP on *.*", "REVOKE DROP ON *.* FROM `{clerk}`"),
    ("GRANT SUPER ON *.* TO {clerk}", "SUPER on *.*", "REVOKE SUPER ON *.* FROM `{clerk}`"),
    ("GRANT CREATE USER ON *.* TO {clerk}", "CREATE USER on *.*", "REVOKE CREATE USER ON *.* FROM `{clerk}`"),
    ("GRANT FILE ON *.* TO {clerk}", "FILE on *.*", "REVOKE FILE ON *.* FROM `{clerk}`"),
    (
        "GRANT DELETE ON {database}.audit_events TO {group}; GRANT {group} TO {clerk}",
        "DELETE on audit_events by the role `{group}`",
        "REVOKE `{group}` FROM `{clerk}`",
    ),
];

#[test]
fn a_clerk_with_a_way_around_its_rights_is_not_called_a_clerk() {
    for staff in SERVERS.into_iter().filter_map(Staff::hired) {
        staff.apply(&[]).success();
        let (shop, [_, clerk, admin]) = (&staff.shop, &staff.names);
        let (database, group) = (shop.database_name(), format!("group_{}", shop.database_name()));
        shop.sql(&format!("CREATE ROLE {group}"));
        let named = |text: &str| {
            let text = text.replace("{clerk}", clerk).replace("{admin}", admin);
            text.replace("{group}", &group).replace("{database}", &database)
        };
        let ways: &[WayAround] = if shop.backend == Backend::Postgres { &AROUND_POSTGRES } else { &AROUND_MARIADB };
        let plan = ["access", "plan", "--clerk", clerk.as_str()];
        for (opened, what, ended) in ways {
            named(opened).split("; ").for_each(|statement| shop.sql(statement));
            let (what, ended) = (named(what), named(ended));
            let run = shop.run(&plan).exits_with(8).says(&format!("{clerk} still has {what}"));
            assert!(run.stderr.contains(&ended), "{ended}: {run}");
            let found = access_check(&staff.clerk());
            // Who inherits an admin's rights is one. MariaDB does not show who has a role what it may do, if it is not
            // active.
            let hidden = what
                .split_once(" by the role ")
                .map(|(_, role)| format!("rights that cannot be seen on this server by the role {role}"));
            let what = hidden.unwrap_or(what);
            assert!(found.starts_with("admin: ") || found.contains(&what), "{what}: {found}");
            shop.sql(&ended);
            // A schema that changed hands has lost the right to use it.
            shop.run(&["access", "apply", "--clerk", clerk, "--yes"]).success();
            assert!(access_check(&staff.clerk()).starts_with("clerk: "), "after {ended}");
        }
    }
}
