//! Logins on a test server besides the superuser.

use super::{Backend, Shop};

/// Makes a login that may do nothing yet. Logins belong to the whole server: the name has to be a test's own.
pub fn create(shop: &Shop, name: &str) {
    shop.sql(&match shop.backend {
        Backend::MariaDb => format!("CREATE USER `{}`", name.replace('`', "``")),
        _ => format!("CREATE ROLE \"{}\" LOGIN", name.replace('"', "\"\"")),
    });
}

/// The shop as it is reached by a login that is there.
pub fn login(shop: &Shop, name: &str) -> Shop {
    shop.with_url(url_as(shop, name))
}

/// A login of a name of its own with these rights on the shop's tables.
pub fn login_with(shop: &Shop, what: &str, rights: &str) -> Shop {
    let (database, name) = (shop.database_name(), format!("{what}_of_{}", shop.database_name()));
    create(shop, &name);
    shop.sql(&match shop.backend {
        Backend::MariaDb => format!("GRANT {rights} ON {database}.* TO {name}"),
        _ => format!("GRANT {rights} ON ALL TABLES IN SCHEMA public TO {name}"),
    });
    login(shop, &name)
}

/// The URL of the one login that every test may have and that has to show its password, `right`; it has no
/// rights on a test's tables.
pub fn secret_user(shop: &Shop) -> String {
    shop.sql(match shop.backend {
        Backend::MariaDb => "CREATE USER IF NOT EXISTS 'secret_user'@'%' IDENTIFIED BY 'right'",
        _ => {
            "DO $$ BEGIN CREATE ROLE secret_user LOGIN PASSWORD 'right'; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        }
    });
    url_as(shop, "secret_user")
}

/// The shop's URL with another user.
fn url_as(shop: &Shop, user: &str) -> String {
    let all_mighty = if shop.backend == Backend::MariaDb { "root@" } else { "postgres@" };
    shop.url.replacen(all_mighty, &format!("{user}@"), 1)
}
