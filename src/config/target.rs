//! Which database is meant: the highest source that names one, as a URL or in parts.

use super::Sources;
use super::sources::{ChosenContext, Parts};
use crate::db::target::{Engine, Secret, ServerTarget, SqliteTarget, SslMode, Target, default_user};
use crate::domain::Violations;
use crate::error::{Error, Result};

/// The target and where it was named.
pub struct Chosen {
    pub target: Target,
    pub origin: String,
    pub ssl_origin: String,
    pub is_default: bool,
}

const PARTS: [&str; 7] = ["DB_DIALECT", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_SSL"];

/// Errors: exit 2 when one level names the target twice; exit 4 for a target that makes no sense.
pub fn choose(sources: &Sources, context: Option<&ChosenContext>) -> Result<Chosen> {
    if let (Some(_), Some(context)) = (&sources.flags.database_url, context) {
        return Err(named_twice("--database-url", &context.origin));
    }
    if let Some(url) = &sources.flags.database_url {
        return from_url(url, "flag --database-url".to_owned());
    }
    if let Some(context) = context {
        let place = format!("{} [context.{}]", context.file.display(), context.name);
        let chosen = from_file(context.settings.database_url.as_ref(), context.settings.database.as_ref(), &place)?;
        return chosen.ok_or_else(|| {
            Error::configuration("config.context", format!("{place} names no database"))
                .hint("add database_url = \"…\" or a database table")
        });
    }
    for (place, variables) in [("environment", &sources.environment), (".env", &sources.dotenv)] {
        let get = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let parts: Vec<&str> = PARTS.into_iter().filter(|name| get(name).is_some()).collect();
        match (get("DATABASE_URL"), parts.first()) {
            (Some(_), Some(part)) => {
                return Err(named_twice(&format!("{place} DATABASE_URL"), &format!("{place} {part}")));
            }
            (Some(url), None) => return from_url(url, format!("{place} DATABASE_URL")),
            (None, Some(_)) => return from_variables(place, &parts, &get),
            (None, None) => {}
        }
    }
    for (path, file) in &sources.files {
        let place = path.display().to_string();
        if let Some(chosen) = from_file(file.database_url.as_ref(), file.database.as_ref(), &place)? {
            return Ok(chosen);
        }
    }
    Ok(Chosen {
        target: Target::Sqlite(sources.embedded_default()),
        origin: "default".to_owned(),
        ssl_origin: String::new(),
        is_default: true,
    })
}

fn named_twice(one: &str, other: &str) -> Error {
    Error::usage(format!("the database is named twice: by {one} and by {other}")).hint("keep one of them")
}

fn from_url(url: &str, origin: String) -> Result<Chosen> {
    let target = Target::parse_url(url).map_err(|problem| {
        Error::configuration("config.database_url", format!("the database URL ({origin}) {problem}"))
    })?;
    let ssl_origin = if url.contains("ssl") { origin.clone() } else { "default".to_owned() };
    Ok(Chosen { target, origin, ssl_origin, is_default: false })
}

fn from_file(url: Option<&String>, parts: Option<&Parts>, place: &str) -> Result<Option<Chosen>> {
    match (url, parts) {
        (Some(_), Some(_)) => Err(named_twice(&format!("{place} database_url"), &format!("{place} [database]"))),
        (Some(url), None) => from_url(url, place.to_owned()).map(Some),
        (None, Some(parts)) => from_parts(parts, place.to_owned()).map(Some),
        (None, None) => Ok(None),
    }
}

fn from_variables<'a>(place: &str, names: &[&str], get: &impl Fn(&str) -> Option<&'a String>) -> Result<Chosen> {
    let text = |name: &str| get(name).cloned();
    let port = match text("DB_PORT").map(|port| port.trim().parse::<u16>()) {
        Some(Err(_)) => {
            return Err(Error::configuration("config.invalid", format!("{place} DB_PORT must be between 1 and 65535")));
        }
        Some(Ok(port)) => Some(port),
        None => None,
    };
    let parts = Parts {
        dialect: text("DB_DIALECT"),
        host: text("DB_HOST"),
        port,
        name: text("DB_NAME"),
        user: text("DB_USER"),
        password: text("DB_PASSWORD").map(Secret::new),
        ssl: text("DB_SSL").map(toml::Value::String),
    };
    from_parts(&parts, format!("{place} {}", names.join(", ")))
}

fn from_parts(parts: &Parts, origin: String) -> Result<Chosen> {
    let mut violations = Violations::new();
    let dialect = parts.dialect.as_deref().unwrap_or("postgres");
    let engine = violations.parse("dialect", dialect, |text| {
        Engine::parse(&text.trim().to_ascii_lowercase())
            .ok_or_else(|| "is none of sqlite, postgres, mysql, mariadb".to_owned())
    });
    let ssl = match &parts.ssl {
        Some(value) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            violations.parse("ssl", &text, SslMode::parse)
        }
        None => None,
    };
    if parts.name.is_none() {
        violations.add("name", "the database's name is missing (DB_NAME)");
    }
    violations.into_result().map_err(|error| {
        Error::configuration("config.invalid", format!("the database ({origin}): {}", error.message()))
    })?;
    let engine = engine.unwrap_or_default();
    let name = parts.name.clone().unwrap_or_default();
    let target = if engine == Engine::Sqlite {
        Target::Sqlite(SqliteTarget { path: name.into() })
    } else {
        let host = parts.host.clone().unwrap_or_else(|| "localhost".to_owned());
        Target::Server(ServerTarget {
            engine,
            port: parts.port.unwrap_or(engine.default_port()),
            database: name,
            user: parts.user.clone().unwrap_or_else(|| default_user(engine).to_owned()),
            password: parts.password.clone(),
            ssl: ssl.unwrap_or(SslMode::default_for(&host)),
            ssl_root_certificate: None,
            host,
        })
    };
    let ssl_origin = if parts.ssl.is_some() { origin.clone() } else { "default".to_owned() };
    Ok(Chosen { target, origin, ssl_origin, is_default: false })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Config, Flags, Sources};
    use crate::error::Kind;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn sources() -> Sources {
        Sources { data_folder: "/data".into(), system_user: "tester".to_owned(), ..Sources::default() }
    }

    fn database(config: &Config) -> (String, String) {
        let entry = config.entries().iter().find(|entry| entry.name == "database").unwrap();
        (entry.value.clone(), entry.origin.clone())
    }

    #[test]
    fn the_highest_source_that_names_a_database_wins() {
        let mut sources = sources();
        let resolved = Config::resolve(&sources).unwrap();
        assert!(resolved.is_embedded_default);
        assert_eq!(database(&resolved), ("sqlite:/data/shop.db".to_owned(), "default".to_owned()));
        sources.dotenv = map(&[("DATABASE_URL", "sqlite:dotenv.db")]);
        assert_eq!(database(&Config::resolve(&sources).unwrap()).1, ".env DATABASE_URL");
        sources.environment = map(&[("DB_NAME", "shop"), ("DB_HOST", "db.example.com"), ("DB_PASSWORD", "s3cret/#")]);
        let resolved = Config::resolve(&sources).unwrap();
        assert_eq!(database(&resolved).0, "postgres://postgres@db.example.com/shop");
        assert!(!format!("{resolved:?}").contains("s3cret"));
        sources.flags = Flags { database_url: Some("sqlite:flag.db".to_owned()), ..Flags::default() };
        assert_eq!(database(&Config::resolve(&sources).unwrap()).0, "sqlite:flag.db");
    }

    #[test]
    fn a_target_named_twice_on_one_level_is_a_usage_error() {
        let mut sources = sources();
        sources.environment = map(&[("DATABASE_URL", "sqlite:a.db"), ("DB_NAME", "b")]);
        assert_eq!(Config::resolve(&sources).unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn values_that_make_no_sense_are_refused_together() {
        let mut sources = sources();
        sources.environment = map(&[("DB_POOL_MAX", "many"), ("DB_POOL_IDLE", "soon")]);
        let error = Config::resolve(&sources).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert!(error.message().contains("pool.max") && error.message().contains("pool.idle"), "{error}");
    }

    #[test]
    fn weak_tls_to_a_remote_host_is_worth_a_warning() {
        let mut sources = sources();
        sources.environment = map(&[("DATABASE_URL", "postgres://a@db.example.com/shop?sslmode=require")]);
        assert_eq!(Config::resolve(&sources).unwrap().warnings().len(), 1);
        sources.environment = map(&[("DATABASE_URL", "postgres://a@db.example.com/shop")]);
        assert!(Config::resolve(&sources).unwrap().warnings().is_empty());
    }

    #[test]
    fn an_unknown_context_is_refused() {
        let mut sources = sources();
        sources.flags.context = Some("produktion".to_owned());
        let error = Config::resolve(&sources).unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Configuration, "config.unknown_context"));
    }
}
