//! What the environment holds for no database in particular.

use super::*;

const ALONE: (&str, &str) = ("DB_PASSWORD", CANARY);
const FILE: (&str, &str) = ("DB_PASSWORD_FILE", "/run/secret");

fn with_flag(url: &str, variables: &[(&str, &str)]) -> Sources {
    let mut sources = with_environment(variables);
    sources.flags.database_url = Some(url.to_owned());
    sources
}

fn password(sources: &Sources) -> Option<Password> {
    resolved(sources).target.server().and_then(|server| server.password.clone())
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what is found")]
fn known(text: &str) -> Option<Password> {
    Some(Password::Known(Secret::new(text)))
}

fn hints(sources: &Sources) -> Vec<String> {
    resolved(sources).target.server().map(|server| server.password_hints.clone()).unwrap_or_default()
}

/// What `config show` says about variables that are set in vain.
fn unused(sources: &Sources) -> Vec<(String, String)> {
    let config = resolved(sources);
    let unused = config.entries.iter().filter(|entry| entry.name == "not used");
    unused.map(|entry| pair(&entry.value, &entry.origin)).collect()
}

#[test]
fn a_lone_password_variable_completes_a_server_but_names_none() {
    for alone in [ALONE, FILE] {
        let sources = with_environment(&[alone]);
        assert_eq!(entry(&sources, "database"), pair("sqlite:/data/shop.db", "default"));
        for sources in
            [with_environment(&[("DATABASE_URL", "mysql://u@h/d"), alone]), with_flag("mysql://u@h/d", &[alone])]
        {
            assert_eq!(entry(&sources, "password").1, format!("environment {}", alone.0));
            assert_eq!(unused(&sources), []);
        }
    }
    assert_eq!(password(&with_flag("postgres://u@h/d", &[ALONE])), known(CANARY));
    assert_eq!(password(&with_flag("mysql://u@h1,h2/d", &[ALONE])), known(CANARY));
    assert_eq!(password(&with_flag("postgres://u@h/d", &[FILE])), Some(Password::File("/run/secret".into())));
}

#[test]
fn sqlite_targets_never_use_a_password() {
    let context = with_file(with_environment(&[ALONE]), "[context.a]\ndatabase_url = 'sqlite:a.db'");
    let context = Sources { flags: Flags { context: Some("a".to_owned()), ..Flags::default() }, ..context };
    for sources in [
        with_environment(&[ALONE]),
        with_environment(&[ALONE, ("DATABASE_URL", "sqlite:a.db")]),
        with_environment(&[ALONE, ("DB_DIALECT", "sqlite"), ("DB_NAME", "a.db")]),
        with_flag(" SQLite:a.db", &[ALONE]),
        with_file(with_environment(&[ALONE]), "database_url = 'sqlite:a.db'"),
        context,
    ] {
        let told = pair("DB_PASSWORD is set but not used for a SQLite file", "environment DB_PASSWORD");
        assert_eq!(unused(&sources), [told]);
    }
    let dotenv = with_dotenv(sources(), &[("DATABASE_URL", "sqlite:a.db"), FILE]);
    assert_eq!(unused(&dotenv)[0].1, ".env DB_PASSWORD_FILE");
    // In one table of a file it is a mistake.
    let table = with_file(sources(), "[database]\ndialect = 'sqlite'\nname = 'a.db'\npassword = 'c4n4ryS3cret'");
    assert!(refused(&table).message().contains("has no meaning for sqlite"));
}

#[test]
fn passwords_apply_only_to_the_server_of_their_level() {
    let text = "database_url = 'postgres://u@h/d'\n[context.a]\ndatabase_url = 'postgres://u@h/d'";
    let file = with_file(with_environment(&[ALONE]), text);
    let context = Sources { flags: Flags { context: Some("a".to_owned()), ..Flags::default() }, ..file.clone() };
    let dotenv = with_dotenv(with_environment(&[ALONE]), &[("DATABASE_URL", "postgres://u@h/d")]);
    let by_variable = with_file(with_environment(&[ALONE, ("SHOPCTL_CONTEXT", "a")]), text);
    let other = [ALONE, ("DATABASE_URL", "postgres://u@other/d")];
    for (sources, reason) in [
        (file, "for a database from a file: that file takes precedence"),
        (context, "for a context: its file takes precedence"),
        (by_variable, "for a context: its file takes precedence"),
        (dotenv, "for a database from .env: that file takes precedence"),
        (with_flag("postgres://u@h/d", &other), "for --database-url: it belongs to the database in the environment"),
    ] {
        assert_eq!(password(&sources), None, "{reason}");
        let told = format!("DB_PASSWORD is set but not used {reason}");
        assert_eq!(unused(&sources), [pair(&told, "environment DB_PASSWORD")]);
        let hints = hints(&sources);
        assert!(hints[0].starts_with("give it in ") && hints[1] == told, "{hints:?}");
        assert!(!everything_said(&sources).contains(CANARY));
    }
}

#[test]
fn a_url_that_has_its_own_password_keeps_it() {
    let own = with_flag("postgres://u:own@h/d?sslmode=require", &[ALONE, ("DB_SSL", "disable")]);
    assert_eq!(password(&own), known("own"));
    assert_eq!(entry(&own, "ssl"), pair("require", "flag --database-url"));
    let told = |name: &str| {
        pair(&format!("{name} is set but not used for a URL that sets it itself"), &format!("environment {name}"))
    };
    assert_eq!(unused(&own), [told("DB_PASSWORD"), told("DB_SSL")]);
}

#[test]
fn a_lone_tls_mode_names_no_database() {
    let mode = ("DB_SSL", "verify-full");
    assert_eq!(entry(&with_environment(&[mode]), "database").1, "default");
    assert_eq!(
        entry(&with_flag("postgres://u@localhost/d", &[mode]), "ssl"),
        pair("verify-full", "environment DB_SSL")
    );
    let file = with_file(with_environment(&[mode]), "database_url = 'postgres://u@localhost/d'");
    assert_eq!(entry(&file, "ssl"), pair("prefer", "default"));
    assert_eq!(unused(&file)[0].1, "environment DB_SSL");
}

#[test]
fn password_hints_depend_on_the_server() {
    let hint = |sources: &Sources| hints(sources)[0].clone();
    assert_eq!(hint(&with_flag("mysql://u@h/d", &[])), "give it in DB_PASSWORD or DB_PASSWORD_FILE");
    let url = [("DATABASE_URL", "postgres://u@h/d")];
    assert_eq!(hint(&with_environment(&url)), "give it in DB_PASSWORD, DB_PASSWORD_FILE or ~/.pgpass");
    assert_eq!(hint(&with_flag("mysql://u@h/d", &url)), "give it in the URL");
    let dotenv = with_dotenv(sources(), &url);
    assert_eq!(hint(&dotenv), "give it in DB_PASSWORD of .env, DB_PASSWORD_FILE of .env or ~/.pgpass");
    let mut context = with_file(sources(), "[context.a]\ndatabase_url = 'mysql://u@h/d'");
    context.flags.context = Some("a".to_owned());
    assert_eq!(hint(&context), "give it in [context.a.database] of /work/shopctl.toml as password_file");
    // Which is true.
    context =
        with_file(context, "[context.a]\ndatabase_url = 'mysql://u@h/d'\n[context.a.database]\npassword_file = '/x'");
    assert_eq!(password(&context), Some(Password::File("/x".into())));
}
