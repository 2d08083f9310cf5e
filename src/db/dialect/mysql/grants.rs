//! Parses the output of `SHOW GRANTS` of MySQL and MariaDB.

use crate::db::access::{GrantObject, HeldPrivilege};
use crate::db::sql::{listed, outside_quotes};

/// Privileges beyond table rows that change neither rows nor the schema.
pub const HARMLESS: [&str; 5] = ["USAGE", "EXECUTE", "LOCK TABLES", "CREATE TEMPORARY TABLES", "SHOW VIEW"];
/// Granted on hidden columns: without any privilege the server hides that they exist, and the schema would look
/// incomplete. It grants no access on its own.
pub const MARK: &str = "REFERENCES";

/// To act as another account. Its grant option ends with it.
const PROXY: &str = "PROXY";
/// Who can write this database can give every right to everybody.
const SERVERS_OWN: &str = "mysql";

/// The grants of one line.
#[derive(Debug, Clone)]
pub enum GrantLine {
    Privileges(Vec<HeldPrivilege>),
    /// Other roles, as SQL.
    Roles(Vec<String>),
    /// Grants of other databases, default roles.
    Other,
}

/// The privileges and the roles of all lines.
pub fn read_all(lines: impl Iterator<Item = String>, database: &str) -> (Vec<HeldPrivilege>, Vec<String>) {
    let (mut all, mut names) = (Vec::new(), Vec::new());
    for line in lines {
        match read(&line, database) {
            GrantLine::Privileges(held) => all.extend(held),
            GrantLine::Roles(roles) => names.extend(roles),
            GrantLine::Other => {}
        }
    }
    (all, names)
}

/// Parses one line. `database` is the shop's own.
pub fn read(line: &str, database: &str) -> GrantLine {
    let Some(rest) = line.strip_prefix("GRANT ") else { return GrantLine::Other };
    let Some((grant, rest)) = split_at_word(rest, " TO ") else { return GrantLine::Other };
    let Some((list, object)) = split_at_word(grant, " ON ") else {
        let roles = listed(grant).into_iter().filter(|role| role.starts_with('`') || role.starts_with('\''));
        return GrantLine::Roles(roles.map(str::to_owned).collect());
    };
    if list == PROXY {
        // Versions of MariaDB differ in the quotes of accounts.
        let account = object.trim();
        let on = GrantObject::Beside(if account.contains('`') { account.into() } else { account.replace('\'', "`") });
        return GrantLine::Privileges(vec![HeldPrivilege {
            on,
            privilege: PROXY.to_owned(),
            is_grantable: false,
            via: None,
        }]);
    }
    let Some(on) = object_of(object.trim(), database) else { return GrantLine::Other };
    let mut held: Vec<HeldPrivilege> =
        listed(list).into_iter().flat_map(|privilege| privileges(privilege, &on)).collect();
    if rest.contains("WITH GRANT OPTION") {
        held.push(HeldPrivilege { on, privilege: "ALL PRIVILEGES".to_owned(), is_grantable: true, via: None });
    }
    GrantLine::Privileges(held)
}

/// `SELECT`, or `SELECT (a, b)`: one privilege per column.
fn privileges(text: &str, on: &GrantObject) -> Vec<HeldPrivilege> {
    let held = |on: GrantObject, privilege: &str| HeldPrivilege {
        on,
        privilege: privilege.trim().to_owned(),
        is_grantable: false,
        via: None,
    };
    let (GrantObject::Table(table), Some((privilege, columns))) = (on, text.split_once('(')) else {
        return vec![held(on.clone(), text)];
    };
    let columns = listed(columns.trim_end().trim_end_matches(')'));
    columns.into_iter().map(|column| held(GrantObject::Column(table.clone(), unquoted(column)), privilege)).collect()
}

/// The object after ON, if it concerns the database, or the server's own.
fn object_of(object: &str, database: &str) -> Option<GrantObject> {
    if object == "*.*" {
        return Some(GrantObject::Wider(object.to_owned()));
    }
    let named = object.strip_prefix("TABLE ").unwrap_or(object);
    let is_routine = !named.starts_with('`');
    let (_, name) = named.split_at(named.find('`')?);
    let (schema, table) = split_at_word(name, ".")?;
    let pattern = unquoted(schema);
    if table != "*" {
        return match pattern == database {
            true if is_routine => Some(GrantObject::Beside(object.to_owned())),
            true => Some(GrantObject::Table(unquoted(table))),
            false => (pattern == SERVERS_OWN).then(|| GrantObject::Beside(object.to_owned())),
        };
    }
    if pattern == database || literal(&pattern).as_deref() == Some(database) {
        return Some(GrantObject::Database(object.to_owned()));
    }
    match matches(&pattern, database) {
        true => Some(GrantObject::Wider(object.to_owned())),
        false => matches(&pattern, SERVERS_OWN).then(|| GrantObject::Beside(object.to_owned())),
    }
}

/// Escapes a database name so that it is not a pattern: `shop\_%`.
pub fn escaped(database: &str) -> String {
    database.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")
}

/// The literal text of a pattern without wildcards.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.push(letters.next()?),
            '%' | '_' => return None,
            other => text.push(other),
        }
    }
    Some(text)
}

/// Whether a name matches a pattern with `%`, `_` and `\`.
fn matches(pattern: &str, name: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => name.is_empty(),
        Some('%') => {
            let rest = letters.as_str();
            name.char_indices().map(|(start, _)| start).chain([name.len()]).any(|start| matches(rest, &name[start..]))
        }
        Some(first) => {
            let is_any = first == '_';
            let first = if first == '\\' { letters.next().unwrap_or(first) } else { first };
            let mut others = name.chars();
            others.next().is_some_and(|letter| is_any || letter == first) && matches(letters.as_str(), others.as_str())
        }
    }
}

/// `name`, `name@host`, `'name'@'host'`; each part may be quoted.
///
/// Errors: an unclosed quote, or text after one.
pub fn account(text: &str) -> Result<(String, Option<String>), String> {
    let odd = || "must be a name, or 'name'@'host'".to_owned();
    let Some(quote) = text.chars().next().filter(|first| "'\"`".contains(*first)) else {
        return Ok(match text.rsplit_once('@') {
            Some((name, host)) => (name.to_owned(), Some(unquoted(host))),
            None => (text.to_owned(), None),
        });
    };
    let end = quoted_length(text, quote).ok_or_else(odd)?;
    let (name, rest) = text.split_at(end);
    let host = match rest.strip_prefix('@') {
        Some(host) if !host.is_empty() => Some(unquoted(host)),
        None if rest.is_empty() => None,
        _ => return Err(odd()),
    };
    Ok((unquoted(name), host))
}

/// The inverse of [`account`].
pub fn account_text(name: &str, host: &str) -> String {
    let is_plain =
        |text: &str| text.chars().all(|character| character.is_alphanumeric() || "_-.%:".contains(character));
    if is_plain(name) && is_plain(host) {
        return format!("{name}@{host}");
    }
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    format!("{}@{}", quoted(name), quoted(host))
}

/// Removes enclosing quotes, if any.
fn unquoted(text: &str) -> String {
    let text = text.trim();
    match text.chars().next().filter(|first| "'\"`".contains(*first)) {
        Some(quote) if quoted_length(text, quote) == Some(text.len()) => {
            text[1..text.len() - 1].replace(&format!("{quote}{quote}"), &quote.to_string())
        }
        _ => text.to_owned(),
    }
}

/// The length up to and including the closing quote; a doubled quote is part of the text.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut from = 1;
    loop {
        let end = from + text[from..].find(quote)?;
        if !text[end + 1..].starts_with(quote) {
            return Some(end + 1);
        }
        from = end + 2;
    }
}

/// The first position of a word outside quotes and parentheses.
fn split_at_word<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut outside = outside_quotes(text).filter(|(_, _, depth)| *depth == 0);
    let (position, ..) = outside.find(|(position, ..)| text[*position..].starts_with(word))?;
    Some((&text[..position], &text[position + word.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(line: &str) -> Vec<String> {
        let GrantLine::Privileges(held) = read(line, "shop_live") else { return vec![format!("{line} has none")] };
        held.iter()
            .map(|held| format!("{} {:?}{}", held.privilege, held.on, if held.is_grantable { " option" } else { "" }))
            .collect()
    }

    #[test]
    fn what_the_servers_print_is_read_back() {
        let cases: [(&str, &[&str]); 11] = [
            ("GRANT USAGE ON *.* TO `o'ne@x`@`10.%` IDENTIFIED BY PASSWORD '*6BB4'", &[r#"USAGE Wider("*.*")"#]),
            (
                "GRANT SELECT, INSERT, UPDATE (`actor`, `a,b)`) ON `shop_live`.`audit_events` TO `rdr`@`%` WITH GRANT OPTION",
                &[
                    r#"SELECT Table("audit_events")"#,
                    r#"INSERT Table("audit_events")"#,
                    r#"UPDATE Column("audit_events", "actor")"#,
                    r#"UPDATE Column("audit_events", "a,b)")"#,
                    r#"ALL PRIVILEGES Table("audit_events") option"#,
                ],
            ),
            ("GRANT ALL PRIVILEGES ON `shop\\_live`.* TO `r`", &[r#"ALL PRIVILEGES Database("`shop\\_live`.*")"#]),
            (
                "GRANT CREATE TEMPORARY TABLES ON `shop_live`.* TO `r`",
                &[r#"CREATE TEMPORARY TABLES Database("`shop_live`.*")"#],
            ),
            ("GRANT INSERT ON `shop%`.* TO `rdr`@`%`", &[r#"INSERT Wider("`shop%`.*")"#]),
            ("GRANT INSERT ON `other`.* TO `rdr`@`%`", &["GRANT INSERT ON `other`.* TO `rdr`@`%` has none"]),
            ("GRANT DELETE ON `mysql`.`db` TO `r`", &[r#"DELETE Beside("`mysql`.`db`")"#]),
            (
                "GRANT ALTER ROUTINE ON PROCEDURE `shop_live`.`p` TO `r`",
                &[r#"ALTER ROUTINE Beside("PROCEDURE `shop_live`.`p`")"#],
            ),
            ("GRANT PROXY ON 'ad'@'%' TO 'r'@'%' WITH GRANT OPTION", &[r#"PROXY Beside("`ad`@`%`")"#]),
            ("GRANT DELETE ON `shop_live`.`orders` TO PUBLIC", &[r#"DELETE Table("orders")"#]),
            ("SET DEFAULT ROLE `r` FOR `u`@`%`", &["SET DEFAULT ROLE `r` FOR `u`@`%` has none"]),
        ];
        for (line, expected) in cases {
            assert_eq!(held(line), expected, "{line}");
        }
        let GrantLine::Roles(roles) = read("GRANT `a`@`%`,`b TO c`@`%` TO `u`@`%`", "shop") else { panic!("no roles") };
        assert_eq!(roles, ["`a`@`%`", "`b TO c`@`%`"]);
    }

    #[test]
    fn accounts_are_read_as_people_write_them() {
        let account = |text: &str| account(text).map(|(name, host)| format!("{name}|{}", host.unwrap_or_default()));
        for (text, read) in [
            ("ann", "ann|"),
            ("ann@localhost", "ann|localhost"),
            ("'ann'@'10.%'", "ann|10.%"),
            ("`o'ne`@'%'", "o'ne|%"),
            ("'o''ne@x'@'%'", "o'ne@x|%"),
            ("ann@example.com@'%'", "ann@example.com|%"),
            ("'ann'", "ann|"),
        ] {
            assert_eq!(account(text).as_deref(), Ok(read));
            if let Some((name, host)) = read.split_once('|').filter(|(_, host)| !host.is_empty()) {
                assert_eq!(account(&account_text(name, host)).as_deref(), Ok(read));
            }
        }
        for odd in ["'ann", "'ann'x", "'ann'@"] {
            assert!(account(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn patterns_of_databases_match_as_the_server_matches_them() {
        for (pattern, is_match) in [
            ("shop%", true),
            ("shop_live", true),
            ("%", true),
            ("shop\\_live", true),
            ("shop\\%", false),
            ("shop", false),
            ("%_e", true),
        ] {
            assert_eq!(matches(pattern, "shop_live"), is_match, "{pattern}");
        }
        assert_eq!(literal(&escaped("a_b%c\\d")).as_deref(), Some("a_b%c\\d"));
    }
}
