//! `quickstart`: where it creates its shop, and where it refuses to.

use crate::support::{Backend, Shop};

#[test]
fn quickstart_creates_a_shop_and_can_be_repeated() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(shop) = Shop::empty(backend) else { continue };
        let arguments = ["quickstart", "--database-url", &shop.url, "--quiet", "--no-input"];
        let run = |shop: &Shop| {
            crate::support::shop::finish(
                shop.command(&arguments).env_remove("DATABASE_URL").spawn().expect("built"),
                &arguments,
            )
        };
        run(&shop).success();
        run(&shop).success();
        assert_eq!(shop.number("SELECT COUNT(*) FROM orders"), 6, "four of the seed, one of each run");
        shop.assert_invariants();
        shop.run(&["migrate", "env", "production"]).success();
        run(&shop).exits_with(11).says("quickstart.other_shop");
        let other = Shop::migrated(backend).expect("the backend is there");
        let before = other.counts();
        let arguments = ["quickstart", "--database-url", &other.url];
        let command = other.command(&arguments).env_remove("DATABASE_URL").spawn().expect("built");
        crate::support::shop::finish(command, &arguments).exits_with(11).says("did not create");
        assert_eq!(other.counts(), before);
    }
}

#[test]
fn quickstart_is_rejected_beside_existing_seeds() {
    for shop in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb].into_iter().filter_map(Shop::empty) {
        let url = &shop.url;
        let text = format!(
            "[context.live]\ndatabase_url = '{url}'\nprotected = true\n\
             [context.look]\ndatabase_url = '{url}'\nread_only = true\n[context.plain]\ndatabase_url = '{url}'\n"
        );
        shop.file("shopctl.toml", &text);
        let run = |arguments: &[&str]| {
            let mut command = shop.command(arguments);
            command.env_remove("DATABASE_URL");
            crate::support::shop::finish(command.spawn().expect("built"), arguments)
        };
        run(&["quickstart", "-c", "live"]).exits_with(11).says("protected").says("--context");
        run(&["quickstart", "-c", "look"]).exits_with(11).says("read-only");
        if shop.backend == Backend::Sqlite {
            assert!(!shop.path("shop.db").exists(), "nothing was made");
        }
        run(&["migrate", "up", "-c", "plain"]).success();
        let refused = run(&["quickstart", "-c", "plain"]).exits_with(11);
        refused.says("shopctl --context plain migrate env development");
        run(&["migrate", "env", "production", "-c", "plain"]).success();
        let refused = run(&["quickstart", "-c", "plain"]).exits_with(11).says("for production");
        assert!(!refused.stderr.contains("seed up"), "seeds are refused there: {refused}");
        run(&["migrate", "reset", "--confirm", &shop.database_name(), "-c", "plain"]).success();
        run(&["quickstart", "-c", "plain"]).exits_with(11).says("for production");
        assert_eq!(run(&["migrate", "env", "-c", "plain"]).success().stdout.trim(), "production");
        run(&["migrate", "env", "development", "--confirm", &shop.database_name(), "-c", "plain"]).success();
        run(&["migrate", "up", "-c", "plain"]).success();
        run(&["quickstart", "-c", "plain"]).exits_with(11).says("shopctl --context plain seed up");
        run(&["seed", "up", "-c", "plain"]).success();
    }
}

#[test]
fn quickstart_ignores_the_database_of_the_environment() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    shop.run(&["quickstart"]).success();
    assert!(!shop.path("shop.db").exists(), "the database of the environment was touched");
    assert!(shop.path(".local/share/shopctl/shop.db").exists());
}
