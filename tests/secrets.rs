//! No output of shopctl contains a password, a hash or a secret of a URL.

use crate::support::shop::finish;
use crate::support::{Backend, Shop, servers};

const CANARY: &str = "c4n4ryS3cret";

fn assert_hidden(shop: &Shop, arguments: &[&str], url: &str) {
    for variables in [vec![], vec![("RUST_LOG", "trace")], vec![("RUST_BACKTRACE", "full")]] {
        for verbosity in [vec![], vec!["-vv"], vec!["--json", "-vv"]] {
            let arguments: Vec<&str> = arguments.iter().copied().chain(verbosity).collect();
            let mut command = shop.command(&arguments);
            command.env("DATABASE_URL", url).envs(variables.clone());
            let run = finish(command.spawn().expect("built"), &arguments);
            assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY), "{url} leaks in {run}");
        }
    }
}

#[test]
fn a_url_never_reveals_its_password() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let port = servers::free_port();
    for url in [
        format!("postgres://ann:{CANARY}@127.0.0.1:{port}/shop"),
        format!("mysql://ann:{CANARY}@127.0.0.1:{port}/shop"),
        format!("postgres://ann:{CANARY}@/"),
        format!("postgres:/ann:{CANARY}@127.0.0.1/shop"),
        format!("postgres://ann:{CANARY}@127.0.0.1:notaport/shop"),
        format!("postgres://ann:12/{CANARY}@127.0.0.1/shop"),
        format!("postgres://ann:12?{CANARY}@127.0.0.1/shop"),
        format!("postgres://ann:12#{CANARY}@127.0.0.1/shop"),
        format!("postgres://ann:%zz{CANARY}@127.0.0.1/shop?x={CANARY}"),
        format!("postgers://ann:{CANARY}@127.0.0.1/shop"),
        format!("sqlite://bob:{CANARY}@h/x"),
        format!("postgres://127.0.0.1:{port}/db;password={CANARY}"),
        format!("postgres://ann:1/2/{CANARY}@127.0.0.1/shop"),
        CANARY.to_owned(),
    ] {
        assert_hidden(&shop, &["config", "show"], &url);
        assert_hidden(&shop, &["user", "list"], &url);
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let shop = Shop::migrated(Backend::Sqlite).expect("always there");
    let url = format!("mongodb://ann:{CANARY}@127.0.0.1/shop");
    for line in [
        &["user", "set-password", "ann@example.com", CANARY][..],
        &["user", "set-password", "ann@example.com", "--password-file", CANARY],
        &["user", "verify-password", "ann@example.com", "--password", CANARY],
        &["user", "create", CANARY],
        &["user", "show", &url],
        &["config", "show", &url],
        &["config", "show", "--config", &url],
        &["config", "show", "--context", &url],
        &["config", "show", "--tz", &url],
        &["config", "show", "--actor", &url],
    ] {
        assert_hidden(&shop, line, &shop.url);
    }
    for variables in [
        &[("SHOPCTL_CONTEXT", CANARY)][..],
        &[("SHOPCTL_CONTEXT", &url)],
        &[("TZ", &url)],
        &[("DB_DIALECT", "postgres"), ("DB_HOST", "127.0.0.1"), ("DB_NAME", "d"), ("DB_PASSWORD_FILE", CANARY)],
        &[("DB_DIALECT", "postgres"), ("DB_HOST", "127.0.0.1"), ("DB_NAME", "d"), ("DB_PASSWORD_FILE", &url)],
    ] {
        for line in [&["user", "list"][..], &["config", "show"], &["user", "list", "--json"]] {
            let mut command = shop.command(line);
            command.env_remove("DATABASE_URL").envs(variables.iter().copied());
            let run = finish(command.spawn().expect("built"), line);
            assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY), "{variables:?} leaks in {run}");
        }
    }
}

#[test]
fn logged_statements_hide_their_values() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::migrated(backend) else { continue };
        let arguments = [
            "user",
            "create",
            "--email",
            "ann@example.com",
            "--first-name",
            "A",
            "--last-name",
            "B",
            "--password-stdin",
            "-vv",
        ];
        let run = shop.run_with_input(&arguments, &format!("{CANARY}\n")).success();
        assert!(run.stderr.contains("INSERT INTO"), "the text of statements is there: {run}");
        let hash = shop.column("SELECT password_hash FROM users");
        assert!(hash[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        for secret in [CANARY, hash[0].as_str(), "$argon2id"] {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{secret} leaks in {run}");
        }
        for arguments in [
            vec!["user", "show", "ann@example.com", "--json"],
            vec!["user", "list", "-o", "csv"],
            vec!["audit", "list", "--json"],
        ] {
            let run = shop.run(&arguments).success();
            assert!(!run.stdout.contains("argon2") && !run.stdout.contains("password_hash"), "{run}");
        }
        let run = shop
            .run_with_input(
                &["user", "set-password", "ann@example.com", "--password-stdin", "--json", "-vv"],
                &format!("{CANARY}2\n"),
            )
            .success();
        assert!(!run.stdout.contains("argon2") && !run.stderr.contains(CANARY), "{run}");
        assert_ne!(shop.column("SELECT password_hash FROM users"), hash);
    }
}
