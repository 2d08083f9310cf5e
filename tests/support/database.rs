//! Where the shops of tests are: an embedded file, or a database of their own on a server that all share.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::servers;
use super::shop::{Backend, Shop, sql_on};

/// A database on the shared server of an engine. It goes with the last shop that uses it: those of a whole run take
/// several gigabytes.
pub(super) struct OwnDatabase {
    server: &'static servers::Server,
    name: String,
}

impl OwnDatabase {
    /// `like` is the rest of the statement: a template, or nothing.
    fn create(server: &'static servers::Server, like: &str) -> Arc<OwnDatabase> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        sql_on(&server.admin_url, &format!("CREATE DATABASE {name}{like}"));
        Arc::new(OwnDatabase { server, name })
    }

    fn url(&self) -> String {
        let (base, _) = self.server.admin_url.rsplit_once('/').expect("a URL with a path");
        format!("{base}/{}", self.name)
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let statement = match self.server.admin_url.starts_with("postgres") {
            true => "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            // A session that a test left open would otherwise be waited for until the end of the day.
            false => "SET lock_wait_timeout = 10; DROP DATABASE IF EXISTS {}",
        };
        let (url, statement) = (&self.server.admin_url, statement.replace("{}", &self.name));
        // In a thread of its own, as a shop may end inside a runtime. Should it fail, its test has failed before.
        std::thread::scope(|scope| drop(scope.spawn(|| sql_on(url, &statement)).join()));
    }
}

impl Shop {
    /// An empty database; `None` if the backend is not available.
    pub fn empty(backend: Backend) -> Option<Shop> {
        Some(match backend {
            Backend::Sqlite => Shop::in_its_home(),
            Backend::Postgres => Shop::on(backend, OwnDatabase::create(servers::postgres()?, "")),
            Backend::MariaDb => Shop::on(backend, OwnDatabase::create(servers::mariadb()?, "")),
        })
    }

    /// A shop with the schema of the first release, so that a later migration changes nothing about reverting its last.
    pub fn of_first_schema(backend: Backend) -> Option<Shop> {
        let shop = Shop::empty(backend)?;
        shop.run(&["migrate", "up", "--to", "m20260101_000011_create_audit_seals"]).success();
        Some(shop)
    }

    fn in_its_home() -> Shop {
        let shop = Shop::at(Backend::Sqlite, String::new());
        Shop { url: format!("sqlite:{}", shop.path("shop.db").display()), ..shop }
    }

    fn on(backend: Backend, database: Arc<OwnDatabase>) -> Shop {
        Shop { database: Some(database.clone()), ..Shop::at(backend, database.url()) }
    }

    /// A database with the schema, for development: where the engine can copy one, it is migrated once for all tests.
    pub fn migrated(backend: Backend) -> Option<Shop> {
        static FILE: OnceLock<Vec<u8>> = OnceLock::new();
        static TEMPLATE: OnceLock<Option<Shop>> = OnceLock::new();
        let migrated = || {
            let shop = Shop::empty(backend)?;
            shop.run(&["migrate", "up"]).success();
            shop.run(&["migrate", "env", "development"]).success();
            Some(shop)
        };
        match backend {
            Backend::Sqlite => {
                let content = FILE.get_or_init(|| {
                    let shop = migrated().expect("always there");
                    fs::read(shop.path("shop.db")).expect("just migrated")
                });
                let shop = Shop::in_its_home();
                let file = shop.path("shop.db");
                fs::write(&file, content).expect("the test's own folder");
                fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("the test's own file");
                Some(shop)
            }
            Backend::Postgres => {
                let template = TEMPLATE.get_or_init(migrated).as_ref()?.database_name();
                let like = format!(" TEMPLATE {template}");
                Some(Shop::on(backend, OwnDatabase::create(servers::postgres()?, &like)))
            }
            Backend::MariaDb => migrated(),
        }
    }
}
