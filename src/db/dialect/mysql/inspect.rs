//! Facts about MySQL and MariaDB servers.

use sea_orm::prelude::async_trait::async_trait;

use std::collections::BTreeMap;

use super::Mysql;
use crate::db::answers::{first_row, rows, text};
use crate::db::dialect::inspect::{Inspect, TooOld};
use crate::db::engine::Session;
use crate::db::inspection::{Inspection, NOT_KNOWN, Pooler, ServerRole, Setting, Tls, Verdict, too_old};
use crate::db::target::{ServerTarget, Target};
use crate::error::Result;

/// The first version of each series in which ids, which are UUIDs of version 7, sort by their times
/// (MDEV-29959); the type itself is older.
const OLDEST_MARIADB: &str = "10.11.5";
const OLDEST_MARIADB_OF: [(&str, &str); 2] = [("10.10.", "10.10.6"), ("11.0.", "11.0.3")];
/// The first version with enforced CHECK constraints.
const OLDEST_MYSQL: &str = "8.0.16";
const COLLATION: &str = "utf8mb4_bin";
const REQUIREMENT: &str = "a proxy must keep each transaction and the session's sql_mode on one server";

#[async_trait]
impl Inspect for Mysql {
    async fn inspect(&self, session: &dyn Session, target: &Target, tables: &[&str]) -> Result<Inspection> {
        let sql = "SELECT VERSION() AS version, @@version_comment AS comment, CAST(@@port AS CHAR) AS port, \
                   @@SESSION.sql_mode AS sql_mode";
        let row = first_row(session, sql).await?;
        let get = |column| row.as_ref().and_then(|row| text(row, column)).unwrap_or_else(|| NOT_KNOWN.to_owned());
        let (version, comment) = (get("version"), get("comment"));
        let is_mariadb = version.contains("MariaDB") || comment.contains("MariaDB");
        let oldest = if is_mariadb { oldest_mariadb(&version) } else { OLDEST_MYSQL };
        let mode = get("sql_mode");
        let is_strict = mode.contains("STRICT_ALL_TABLES");
        let verdict = if is_strict || mode == NOT_KNOWN {
            Verdict::Fine
        } else {
            Verdict::Wrong("values would be truncated silently")
        };
        let value = if is_strict { "strict".to_owned() } else { mode };
        let mut settings = vec![Setting { name: "sql_mode", value, verdict }];
        settings.extend(table_settings(session, tables).await?);
        Ok(Inspection {
            product: if is_mariadb { "MariaDB" } else { "MySQL" }.to_owned(),
            too_old_for: too_old(&version, oldest),
            tls: tls(session).await?,
            settings,
            pooler: target.server().and_then(|target| pooler(target, &version, &comment, &get("port"))),
            server: server(session).await?,
            version,
        })
    }

    async fn too_old_server(&self, session: &dyn Session) -> Result<Option<TooOld>> {
        let row = first_row(session, "SELECT VERSION() AS version").await?;
        let version = row.and_then(|row| text(&row, "version")).unwrap_or_default();
        let (product, oldest) =
            if version.contains("MariaDB") { ("MariaDB", oldest_mariadb(&version)) } else { ("MySQL", OLDEST_MYSQL) };
        Ok(too_old(&version, oldest).map(|oldest| (product, version, oldest)))
    }
}

fn oldest_mariadb(version: &str) -> &'static str {
    let of_series = OLDEST_MARIADB_OF.iter().find(|(series, _)| version.starts_with(series));
    of_series.map_or(OLDEST_MARIADB, |(_, oldest)| oldest)
}

/// Engine and collation of the shop's tables, each reported once if all agree.
async fn table_settings(session: &dyn Session, tables: &[&str]) -> Result<Vec<Setting>> {
    let sql = "SELECT CAST(table_name AS CHAR) AS in_table, CAST(engine AS CHAR) AS engine, \
               CAST(table_collation AS CHAR) AS collation FROM information_schema.tables \
               WHERE table_schema = DATABASE() ORDER BY 1";
    let (mut settings, mut is_any) = (Vec::new(), false);
    for row in rows(session, sql).await? {
        let get = |column| text(&row, column).unwrap_or_else(|| NOT_KNOWN.to_owned());
        let (table, engine, collation) = (get("in_table"), get("engine"), get("collation"));
        if !tables.contains(&table.as_str()) {
            continue;
        }
        is_any = true;
        if engine != "InnoDB" && engine != NOT_KNOWN {
            let verdict = Verdict::Wrong("without InnoDB there are no transactions");
            settings.push(Setting { name: "engine", value: format!("{engine} of {table}"), verdict });
        }
        if collation != COLLATION && collation != NOT_KNOWN {
            let verdict = Verdict::Odd("texts are not compared by bytes, as with utf8mb4_bin");
            settings.push(Setting { name: "collation", value: format!("{collation} of {table}"), verdict });
        }
    }
    if settings.is_empty() && is_any {
        settings.push(Setting { name: "engine", value: "InnoDB".to_owned(), verdict: Verdict::Fine });
        settings.push(Setting { name: "collation", value: COLLATION.to_owned(), verdict: Verdict::Fine });
    }
    Ok(settings)
}

async fn tls(session: &dyn Session) -> Result<Tls> {
    let (mut version, mut cipher) = (None, None);
    for row in rows(session, "SHOW SESSION STATUS LIKE 'Ssl_%'").await? {
        match text(&row, "Variable_name").as_deref() {
            Some("Ssl_version") => version = text(&row, "Value"),
            Some("Ssl_cipher") => cipher = text(&row, "Value"),
            _ => {}
        }
    }
    Ok(match (version, cipher) {
        (None, None) => Tls::Unknown,
        (_, None) => Tls::Unused,
        (_, Some(cipher)) if cipher.is_empty() => Tls::Unused,
        (version, Some(cipher)) => Tls::Used { version: version.unwrap_or_default(), cipher },
    })
}

/// The variables that show a server's role in replication; missing ones are left out.
const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN \
    ('read_only', 'super_read_only', 'offline_mode', 'innodb_read_only', 'tx_read_only', 'transaction_read_only', 'wsrep_on')";
/// The variables that keep sessions from writing, the strictest first.
const READ_ONLY: [&str; 5] =
    ["super_read_only", "read_only", "innodb_read_only", "transaction_read_only", "tx_read_only"];
const COUNTERS: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_status')";
/// Only for roles with the right to see it.
const MEMBER: &str = "SELECT CAST(member_state AS CHAR) AS state, CAST(member_role AS CHAR) AS role \
    FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid";

async fn server(session: &dyn Session) -> Result<ServerRole> {
    let mut values = BTreeMap::new();
    for sql in [VARIABLES, COUNTERS] {
        for row in rows(session, sql).await? {
            values.insert(text(&row, "Variable_name").unwrap_or_default(), text(&row, "Value").unwrap_or_default());
        }
    }
    let value = |name: &str| values.get(name).map_or("", String::as_str);
    // MariaDB 12 has values other than ON and OFF.
    let is_on = |name: &str| !matches!(value(name), "" | "OFF" | "0");
    let member = first_row(session, MEMBER).await?;
    let member = |column| member.as_ref().and_then(|row| text(row, column)).filter(|text| !text.is_empty());
    let is_replica = !rows(session, "SHOW REPLICA STATUS").await?.is_empty();
    Ok(if is_on("offline_mode") {
        ServerRole::NotReady("offline_mode is on".to_owned())
    } else if is_on("wsrep_on") && (value("wsrep_ready") != "ON" || value("wsrep_cluster_status") != "Primary") {
        ServerRole::NotReady(format!(
            "wsrep_ready is {}, wsrep_cluster_status is {}: the node is not in the cluster's primary component",
            value("wsrep_ready"),
            value("wsrep_cluster_status")
        ))
    } else if let Some(state) = member("state").filter(|state| state != "ONLINE" && state != "OFFLINE") {
        ServerRole::NotReady(format!("the member of the replication group is {state}"))
    } else if member("state").as_deref() == Some("ONLINE") && member("role").as_deref() == Some("SECONDARY") {
        ServerRole::Standby("a secondary of its replication group".to_owned())
    } else if let Some(name) = READ_ONLY.into_iter().find(|name| is_on(name)) {
        let setting = format!("{name} is {}", value(name));
        // That of the storage engine is set at its start.
        let remedy = (name != "innodb_read_only").then(|| format!("SET GLOBAL {name} = 0"));
        match is_replica {
            true => ServerRole::Standby(format!("a replica, {setting}")),
            false => ServerRole::ReadOnly { setting, remedy },
        }
    } else if is_replica {
        ServerRole::WritableReplica("a replica that is not read-only".to_owned())
    } else {
        ServerRole::Primary
    })
}

/// ProxySQL and MaxScale are named in the version, or show by a different server port (as does a port mapping).
fn pooler(target: &ServerTarget, version: &str, comment: &str, port: &str) -> Option<Pooler> {
    let said = format!("{version} {comment}").to_ascii_lowercase();
    if let Some(name) = ["proxysql", "maxscale"].into_iter().find(|name| said.contains(name)) {
        return Some(Pooler { sign: format!("the version names {name}"), requirement: REQUIREMENT });
    }
    let is_other = !target.host.starts_with('/') && port != NOT_KNOWN && port != target.port.to_string();
    is_other.then(|| Pooler {
        sign: format!("connected to port {}, but the server answers on port {port}", target.port),
        requirement: REQUIREMENT,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mariadb_that_does_not_sort_ids_by_time_is_too_old() {
        let is_old = |version: &str| too_old(version, oldest_mariadb(version)).is_some();
        for version in ["10.6.20-MariaDB", "10.9.8-MariaDB", "10.10.5-MariaDB", "10.11.4-MariaDB", "11.0.2-MariaDB"] {
            assert!(is_old(version), "{version}");
        }
        for version in ["10.10.6-MariaDB", "10.11.5-MariaDB-log", "11.0.3-MariaDB", "11.1.2-MariaDB", "12.0.1-MariaDB"]
        {
            assert!(!is_old(version), "{version}");
        }
    }
}
