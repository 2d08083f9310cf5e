use proptest::prelude::*;

use super::*;
use crate::db::target::SessionRole;
use crate::error::{Invocation, Kind};

const CANARY: &str = "c4n4ryS3cret";

fn server(text: &str) -> ServerTarget {
    match Target::parse_url(text) {
        Ok(Target::Server(server)) => server,
        other => panic!("{text}: {other:?}"),
    }
}

fn shown(text: &str) -> String {
    Target::parse_url(text).map_or_else(|error| panic!("{text}: {error}"), |target| target.to_string())
}

fn refused(text: &str) -> Error {
    let error = Target::parse_url(text).expect_err(text);
    assert_eq!((error.kind(), error.code()), (Kind::Configuration, "config.database_url"), "{text}");
    assert!(!error.hints().is_empty(), "{text}");
    error
}

fn everything_said(text: &str) -> String {
    match Target::parse_url(text) {
        Ok(target) => format!("{target} {target:?} {target:#?}"),
        Err(error) => format!(
            "{error} {error:?} {} {}",
            error.json_document(&Invocation::default()),
            error.hint_lines(&Invocation::default()).join(" ")
        ),
    }
}

#[test]
fn urls_are_taken_apart_and_shown_without_the_password() {
    let target = server("postgresql://ann:p%40ss%2Fword@db.example.com/shop");
    assert_eq!(target.password, Some(Password::Known(Secret::new("p@ss/word"))));
    assert_eq!((target.port, target.ssl), (5432, SslMode::VerifyFull));
    let target = server("mariadb://a%3Ab@db.example.com:3307/my%20shop?ssl-ca=/ca%2B1.pem");
    assert_eq!((target.engine.engine, target.port), (Engine::Mysql, 3307));
    assert_eq!((target.user.as_str(), target.database.as_str()), ("a:b", "my shop"));
    assert_eq!(target.certificates.root, Some("/ca+1.pem".into()));
    for (url, text) in [
        ("postgresql://ann:x@db.example.com/shop", "postgres://ann@db.example.com/shop"),
        ("postgres://ann@db.example.com:5432/shop", "postgres://ann@db.example.com/shop"),
        ("mariadb://root@127.0.0.1:3307/shop?ssl-mode=DISABLED", "mysql://root@127.0.0.1:3307/shop"),
        ("MYSQL://h/shop", "mysql://root@h/shop"),
        ("postgres://u@[::1]:5433/shop", "postgres://u@[::1]:5433/shop"),
        ("postgres:///shop", "postgres://postgres@localhost/shop"),
        ("sqlite:/path/shop.db", "sqlite:/path/shop.db"),
        ("sqlite:///path/shop.db", "sqlite:/path/shop.db"),
        ("sqlite://a/b.db?mode=rwc", "sqlite:a/b.db"),
        ("sqlite:50%25%3F.db", "sqlite:50%25%3F.db"),
    ] {
        assert_eq!(shown(url), text);
        assert_eq!(shown(text), text, "what is shown can be used again");
    }
}

#[test]
fn sockets_are_named_by_a_parameter_or_an_encoded_host() {
    for url in [
        "postgres://u@/shop?host=/run/postgresql",
        "postgres://u@localhost/shop?host=%2Frun%2Fpostgresql",
        "postgres://u@%2Frun%2Fpostgresql/shop",
    ] {
        let target = server(url);
        assert_eq!((target.host.as_str(), target.ssl), ("/run/postgresql", SslMode::Prefer), "{url}");
        assert_eq!(shown(url), "postgres://u@/shop?host=/run/postgresql");
    }
    assert_eq!(shown("mysql://u@/shop?socket=/run/my.sock"), "mysql://u@/shop?socket=/run/my.sock");
    let unusual = "postgres://u@localhost:5433/shop?host=/run/postgresql";
    assert_eq!(shown(unusual), unusual);
    refused("mysql://u@/shop?socket=my.sock");
}

#[test]
fn the_parameter_decides_the_tls_mode_whatever_its_spelling() {
    for name in ["sslmode", "ssl-mode", "ssl_mode"] {
        assert_eq!(server(&format!("postgres://h/d?{name}=require")).ssl, SslMode::Require);
    }
    assert_eq!(server("mysql://h/d?ssl-mode=VERIFY_IDENTITY").ssl, SslMode::VerifyFull);
    assert_eq!(server("postgres://h/d?sslmode=allow").ssl, SslMode::Prefer, "with TLS first is no weaker");
    assert!(refused("postgres://h/d?sslmode=perhaps").message().contains("must be one of disable"));
    // The choice decides whether a password is sent unencrypted.
    assert!(refused("postgres://h/d?sslmode=verify-full&ssl-mode=disable").message().contains("twice"));
}

#[test]
fn an_unknown_parameter_is_named_by_its_place_or_by_a_public_word() {
    let message = |url: &str| refused(url).message().to_owned();
    assert!(message("postgres://h/d?sslcrl=/x.crl").contains("the parameter sslcrl"));
    assert!(message("postgres://h/d?sslmod=require").contains("did you mean sslmode?"));
    let message = message("postgres://h/d?sslmode=require&c4n4ry=1");
    assert!(message.contains("number 2") && !message.contains("c4n4ry"), "{message}");
}

#[test]
fn urls_of_hosting_platforms_are_taken() {
    for (url, ssl) in [
        ("postgres://u:p@h/d?sslmode=require&channel_binding=require", SslMode::VerifyFull),
        ("postgres://u:p@h/d?sslmode=require&channel_binding=prefer", SslMode::Require),
        ("postgres://u:p@h/d?pgbouncer=true&connection_limit=1&pool_timeout=0", SslMode::VerifyFull),
        ("postgres://u:p@h/d?ssl=true", SslMode::VerifyFull),
        ("postgres://u:p@h/d?sslaccept=strict", SslMode::VerifyFull),
        ("postgres://u:p@h/d?sslaccept=accept_invalid_certs", SslMode::Require),
        ("postgres://u:p@h/d?sslmode=no-verify", SslMode::Require),
        ("postgres://u:p@h/d?sslmode=prefer&ssl=true", SslMode::VerifyFull),
        ("mysql://u:p@h/d?ssl-mode=REQUIRED", SslMode::Require),
        ("mysql://u:p@h/d?sslMode=VERIFY_IDENTITY&connectTimeout=10000", SslMode::VerifyFull),
        ("mysql://u:p@h/d?useSSL=true&serverTimezone=UTC&charset=utf8mb4", SslMode::VerifyFull),
        ("mysql://u:p@h/d?ssl={%22rejectUnauthorized%22:true}", SslMode::VerifyFull),
        ("mysql://u:p@h/d?tls=skip-verify&parseTime=true", SslMode::Require),
    ] {
        assert_eq!(server(url).ssl, ssl, "{url}");
    }
    let target = server("postgres://h/d?schema=My%20Shop&application_name=web&options=-c%20statement_timeout%3D5s");
    assert_eq!(target.session.search_path.as_deref(), Some("\"My Shop\""));
    assert_eq!(target.session.application_name.as_deref(), Some("web"));
    assert_eq!(target.session.options.as_deref(), Some("-c statement_timeout=5s"));
    let parsed = parse("postgres://h/d?connect_timeout=10&pgbouncer=true", "the URL").expect("taken");
    assert_eq!((parsed.connect_timeout.as_deref(), parsed.ignored), (Some("10s"), vec!["pgbouncer"]));
}

#[test]
fn a_limit_in_milliseconds_is_read_as_such() {
    for (url, limit) in [
        ("mysql://h/d?connectTimeout=10000", Some("10000ms")),
        ("mysql://h/d?connectTimeout=0", None),
        ("mysql://h/d?connect_timeout=10", Some("10s")),
        ("postgres://h/d?connectTimeout=10", Some("10s")),
    ] {
        assert_eq!(parse(url, "the URL").expect("taken").connect_timeout.as_deref(), limit, "{url}");
    }
}

#[test]
fn what_is_meant_as_a_file_is_not_told_about_passwords() {
    for url in ["sqlite::memory:", "sqlite:", "sqlite:x.db?cache=shared", "file:shop.db", "shop.db", "/tmp/shop.db"] {
        let hints = refused(url).hint_lines(&Invocation::default()).join("\n");
        assert!(hints.contains("sqlite:shop.db") && !hints.contains("password"), "{url}: {hints}");
    }
    let hints = refused("postgers://u:p@ss@h/d").hint_lines(&Invocation::default()).join("\n");
    assert!(hints.contains("begins with postgres://"), "{hints}");
    let hints = refused("postgres:u:p@ss@h/d").hint_lines(&Invocation::default()).join("\n");
    assert!(hints.contains("password"), "{hints}");
}

#[test]
fn a_schema_of_the_servers_own_is_no_place_for_a_shop() {
    for query in ["schema=pg_catalog", "search_path=pg_catalog", "search_path=''", "search_path=information_schema"] {
        let message = refused(&format!("postgres://h/d?{query}")).message().to_owned();
        assert!(message.contains("where tables can"), "{message}");
    }
    let target = server("postgres://h/d?search_path=web,pg_catalog");
    assert_eq!(target.session.search_path.as_deref(), Some("\"web\",\"pg_catalog\""));
}

#[test]
fn what_cannot_be_honoured_is_refused_by_its_name() {
    for (parameter, name) in [
        ("sslcrl=/x", "sslcrl"),
        ("require_auth=scram-sha-256", "require_auth"),
        ("sslpassword=x", "sslpassword"),
        ("gssencmode=require", "gssencmode"),
        ("sslnegotiation=direct", "sslnegotiation"),
        ("ssl_min_protocol_version=TLSv1.3", "ssl_min_protocol_version"),
        ("service=x", "service"),
        ("target_session_attrs=perhaps", "target_session_attrs"),
        ("channel_binding=perhaps", "channel_binding"),
        ("sslaccept=perhaps", "sslaccept"),
    ] {
        let error = refused(&format!("postgres://u@h/d?{parameter}"));
        assert!(error.message().contains(name), "{error}");
    }
    assert!(refused("mysql://h/d?schema=x").message().contains("has no meaning for MySQL"));
    // A mode that would ignore the given authority.
    for mode in ["disable", "prefer", "allow"] {
        let error = refused(&format!("postgres://h/d?sslmode={mode}&sslrootcert=/x"));
        assert!(error.message().contains("verifies nothing"), "{error}");
        let hints = error.hint_lines(&Invocation::default()).join(" ");
        assert!(hints.contains("sslmode=verify-full") && !hints.contains("percent"), "{hints}");
    }
    assert_eq!(server("postgres://h/d?sslmode=require&sslrootcert=/x").ssl, SslMode::VerifyCa, "as in libpq");
    assert_eq!(server("postgres://localhost/d?sslrootcert=/x").ssl, SslMode::VerifyFull);
}

#[test]
fn several_hosts_are_tried_in_their_order() {
    let text = "postgres://u@h1,h2:5433,[::1]/d";
    let target = server(&format!("{text}?target_session_attrs=read-write"));
    let hosts: Vec<_> = target.hosts().collect();
    assert_eq!(hosts, [("h1", 5432), ("h2", 5433), ("::1", 5432)]);
    assert_eq!((target.ssl, target.session.role), (SslMode::VerifyFull, Some(SessionRole::ReadWrite)));
    assert_eq!((shown(text).as_str(), shown(&shown(text)).as_str()), (text, text));
    assert_eq!(server("postgres://localhost,127.0.0.1/d").ssl, SslMode::Prefer);
    for url in ["postgres://h1,/d", "postgres://h1,h2,,h3/d", "postgres://h1,u:p@h2/d", "postgres://h1,h2/d?host=h3"] {
        let known = server("postgres://h1/d");
        match Target::parse_url(url) {
            Ok(Target::Server(server)) => assert_ne!(server, known, "{url}"),
            Ok(_) => panic!("{url}"),
            Err(error) => assert_eq!(error.code(), "config.database_url"),
        }
    }
}

#[test]
fn a_tilde_is_the_home_folder() {
    let home = std::env::home_dir().expect("tests have one");
    let Ok(Target::Sqlite(file)) = Target::parse_url("sqlite:~/y.db") else { panic!() };
    assert_eq!(file.path, home.join("y.db"));
    assert_eq!(server("postgres://h/d?sslrootcert=~/ca.pem").certificates.root, Some(home.join("ca.pem")));
    for url in ["sqlite:~", "sqlite:~ann/y.db"] {
        assert!(refused(url).message().contains("begins with ~"), "{url}");
    }
}

#[test]
fn a_database_in_memory_would_be_gone_with_the_command() {
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite:%3Amemory:", "sqlite:file::memory:", "sqlite:"] {
        assert!(refused(url).message().contains("in memory"), "{url}");
    }
    for url in ["sqlite:x.db?mode=memory", "sqlite:x.db?mode=ro", "sqlite:x.db?cache=shared", "sqlite:x.db?mode"] {
        refused(url);
    }
}

#[test]
fn what_no_database_can_be_reached_by_is_refused() {
    for url in [
        "",
        "shop.db",
        "postgres",
        "postgres:shop",
        "postgres:/shop",
        "postgres://",
        "postgres://h",
        "postgres://h/",
        "postgres://h/a/b",
        "postgres://h:0/d",
        "postgres://h:65536/d",
        "postgres://:5433/d",
        "postgres://u@h/d?host=",
        "postgres://u@h/d?sslrootcert=",
        "postgres://u@h/d#x",
        "postgres://u:p%00@h/d",
        "postgres://u:p\tq@h/d",
        "postgres://u@h%0A/d",
        "postgres://u%1B@h/d",
        "postgres://u@h/%FF",
        "oracle://h/d",
        "sqlite:a%00b.db",
    ] {
        refused(url);
    }
}

#[test]
fn a_wrong_port_or_a_missing_name_is_not_blamed_on_the_password() {
    for (url, said) in [
        ("postgres://u:secret@h:99999/d", "port"),
        ("mysql://h:0/d", "port"),
        ("postgres://a,b:70000/d", "port"),
        ("postgres://u:secret@h", "database name"),
    ] {
        let error = refused(url);
        let hints = error.hint_lines(&Invocation::default()).join(" ");
        assert!(error.message().contains(said) && !hints.contains("password"), "{url}: {error} {hints}");
    }
}

#[test]
fn a_password_cut_short_by_its_own_characters_is_not_shown() {
    for url in [
        format!("postgres://u:12/{CANARY}@h/d"),
        format!("postgres://u:12?{CANARY}@h/d"),
        format!("postgres://u:12#{CANARY}@h/d"),
        format!("postgres://u:12?host={CANARY}@h/d"),
        format!("postgres://u:12/x?host={CANARY}@h/d"),
        format!("postgres://u:12/x?sslrootcert={CANARY}@h/d"),
        format!("postgres:u:{CANARY}@h/d"),
        format!("postgres:/u:{CANARY}@h/d"),
        format!("postgres:ann:{CANARY}"),
        format!("sqlite://u:{CANARY}@h/d"),
        format!("sqlite:postgres://u:{CANARY}@h/d"),
        format!("postgers://u:{CANARY}@h/d"),
        format!("postgres://u@h/d?password={CANARY}"),
        format!("postgres://u@h/d?sslmode={CANARY}"),
        CANARY.to_owned(),
    ] {
        let error = refused(&url);
        let said = format!(
            "{error} {error:?} {} {}",
            error.json_document(&Invocation::default()),
            error.hint_lines(&Invocation::default()).join(" ")
        );
        assert!(!said.contains(CANARY), "{said} from {url}");
    }
}

/// Mostly characters that mean something in a URL, so that the garbage reaches every branch.
fn garbage() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9:/?#@%&=. \\[\\]\\\\+_-]{0,16}",
        "\\PC{0,12}",
        "(postgres|mysql|sqlite|host|sslmode|://|//|=|\\?|&|%40|@|:|/|#|h|d|5432){0,8}",
    ]
}

proptest! {
    #[test]
    fn an_error_never_repeats_a_piece_of_the_url(before in garbage(), after in garbage()) {
        for text in [
            format!("{before}{CANARY}{after}"),
            format!("postgres://{before}{CANARY}{after}"),
            format!("mysql://u:{before}{CANARY}{after}"),
            format!("sqlite:{before}{CANARY}{after}"),
            format!("postgres://u@h/d?{before}{CANARY}{after}"),
        ] {
            // What was understood has its parts in their places; the password is looked at below.
            if Target::parse_url(&text).is_err() {
                prop_assert!(!everything_said(&text).contains(CANARY), "{} from {text}", everything_said(&text));
            }
        }
    }

    #[test]
    fn a_raw_password_is_never_shown_whatever_surrounds_it(before in garbage(), after in garbage()) {
        for scheme in ["postgres", "postgresql", "mysql", "mariadb", "sqlite", "postgers"] {
            let text = format!("{scheme}://user:{before}{CANARY}{after}@db.example.com/shop");
            prop_assert!(!everything_said(&text).contains(CANARY), "{} from {text}", everything_said(&text));
        }
    }

    #[test]
    fn any_encoded_password_arrives_whole_and_hidden(password in "[^\\x00]{0,12}") {
        let password = format!("{password}{CANARY}");
        let encoded = percent_encoding::utf8_percent_encode(&password, percent_encoding::NON_ALPHANUMERIC);
        let text = format!("postgres://user:{encoded}@db.example.com/shop");
        prop_assert_eq!(server(&text).password, Some(Password::Known(Secret::new(password))));
        prop_assert!(!everything_said(&text).contains(CANARY));
    }
}

#[test]
fn an_unknown_parameter_is_answered_with_all_that_count() {
    let told = |url: &str| Target::parse_url(url).expect_err("unknown").to_string();
    let (postgres, mysql) = (told("postgres://u@h/d?foo=bar"), told("mysql://u@h/d?foo=bar"));
    let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
    let rows = include_str!("../../../../README.md").lines().skip_while(|line| !line.starts_with("| in the URL |"));
    let rows = rows.skip(2).take_while(|line| line.starts_with("| `") && !line.contains("| ignored"));
    let names = rows.flat_map(|row| row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2));
    let names: Vec<&str> =
        names.filter(|name| !name.contains("HOST")).map(|name| name.split('=').next().unwrap_or_default()).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(plain(&postgres).contains(&plain(name)), "{name} is not in {postgres}");
    }
    assert!(mysql.contains("sslaccept") && !mysql.contains("passfile"), "{mysql}");
    assert!(!postgres.contains("foo") && !postgres.contains("pgbouncer"), "{postgres}");
}
