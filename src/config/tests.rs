use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::db::target::{Password, Secret};
use crate::error::Invocation;

mod server_variables;

const CANARY: &str = "c4n4ryS3cret";

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn sources() -> Sources {
    Sources { data_folder: Some("/data".into()), system_user: "tester".to_owned(), ..Sources::default() }
}

fn with_environment(pairs: &[(&str, &str)]) -> Sources {
    Sources { environment: map(pairs), ..sources() }
}

fn with_dotenv(mut sources: Sources, pairs: &[(&str, &str)]) -> Sources {
    sources.dotenv = Some(("/work/.env".into(), map(pairs)));
    sources
}

fn with_files(mut sources: Sources, files: &[(&str, &str)]) -> Sources {
    sources.files = files.iter().map(|(path, text)| ((*path).into(), (*text).to_owned())).collect();
    sources
}

fn with_file(sources: Sources, text: &str) -> Sources {
    with_files(sources, &[("/work/shopctl.toml", text)])
}

fn resolved(sources: &Sources) -> Config {
    Config::resolve(sources).unwrap_or_else(|error| panic!("{error} {:?}", error.hints()))
}

fn refused(sources: &Sources) -> Error {
    Config::resolve(sources).expect_err("it was accepted")
}

fn entry(sources: &Sources, name: &str) -> (String, String) {
    let config = resolved(sources);
    let entry = config.entries.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("no {name}"));
    (entry.value.clone(), entry.origin.clone())
}

fn everything_said(sources: &Sources) -> String {
    match Config::resolve(sources) {
        Ok(config) => format!("{config:?}"),
        Err(error) => format!("{error} {error:?} {}", error.json_document(&Invocation::default())),
    }
}

fn pair(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

#[test]
fn the_highest_level_that_names_a_database_wins() {
    let mut sources = sources();
    assert_eq!(entry(&sources, "database"), pair("sqlite:/data/shop.db", "default"));
    let user = ("/home/c/shopctl.toml", "\n\ndatabase_url = 'sqlite:user.db'");
    sources = with_files(sources, &[user]);
    assert_eq!(entry(&sources, "database"), pair("sqlite:user.db", "shopctl.toml (/home/c/shopctl.toml):3"));
    sources = with_files(sources, &[("/work/shopctl.toml", "timeout = '1s'\n[database]\nname = 'work'\n"), user]);
    let origin = "shopctl.toml (/work/shopctl.toml):2";
    assert_eq!(entry(&sources, "database"), pair("postgres://postgres@localhost/work", origin));
    sources = with_dotenv(sources, &[("DATABASE_URL", "sqlite:dotenv.db")]);
    assert_eq!(entry(&sources, "database"), pair("sqlite:dotenv.db", ".env DATABASE_URL"));
    sources.environment = map(&[("DB_NAME", "shop"), ("DB_HOST", "db.example.com"), ("DB_PASSWORD", CANARY)]);
    let origin = "environment DB_HOST, DB_NAME, DB_PASSWORD";
    assert_eq!(entry(&sources, "database"), pair("postgres://postgres@db.example.com/shop", origin));
    assert_eq!(entry(&sources, "password"), pair("***", "environment DB_PASSWORD"));
    sources.flags.database_url = Some("sqlite:flag.db".to_owned());
    assert_eq!(entry(&sources, "database"), pair("sqlite:flag.db", "flag --database-url"));
    let config = resolved(&sources);
    assert!(config.is_named_by_flag);
    assert_eq!(config.embedded_default.path, PathBuf::from("/data/shop.db"), "quickstart's, whatever is named");
}

#[test]
fn every_other_value_follows_the_same_precedence() {
    let mut sources = sources();
    assert_eq!(entry(&sources, "timeout"), pair("30s", "default"));
    sources = with_files(sources, &[("/work/shopctl.toml", ""), ("/c/shopctl.toml", "\ntimeout = '1s'")]);
    assert_eq!(entry(&sources, "timeout"), pair("1s", "shopctl.toml (/c/shopctl.toml):2"));
    sources = with_files(sources, &[("/work/mine.toml", "timeout = \"2s\""), ("/c/shopctl.toml", "timeout = '1s'")]);
    assert_eq!(entry(&sources, "timeout"), pair("2s", "mine.toml (/work/mine.toml):1"));
    sources = with_dotenv(sources, &[("SHOPCTL_TIMEOUT", "3m")]);
    assert_eq!(entry(&sources, "timeout"), pair("180s", ".env SHOPCTL_TIMEOUT"));
    sources.environment = map(&[("SHOPCTL_TIMEOUT", "")]);
    assert_eq!(entry(&sources, "timeout").1, ".env SHOPCTL_TIMEOUT", "an empty variable counts as unset");
    sources.environment = map(&[("SHOPCTL_TIMEOUT", "400ms")]);
    assert_eq!(entry(&sources, "timeout"), pair("400ms", "environment SHOPCTL_TIMEOUT"));
    sources.flags.timeout = Some("0".to_owned());
    sources.flags.connect_timeout = Some("1s".to_owned());
    assert_eq!(entry(&sources, "timeout"), pair("none", "flag --timeout"));
    assert_eq!(entry(&sources, "connect_timeout"), pair("1s", "flag --connect-timeout"));
    assert_eq!(resolved(&sources).timeout, None);
}

#[test]
fn defaults_match_the_documentation() {
    let config = resolved(&sources());
    let seconds = Duration::from_secs;
    assert_eq!(config.pool, PoolSettings { max: 20, min: 0, acquire: seconds(30), idle: seconds(10) });
    assert_eq!((config.timeout, config.connect_timeout), (Some(seconds(30)), seconds(5)));
    assert_eq!((config.actor.as_str(), config.context.as_deref()), ("tester", None));
    assert!(!config.protected && !config.read_only && config.warnings.is_empty());
    assert!(config.entries.iter().all(|entry| entry.origin == "default" || entry.name == "actor"));
    assert_eq!(config.entries[0].name, "database");
    let pool = with_file(sources(), "[pool]\nmax = 7\nmin = '2'\nacquire = '3s'\nidle = '4m'\n");
    let expected = PoolSettings { max: 7, min: 2, acquire: seconds(3), idle: seconds(240) };
    assert_eq!(resolved(&pool).pool, expected);
    assert_eq!(entry(&pool, "pool.idle"), pair("240s", "shopctl.toml (/work/shopctl.toml):5"));
}

#[test]
fn the_actor_defaults_to_the_operating_systems_user() {
    let mut sources = with_environment(&[("USER", "eve")]);
    assert_eq!(entry(&sources, "actor"), pair("tester", "operating system"));
    sources.system_user = "\u{1b}[2J".to_owned();
    assert_eq!(entry(&sources, "actor"), pair("unknown", "operating system"));
    sources = with_dotenv(sources, &[("SHOPCTL_ACTOR", " nightly job ")]);
    assert_eq!(entry(&sources, "actor"), pair("nightly job", ".env SHOPCTL_ACTOR"));
    sources.flags.actor = Some("grace".to_owned());
    assert_eq!(entry(&sources, "actor"), pair("grace", "flag --actor"));
    sources.flags.actor = Some("\u{1b}[2J".to_owned());
    assert!(refused(&sources).message().contains("actor (flag --actor)"));
}

#[test]
fn a_target_named_twice_on_one_level_is_a_usage_error() {
    let context = "[context.a]\ndatabase_url = 'sqlite:a.db'\n";
    let url_and_name = [("DATABASE_URL", "sqlite:a.db"), ("DB_NAME", "b")];
    let mut flags = with_file(sources(), context);
    flags.flags = Flags { context: Some("a".into()), database_url: Some("sqlite:b.db".into()), ..Flags::default() };
    let mut below = with_file(with_environment(&[("SHOPCTL_CONTEXT", "a")]), context);
    below.flags.database_url = Some("sqlite:b.db".into());
    for (sources, one, other) in [
        (with_environment(&url_and_name), "environment DATABASE_URL", "environment DB_NAME"),
        (with_dotenv(sources(), &url_and_name), ".env DATABASE_URL", ".env DB_NAME"),
        (
            with_environment(&[("DATABASE_URL", "sqlite:a.db"), ("SHOPCTL_CONTEXT", "a")]),
            "environment SHOPCTL_CONTEXT",
            "environment DATABASE_URL",
        ),
        (
            with_file(sources(), "database_url = 'sqlite:a.db'\n[database]\nname = 'b'\n"),
            "shopctl.toml (/work/shopctl.toml):1",
            "shopctl.toml (/work/shopctl.toml):2",
        ),
        (flags, "flag --database-url", "flag --context"),
        (below, "flag --database-url", "environment SHOPCTL_CONTEXT"),
    ] {
        let error = refused(&sources);
        assert_eq!(error.kind(), Kind::Usage, "{error}");
        assert!(error.message().contains(one) && error.message().contains(other), "{error}");
    }
}

#[test]
fn a_target_of_a_higher_level_replaces_the_lower_one_completely() {
    let mut sources = with_dotenv(with_environment(&[("DATABASE_URL", "sqlite:a.db")]), &[("DB_NAME", "b")]);
    assert_eq!(entry(&sources, "database").0, "sqlite:a.db");
    // Half of one database and half of another is none.
    sources.environment = map(&[("DB_HOST", "h"), ("DB_PASSWORD", CANARY)]);
    let error = refused(&sources);
    assert!(error.message().contains("database.name (environment DB_HOST, DB_PASSWORD): is missing"), "{error}");
    let context = "[context.a]\ndatabase_url = 'sqlite:c.db'\nread_only = true";
    let sources = with_dotenv(with_environment(&[("DATABASE_URL", "sqlite:a.db")]), &[("SHOPCTL_CONTEXT", "a")]);
    let config = resolved(&with_file(sources, context));
    assert_eq!((config.target.to_string().as_str(), config.read_only, config.context), ("sqlite:a.db", false, None));
}

#[test]
fn contexts_name_and_protect_a_database() {
    let text = "[context.live]\nprotected = true\n[context.live.database]\nhost = 'db.example.com'\nname = 'shop'\n\
                password = 'c4n4ryS3cret'\n[context.reports]\ndatabase_url = 'sqlite:r.db'\nread_only = true\n\
                [context.empty]\n";
    let choose = |name: &str| {
        let mut sources = with_file(with_environment(&[("DATABASE_URL", "sqlite:other.db")]), text);
        sources.flags.context = Some(name.to_owned());
        sources
    };
    let config = resolved(&choose("live"));
    assert_eq!(config.target.to_string(), "postgres://postgres@db.example.com/shop");
    assert!(config.protected && !config.read_only && config.is_named_by_flag);
    assert_eq!(config.context.as_deref(), Some("live"));
    assert_eq!(entry(&choose("live"), "protected"), pair("true", "shopctl.toml (/work/shopctl.toml):2"));
    assert_eq!(entry(&choose("live"), "password"), pair("***", "shopctl.toml (/work/shopctl.toml):6"));
    assert_eq!(entry(&choose("live"), "context"), pair("live", "flag --context"));
    let config = resolved(&choose("reports"));
    assert!(!config.protected && config.read_only);
    assert_eq!(refused(&choose("empty")).code(), "config.context");
    let error = refused(&choose("lvie"));
    assert_eq!((error.kind(), error.code()), (Kind::Configuration, "config.unknown_context"));
    assert!(error.hints()[0].to_string().contains("--context live?"), "{:?}", error.hints());
    let url = format!("postgres://u:{CANARY}@h/d");
    assert!(!everything_said(&choose(&url)).contains(CANARY));
}

#[test]
fn invalid_values_are_reported_together_without_their_text() {
    let mut sources = with_environment(&[
        ("DB_POOL_MAX", CANARY),
        ("DB_POOL_MIN", "-1"),
        ("DB_POOL_IDLE", "0"),
        ("DB_NAME", "shop"),
        ("DB_PORT", "99999"),
        ("DB_DIALECT", CANARY),
        ("DB_SSL", CANARY),
    ]);
    sources.flags.connect_timeout = Some(CANARY.to_owned());
    let error = refused(&sources);
    assert_eq!((error.kind(), error.code()), (Kind::Configuration, "config.invalid"));
    for part in [
        "pool.max (environment DB_POOL_MAX): must be a whole number between 1 and 1000",
        "pool.min (environment DB_POOL_MIN)",
        "pool.idle (environment DB_POOL_IDLE): must be a number with a unit",
        "database.port (environment DB_PORT): must be a whole number between 1 and 65535",
        "database.dialect (environment DB_DIALECT): must be one of sqlite, postgres",
        "database.ssl (environment DB_SSL): must be one of disable",
        "connect_timeout (flag --connect-timeout)",
    ] {
        assert!(error.message().contains(part), "{part} is not in {error}");
    }
    assert_eq!(
        error.json_document(&Invocation::default())["error"]["details"]["violations"].as_array().map(Vec::len),
        Some(7)
    );
    assert!(!everything_said(&sources).contains(CANARY));
    let both = refused(&with_environment(&[("DATABASE_URL", CANARY), ("DB_POOL_MAX", "0")]));
    assert!(both.message().contains("the database URL (environment DATABASE_URL)"), "{both}");
    assert!(both.message().contains("pool.max") && both.code() == "config.invalid", "{both}");
    assert_eq!(refused(&with_environment(&[("DATABASE_URL", CANARY)])).code(), "config.database_url");
}

#[test]
fn numbers_and_durations_have_limits() {
    for (variable, value) in [
        ("DB_POOL_MAX", "1001"),
        ("DB_POOL_MAX", "1.5"),
        ("SHOPCTL_TIMEOUT", "18446744073709551615s"),
        ("SHOPCTL_TIMEOUT", "8761h"),
        ("SHOPCTL_CONNECT_TIMEOUT", "0s"),
        ("DB_POOL_ACQUIRE", "soon"),
    ] {
        assert!(Config::resolve(&with_environment(&[(variable, value)])).is_err(), "{variable}={value}");
    }
    let error = refused(&with_environment(&[("DB_POOL_MAX", "2"), ("DB_POOL_MIN", "3")]));
    let expected = "pool.min (environment DB_POOL_MIN): must not be more than pool.max (environment DB_POOL_MAX)";
    assert_eq!(error.message(), expected);
}

#[test]
fn incomplete_parts_are_reported() {
    let parts = |extra: &[(&str, &str)]| {
        let mut sources = with_environment(&[("DB_DIALECT", "MySQL"), ("DB_NAME", "shop")]);
        sources.environment.extend(map(extra));
        sources
    };
    assert_eq!(entry(&parts(&[]), "database").0, "mysql://root@localhost/shop");
    assert_eq!(entry(&parts(&[]), "ssl"), pair("prefer", "default"));
    let raw = parts(&[("DB_PASSWORD", "p@ss/#?%41"), ("DB_HOST", "db.example.com"), ("DB_SSL", "true")]);
    let Target::Server(server) = resolved(&raw).target else { panic!() };
    assert_eq!(server.password, Some(Password::Known(Secret::new("p@ss/#?%41"))));
    assert_eq!(entry(&raw, "ssl"), pair("verify-full", "environment DB_SSL"));
    for (variable, value) in [
        ("DB_HOST", "postgres://u:c4n4ryS3cret@h/d"),
        ("DB_NAME", "postgres://u:c4n4ryS3cret@h/d"),
        ("DB_USER", "postgres://u:c4n4ryS3cret@h/d"),
        ("DB_HOST", "db.example.com:3306"),
        ("DB_PORT", "0"),
        ("DB_SSL", "perhaps"),
        ("DB_DIALECT", "oracle"),
    ] {
        let error = refused(&parts(&[(variable, value)]));
        assert!(error.message().contains(&format!("environment {variable}")), "{error}");
        assert!(!error.message().contains(CANARY), "{error}");
    }
    let sqlite = |name: &str| with_environment(&[("DB_DIALECT", "sqlite"), ("DB_NAME", name)]);
    assert_eq!(entry(&sqlite("/a/b.db"), "database").0, "sqlite:/a/b.db");
    assert!(refused(&sqlite(":memory:")).message().contains("in memory"));
    let mut contradiction = sqlite("a.db");
    contradiction.environment.insert("DB_HOST".to_owned(), "db.example.com".to_owned());
    assert!(refused(&contradiction).message().contains("has no meaning for sqlite"));
}

#[test]
fn the_dotenv_of_another_program_names_no_shop() {
    let laravel = [("DB_HOST", "127.0.0.1"), ("DB_PASSWORD", CANARY)];
    let config = resolved(&with_dotenv(sources(), &laravel));
    assert_eq!(entry(&with_dotenv(sources(), &laravel), "database").1, "default");
    assert!(config.working_folder_file().is_none());
    assert!(config.warnings[0].contains(".env DB_HOST, DB_PASSWORD without DB_NAME"), "{:?}", config.warnings);
    // Nobody looks at it where the database is named above.
    let named = with_dotenv(with_environment(&[("DATABASE_URL", "sqlite:a.db")]), &laravel);
    assert!(resolved(&named).warnings.is_empty());
    let config = resolved(&with_dotenv(sources(), &[("DB_HOST", "127.0.0.1"), ("DB_NAME", "shop")]));
    assert_eq!(config.working_folder_file(), Some(Path::new("/work/.env")));
}

#[test]
fn a_password_has_one_source_which_is_shown() {
    let url = ("DATABASE_URL", "postgres://u@127.0.0.1/d");
    let with = |more: &[(&'static str, &'static str)]| {
        let mut pairs = vec![url];
        pairs.extend(more);
        with_environment(&pairs)
    };
    assert_eq!(entry(&with(&[]), "password"), pair("(none)", "default"));
    assert_eq!(entry(&with(&[("PGPASSWORD", CANARY)]), "password"), pair("***", "environment PGPASSWORD"));
    assert_eq!(entry(&with(&[("DB_PASSWORD", CANARY)]), "password"), pair("***", "environment DB_PASSWORD"));
    let file = with(&[("DB_PASSWORD_FILE", "/run/secrets/db"), ("PGPASSWORD", CANARY)]);
    assert_eq!(
        entry(&file, "password"),
        pair("the first line of a file that does not exist", "environment DB_PASSWORD_FILE")
    );
    let mut pgpass = with(&[]);
    pgpass.pgpass = Some(("/home/ann/.pgpass".into(), "~/.pgpass".to_owned()));
    assert_eq!(entry(&pgpass, "password"), pair("the matching line of /home/ann/.pgpass, if any", "~/.pgpass"));
    // As libpq: not one that others can read.
    pgpass.readable_by_others = vec!["/home/ann/.pgpass".into()];
    assert_eq!(entry(&pgpass, "password").0, "(none)");
    assert!(resolved(&pgpass).warnings[0].contains("chmod 600 /home/ann/.pgpass"));
    for more in [
        [("DB_PASSWORD", CANARY), ("DB_PASSWORD_FILE", "/x")],
        [("DATABASE_URL", "postgres://u:c4n4ryS3cret@h/d"), ("DB_PASSWORD", "x")],
    ] {
        let error = refused(&with(&more));
        assert!(error.message().contains("given twice") && !error.message().contains(CANARY), "{error}");
    }
    let mysql = with_environment(&[("DATABASE_URL", "mysql://u@127.0.0.1/d"), ("PGPASSWORD", CANARY)]);
    assert_eq!(entry(&mysql, "password").0, "(none)", "PostgreSQL's variables are for PostgreSQL");
}

#[test]
fn a_password_command_runs_from_the_users_own_file_only() {
    let text = "[database]\nname = 'shop'\npassword_command = 'pass show c4n4ryS3cret'\n";
    let mut sources = with_files(sources(), &[("/config/shopctl.toml", text)]);
    sources.working_folder = Some("/work".into());
    assert_eq!(
        entry(&sources, "password"),
        pair("the output of password_command", "shopctl.toml (/config/shopctl.toml):3")
    );
    assert!(!everything_said(&sources).contains(CANARY), "a command may hold a secret");
    sources.files = vec![("/work/shopctl.toml".into(), text.to_owned())];
    let error = refused(&sources);
    assert!(error.message().contains("from a file in the working folder"), "{error}");
    sources.flags.config = Some("shopctl.toml".into());
    assert_eq!(entry(&sources, "password").0, "the output of password_command", "it was named");
}

#[test]
fn certificates_of_the_environment_complete_a_database_of_any_level() {
    let mut sources = with_file(sources(), "database_url = 'postgres://u@db.example.com/d?sslmode=require'");
    assert_eq!(entry(&sources, "ssl"), pair("require", "shopctl.toml (/work/shopctl.toml):1"));
    sources.environment = map(&[("DB_SSL_ROOT_CERT", "/ca.pem"), ("PGSSLCERT", "/c.pem"), ("PGSSLKEY", "/k.pem")]);
    assert_eq!(entry(&sources, "ssl"), pair("verify-ca", "environment DB_SSL_ROOT_CERT"));
    assert_eq!(entry(&sources, "ssl_root_cert"), pair("/ca.pem", "environment DB_SSL_ROOT_CERT"));
    assert_eq!(entry(&sources, "ssl_key"), pair("/k.pem", "environment PGSSLKEY"));
    // Those of `.env` are for a database of `.env`: it may have come with the folder.
    sources.environment = map(&[]);
    let sources = with_dotenv(sources, &[("DB_SSL_ROOT_CERT", "/evil.pem")]);
    assert!(resolved(&sources).entries.iter().all(|entry| entry.name != "ssl_root_cert"));
    // Where an authority is named, it is asked, on this machine as well.
    let local = with_environment(&[("DATABASE_URL", "postgres://u@localhost/d"), ("PGSSLROOTCERT", "/ca.pem")]);
    assert_eq!(entry(&local, "ssl"), pair("verify-full", "environment PGSSLROOTCERT"));
    let plain = [("DATABASE_URL", "postgres://u@localhost/d?sslmode=disable"), ("PGSSLROOTCERT", "/ca.pem")];
    assert_eq!(entry(&with_environment(&plain), "ssl").0, "disable");
    let stated = with_environment(&[("DATABASE_URL", "postgres://u@localhost/d"), ("DB_SSL_ROOT_CERT", "/ca.pem")]);
    assert_eq!(entry(&stated, "ssl"), pair("verify-full", "environment DB_SSL_ROOT_CERT"));
    let error = refused(&with_environment(&[
        ("DATABASE_URL", "postgres://u@localhost/d?sslmode=disable"),
        ("DB_SSL_ROOT_CERT", "/ca.pem"),
    ]));
    assert!(error.message().contains("verifies nothing"), "{error}");
}

#[test]
fn url_parameters_are_shown_with_their_origin() {
    let url = "postgres://u@127.0.0.1/d?schema=web&application_name=cron&connect_timeout=10&pgbouncer=true&\
               target_session_attrs=primary";
    let mut sources = with_environment(&[("DATABASE_URL", url), ("PGOPTIONS", "-c geqo=off")]);
    let from_url = |value| pair(value, "environment DATABASE_URL");
    assert_eq!(entry(&sources, "search_path"), from_url("\"web\""));
    assert_eq!(entry(&sources, "application_name"), from_url("cron"));
    assert_eq!(entry(&sources, "connect_timeout"), from_url("10s"));
    assert_eq!(entry(&sources, "ignored"), from_url("pgbouncer"));
    assert_eq!(entry(&sources, "target_session_attrs"), from_url("read-write"));
    assert_eq!(entry(&sources, "options"), pair("-c geqo=off", "environment PGOPTIONS"));
    sources.flags.connect_timeout = Some("3s".to_owned());
    assert_eq!(entry(&sources, "connect_timeout"), pair("3s", "flag --connect-timeout"));
    let error = refused(&with_environment(&[("DATABASE_URL", "postgres://u@h/d?connect_timeout=soon")]));
    assert!(error.message().contains("connect_timeout (environment DATABASE_URL)"), "{error}");
}

#[test]
fn weak_tls_to_a_remote_host_causes_a_warning() {
    let warnings = |url: &str| resolved(&with_environment(&[("DATABASE_URL", url)])).warnings;
    for (mode, weakness) in
        [("disable", "off"), ("prefer", "optional"), ("require", "not verified"), ("verify-ca", "name")]
    {
        let warnings = warnings(&format!("postgres://a@db.example.com/shop?sslmode={mode}"));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains(weakness) && warnings[0].contains("db.example.com"), "{warnings:?}");
    }
    assert!(warnings("postgres://a@db.example.com/shop").is_empty());
    assert!(warnings("postgres://a@127.0.0.1/shop?sslmode=disable").is_empty());
}

#[test]
fn file_errors_name_the_position_without_the_text() {
    for (text, place, what, hint) in [
        ("databse_url = 'c4n4ryS3cret'", "1:1", "unknown key databse_url", "did you mean database_url?"),
        ("'c4n4ryS3cret@h' = 1", "1:1", "unknown key", "known here"),
        ("\n[pool]\nmaxx = 'c4n4ryS3cret'", "3:1", "unknown key maxx", "did you mean max?"),
        ("[context.a]\nprotcted = true", "2:1", "unknown key", "did you mean protected?"),
        ("[context.a.database]\n  pasword = 'c4n4ryS3cret'", "2:3", "unknown key", "did you mean password?"),
        ("database = 'c4n4ryS3cret'", "1:12", "wrong kind", "correct the value"),
        ("[context.a]\nread_only = 'c4n4ryS3cret, expected x'", "2:13", "wrong kind, expected a boolean", ""),
        ("[database]\npassword = ['c4n4ryS3cret']", "2:12", "expected a text, a number", ""),
        ("[database]\npassword = c4n4ryS3cret", "2:12", "not understood", "quotes"),
        ("timeout = 1\ntimeout = 2", "2:1", "twice", "keep one"),
    ] {
        let sources = with_file(sources(), text);
        let error = refused(&sources);
        assert_eq!((error.kind(), error.code()), (Kind::Configuration, "config.file"));
        assert!(error.message().starts_with(&format!("/work/shopctl.toml:{place}: ")), "{text}: {error}");
        assert!(
            error.message().contains(what) && error.hints()[0].to_string().contains(hint),
            "{error} {:?}",
            error.hints()
        );
        assert!(!everything_said(&sources).contains(CANARY), "{error}");
    }
}

fn garbage() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        "[a-z0-9:/?#@%&=. \"'\\[\\]\\\\\n,{}_-]{0,16}",
        "(database_url|password|\\[database\\]|\\[pool\\]|name|max| = |=|'|\"|\n|1|true|, expected |`){0,8}",
    ]
}

proptest! {
    #[test]
    fn passwords_in_any_variable_are_never_shown(before in garbage(), after in garbage()) {
        let url = format!("postgres://u:{before}{CANARY}{after}@h/d");
        for variable in [
            "DATABASE_URL", "DB_DIALECT", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_SSL",
            "DB_POOL_MAX", "DB_POOL_MIN", "DB_POOL_ACQUIRE", "DB_POOL_IDLE", "SHOPCTL_TIMEOUT",
            "SHOPCTL_CONNECT_TIMEOUT", "SHOPCTL_CONTEXT",
        ] {
            let mut sources = with_environment(&[(variable, url.as_str())]);
            prop_assert!(!everything_said(&sources).contains(CANARY), "{variable}: {}", everything_said(&sources));
            sources = with_dotenv(tests::sources(), &[("DB_NAME", "d"), (variable, url.as_str())]);
            prop_assert!(!everything_said(&sources).contains(CANARY), "{variable}: {}", everything_said(&sources));
        }
    }

    #[test]
    fn errors_never_contain_parts_of_a_file(before in garbage(), after in garbage()) {
        // A key that is a plain word is named.
        let secret = format!("{CANARY}!");
        for text in [
            format!("{before}{secret}{after}"),
            format!("database_url = \"postgres://u:{before}{secret}{after}@h/d\""),
            format!("[database]\npassword = '{before}{secret}{after}'"),
            format!("[context.a.database]\npassword = {before}{secret}{after}"),
        ] {
            let sources = with_file(sources(), &text);
            if Config::resolve(&sources).is_err() {
                prop_assert!(!everything_said(&sources).contains(CANARY), "{}", everything_said(&sources));
            }
        }
    }
}
