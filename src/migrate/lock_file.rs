//! `migration/migrations.lock`: what each migration does, under version control, so that an edit of
//! one that is applied somewhere is seen before it lands.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use migration::Migration;
use serde::{Deserialize, Serialize};

use super::checksum_of;
use crate::db::target::Engine;
use crate::domain::text::position;
use crate::error::{CommandLine, Error, Hint, Result, io_reason};
use crate::file::{OutputFile, unwritable};

/// The path of the file in the project.
pub const PATH: &str = "migration/migrations.lock";
const HEADER: &str = "# What each migration does, as SHA-256 of its SQL on each engine; comments and layout do not count.\n\
                      # Written by `shopctl migrate bless`. A [[blessed]] form is an earlier one that does the same.\n\n";

/// The file's content.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    #[serde(default, rename = "migration")]
    migrations: Vec<LockedForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    blessed: Vec<LockedForm>,
}

/// One version of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LockedForm {
    name: String,
    /// Why this version is equivalent to the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// By engine.
    #[serde(flatten)]
    checksums: BTreeMap<String, String>,
}

impl LockedForm {
    fn current(migration: &Migration) -> LockedForm {
        let checksums = Engine::ALL.map(|engine| (engine.as_str().to_owned(), checksum_of(engine, migration)));
        LockedForm { name: migration.name.to_owned(), reason: None, checksums: BTreeMap::from(checksums) }
    }
}

impl LockFile {
    /// Errors: exit 1, because whoever built this program built it with that file.
    pub fn parse(text: &str) -> Result<LockFile> {
        toml::from_str(text).map_err(|error| Error::internal(format!("migrations.lock: {}", error.message())))
    }

    /// Errors: exit 4 for a file that does not exist or is not a lock file.
    pub fn read(path: &Path) -> Result<LockFile> {
        let refused = |what: String| {
            Error::configuration("migrate.lock_file", format!("{}: {what}", path.display()))
                .hint("bless is for a checkout of shopctl: run it there, or give the file with --file")
        };
        let text = std::fs::read_to_string(path).map_err(|error| refused(io_reason(&error)))?;
        toml::from_str(&text).map_err(|error| {
            let (line, _) = position(&text, error.span().map_or(0, |span| span.start));
            refused(format!("line {line} was not written by bless"))
        })
    }

    /// The text of such a file.
    pub fn to_text(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::internal(format!("migrations.lock: {error}")))
    }

    /// Replaces the file, whole or not at all.
    ///
    /// Errors: as `OutputFile::open`.
    pub async fn write(&self, path: &Path) -> Result<()> {
        let text = format!("{HEADER}{}", self.to_text()?);
        let mut file = OutputFile::open(path).await?;
        file.write_all(text.as_bytes()).map_err(|error| unwritable(path, &error))?;
        file.complete()
    }

    /// Whether the file has the migration as it is today.
    pub fn is_current(&self, migration: &Migration) -> bool {
        self.migrations.contains(&LockedForm::current(migration))
    }

    /// Whether this checksum was once that of the migration, and was declared to mean the same.
    pub fn accepts(&self, engine: Engine, name: &str, checksum: &str) -> bool {
        let forms = self.migrations.iter().chain(&self.blessed);
        let mut of_name = forms.filter(|form| form.name == name);
        of_name.any(|form| form.checksums.get(engine.as_str()).is_some_and(|accepted| accepted == checksum))
    }

    /// Takes the migrations' forms of today; the form that stood there is kept as one that does the
    /// same, for the reason given. Gives the names of those that changed.
    ///
    /// Errors: exit 2 for a changed form without a reason.
    pub fn bless(
        &mut self,
        migrations: &[Migration],
        only: Option<&str>,
        reason: Option<&str>,
    ) -> Result<Vec<&'static str>> {
        let mut changed = Vec::new();
        for migration in migrations {
            let is_meant = only.is_none_or(|only| only == migration.name);
            if !is_meant || self.is_current(migration) {
                continue;
            }
            let form = LockedForm::current(migration);
            match self.migrations.iter_mut().find(|locked| locked.name == migration.name) {
                None => self.migrations.push(form),
                Some(locked) => {
                    let (Some(reason), Some(_)) = (reason, only) else {
                        let message = format!("{} does not do the same as when it was locked", migration.name);
                        return Err(Error::usage(message).hint(
                            Hint::from("undo the edit and write a new migration; if both texts make the same schema: ")
                                .and(
                                    CommandLine::new("migrate bless")
                                        .argument(migration.name)
                                        .option("--reason", "WHY"),
                                ),
                        ));
                    };
                    let before = std::mem::replace(locked, form);
                    self.blessed.push(LockedForm { reason: Some(reason.to_owned()), ..before });
                }
            }
            changed.push(migration.name);
        }
        self.migrations.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const NAME: &str = "m1_create_t";

    fn only(up: fn(migration::DbBackend) -> Vec<String>) -> [Migration; 1] {
        [Migration { name: NAME, up, down: |_| vec![] }]
    }

    #[test]
    fn an_edited_form_is_accepted_only_once_somebody_said_why() {
        let first = only(|_| vec!["CREATE TABLE t (a int)".into()]);
        let second = only(|_| vec!["CREATE TABLE t (a integer)".into()]);
        let mut file = LockFile::default();
        assert_eq!(file.bless(&first, None, None).unwrap(), [NAME]);
        assert_eq!(file.bless(&first, None, None).unwrap(), [] as [&str; 0]);
        assert_eq!(file.bless(&second, None, Some("all of them")).unwrap_err().kind(), Kind::Usage);
        assert_eq!(file.bless(&second, Some(NAME), None).unwrap_err().kind(), Kind::Usage);
        assert_eq!(file.bless(&second, Some(NAME), Some("a library's new wording")).unwrap(), [NAME]);
        let written = file.to_text().unwrap();
        let read = LockFile::parse(&written).unwrap();
        let checksums = [&first, &second].map(|[migration]| checksum_of(Engine::Sqlite, migration));
        assert!(checksums.iter().all(|checksum| read.accepts(Engine::Sqlite, NAME, checksum)), "{written}");
        assert!(!read.accepts(Engine::Sqlite, "m2", &checksums[0]) && !read.accepts(Engine::Sqlite, NAME, "other"));
    }
}
