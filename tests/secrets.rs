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
