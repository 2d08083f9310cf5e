//! Completes a server's target with TLS mode, certificates and password, each with its origin.
//!
//! Precedence: the target's own level, the `DB_SSL_…` files of the environment, and for PostgreSQL the variables of
//! libpq: `PGPASSWORD`, `PGPASSFILE` or `~/.pgpass`, `PGSSLROOTCERT`, `PGSSLCERT`, `PGSSLKEY`. Variables that would
//! name another target or weaken TLS (`PGHOST`, `PGSSLMODE` …) are ignored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::sourced_value::{PartsSource, SourcedValue, TargetParts, find_variable};
use super::sources::Sources;
use crate::db::target::{Password, Secret, ServerTarget, SslMode, path_of};
use crate::domain::Violations;

/// Certificate files: the part, its variable, libpq's variable.
const CERTIFICATES: [(&str, &str, &str); 3] = [
    ("ssl_root_cert", "DB_SSL_ROOT_CERT", "PGSSLROOTCERT"),
    ("ssl_cert", "DB_SSL_CERT", "PGSSLCERT"),
    ("ssl_key", "DB_SSL_KEY", "PGSSLKEY"),
];
const PASSWORDS: [&str; 3] = ["password", "password_file", "password_command"];

/// The origin of each part of a server's target, by its name in `config show`.
pub(super) type Origins = BTreeMap<&'static str, String>;

/// A server to complete.
pub(super) struct Server<'a> {
    pub target: ServerTarget,
    /// The TLS mode of the URL, if given.
    pub stated: Option<SslMode>,
    /// The origin of the target as a whole.
    pub origin: &'a str,
    pub parts: &'a TargetParts,
}

impl Server<'_> {
    /// Completes the target; `None` if violations were added.
    pub fn complete(mut self, sources: &Sources, violations: &mut Violations) -> Option<(ServerTarget, Origins)> {
        let (mut origins, before) = (Origins::new(), violations.count());
        self.password(sources, &mut origins, violations);
        self.certificates(sources, &mut origins, violations);
        self.mode(&mut origins, violations);
        (violations.count() == before).then_some((self.target, origins))
    }

    fn password(&mut self, sources: &Sources, origins: &mut Origins, violations: &mut Violations) {
        let own: Vec<(&str, &SourcedValue)> =
            PASSWORDS.iter().filter_map(|part| self.parts.values.get(part).map(|found| (*part, found))).collect();
        let mut places: Vec<&str> = own.iter().map(|(_, found)| found.origin.as_str()).collect();
        if self.target.password.is_some() {
            places.insert(0, self.origin);
        }
        if let [one, other, ..] = places.as_slice() {
            return violations.add("database.password", format!("is given twice: by {one} and by {other}"));
        }
        let Some((part, found)) = own.first() else { return self.password_of_libpq(sources, origins) };
        origins.insert("password", found.origin.clone());
        let read = match *part {
            "password" if found.text.contains('\0') => Err("must not contain NUL"),
            "password" => Ok(Password::Known(Secret::new(&found.text))),
            "password_file" => path_of(&found.text).map(Password::File),
            // Cloning a repository must not run commands from it.
            _ if self.parts.place == PartsSource::WorkingFolderFile => Err(
                "must not run a program from a file in the working folder: move it to the shopctl.toml in your configuration folder, or name this file with --config",
            ),
            _ => Ok(Password::Command(Secret::new(&found.text))),
        };
        match read {
            Ok(password) => self.target.password = Some(password),
            Err(problem) => violations.add(&format!("database.{part} ({})", found.origin), problem),
        }
    }

    fn password_of_libpq(&mut self, sources: &Sources, origins: &mut Origins) {
        if self.target.password.is_some() || !self.target.engine.is_like_libpq {
            return;
        }
        if let Some(found) = find_variable("environment", &sources.environment, "PGPASSWORD") {
            origins.insert("password", found.origin);
            self.target.password = Some(Password::Known(Secret::new(found.text)));
        } else if let Some((path, origin)) = sources.usable_pgpass() {
            origins.insert("password", origin.clone());
            self.target.password = Some(Password::Pgpass(path.clone()));
        }
    }

    fn certificates(&mut self, sources: &Sources, origins: &mut Origins, violations: &mut Violations) {
        // An authority for libpq may be exported for another database: it is ignored if TLS is disabled or optional.
        let may_verify = self.stated.is_none_or(|mode| mode >= SslMode::Require);
        let files = &mut *self.target.certificates;
        let places: [&mut Option<PathBuf>; 3] = [&mut files.root, &mut files.client, &mut files.key];
        for ((part, variable, of_libpq), place) in CERTIFICATES.into_iter().zip(places) {
            let own = self.parts.values.get(part);
            if place.is_some() {
                if let Some(SourcedValue { origin, .. }) = own {
                    let problem = format!("is given twice: by {} and by {origin}", self.origin);
                    violations.add(&format!("database.{part}"), problem);
                }
                origins.insert(part, self.origin.to_owned());
                continue;
            }
            let named = |variable: &str| find_variable("environment", &sources.environment, variable);
            let libpq_counts = self.target.engine.is_like_libpq && (part != "ssl_root_cert" || may_verify);
            let of_libpq = || libpq_counts.then(|| named(of_libpq)).flatten();
            let found = own.cloned().or_else(|| named(variable)).or_else(of_libpq);
            let Some(SourcedValue { text, origin }) = found else { continue };
            match path_of(&text) {
                Ok(path) => {
                    *place = Some(path);
                    origins.insert(part, origin);
                }
                Err(problem) => violations.add(&format!("database.{part} ({origin})"), problem),
            }
        }
    }

    fn mode(&mut self, origins: &mut Origins, violations: &mut Violations) {
        let part = self.parts.values.get("ssl");
        let read = match (part, self.stated) {
            (Some(part), Some(_)) => Err(format!("is given twice: by {} and by {}", self.origin, part.origin)),
            (Some(part), None) => SslMode::parse(&part.text).map(|mode| (Some(mode), part.origin.clone())),
            (None, Some(mode)) => Ok((Some(mode), self.origin.to_owned())),
            (None, None) => Ok((None, "default".to_owned())),
        };
        let default = SslMode::default_for(self.target.hosts().map(|(host, _)| host));
        let effective = read.and_then(|(stated, origin)| {
            let mode = SslMode::effective(stated, default, &self.target.certificates).map_err(str::to_owned)?;
            let has_changed = Some(mode) != stated && mode != default;
            let root = origins.get("ssl_root_cert").filter(|_| has_changed).cloned();
            Ok((mode, root.unwrap_or(origin)))
        });
        match effective {
            Ok((mode, origin)) => {
                self.target.ssl = mode;
                origins.insert("ssl", origin);
            }
            Err(problem) => {
                let origin = part.map_or(self.origin, |part| part.origin.as_str());
                violations.add(&format!("database.ssl ({origin})"), problem);
            }
        }
    }
}
