//! The sources of settings: flags, environment, `.env` and files. The only I/O of the configuration.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use super::sourced_value::{SourcedValue, find_variable};
use super::{ConfigFile, dotenv, file};
use crate::db::target::{SqliteTarget, escaped};
use crate::error::{Error, Result};
use crate::file::{is_open_to_others, read_small};

const FILE: &str = "shopctl.toml";
pub(super) const DOTENV: &str = ".env";
/// The embedded shop's file in the user's data folder.
const EMBEDDED: &str = "shop.db";

/// The known variables besides those of [`file::PARTS`]; others are discarded.
const VARIABLES: [&str; 11] = [
    "DATABASE_URL",
    "DB_POOL_MAX",
    "DB_POOL_MIN",
    "DB_POOL_ACQUIRE",
    "DB_POOL_IDLE",
    CONTEXT,
    "SHOPCTL_TIMEOUT",
    "SHOPCTL_CONNECT_TIMEOUT",
    "SHOPCTL_ACTOR",
    "SHOPCTL_BACKUP_DIR",
    "TZ",
];
/// The variable that selects a context.
const CONTEXT: &str = "SHOPCTL_CONTEXT";
/// Variables of libpq that shopctl reads for PostgreSQL, from the environment only.
const LIBPQ_VARIABLES: [&str; 6] = ["PGOPTIONS", "PGPASSFILE", "PGPASSWORD", "PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT"];

/// Whether a variable belongs to a database, as its name, its password and its pool do.
fn is_of_database(name: &str) -> bool {
    name.starts_with("DB_") || name == "DATABASE_URL"
}

fn known_variables() -> impl Iterator<Item = &'static str> {
    VARIABLES.into_iter().chain(file::PARTS.iter().map(|(_, variable, _)| *variable).filter(|name| !name.is_empty()))
}

/// The settings on the command line. Never printed, because a URL may contain a password.
#[derive(Clone, Default)]
pub struct Flags {
    pub context: Option<String>,
    pub config: Option<PathBuf>,
    pub database_url: Option<String>,
    pub timeout: Option<String>,
    pub connect_timeout: Option<String>,
    pub actor: Option<String>,
    pub tz: Option<String>,
}

/// The contents of all sources. Never printed, because they may contain passwords.
#[derive(Clone, Default)]
pub struct Sources {
    pub flags: Flags,
    /// Known variables of the process that are not empty.
    pub environment: BTreeMap<String, String>,
    /// The path and variables of `.env`.
    pub dotenv: Option<(PathBuf, BTreeMap<String, String>)>,
    /// The line of each of these variables.
    pub dotenv_lines: BTreeMap<String, usize>,
    /// The paths and contents of settings files, in order of precedence.
    pub files: Vec<(PathBuf, String)>,
    pub config_files: Vec<ConfigFile>,
    /// The user's data folder; `None` for a user without a home folder.
    pub data_folder: Option<PathBuf>,
    /// The user name of the operating system.
    pub system_user: String,
    /// The working folder, whose files anyone may have created; `None` if it is the user's configuration folder.
    pub working_folder: Option<PathBuf>,
    /// The password file of PostgreSQL, and its origin.
    pub pgpass: Option<(PathBuf, String)>,
    /// The files that other users can read.
    pub readable_by_others: Vec<PathBuf>,
}

/// The folders that may contain files.
struct Folders {
    working: PathBuf,
    config: Option<PathBuf>,
    data: Option<PathBuf>,
    home: Option<PathBuf>,
}

impl Folders {
    fn for_this_process() -> Folders {
        let project = ProjectDirs::from("", "", "shopctl");
        Folders {
            // A deleted working directory contains no files.
            working: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            config: project.as_ref().map(|project| project.config_dir().to_owned()),
            data: project.map(|project| project.data_dir().to_owned()),
            home: std::env::home_dir(),
        }
    }

    /// The settings files for these flags, in order of precedence.
    fn settings(&self, flags: &Flags) -> Vec<PathBuf> {
        if let Some(path) = &flags.config {
            return vec![self.working.join(path)];
        }
        let mut paths: Vec<_> =
            [Some(&self.working), self.config.as_ref()].into_iter().flatten().map(|folder| folder.join(FILE)).collect();
        paths.dedup();
        paths
    }

    fn config_files(&self, flags: &Flags) -> Vec<ConfigFile> {
        let config_file = |path: PathBuf, purpose| ConfigFile { exists: path.exists(), path, purpose };
        let mut config_files = vec![config_file(self.working.join(DOTENV), "variables of the working directory")];
        config_files.extend(self.settings(flags).into_iter().map(|path| config_file(path, "settings")));
        config_files.extend(self.data.iter().map(|folder| config_file(folder.join(EMBEDDED), "the embedded shop")));
        config_files
    }
}

/// Without the URL, which may contain a password.
impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags").field("context", &self.context).field("config", &self.config).finish_non_exhaustive()
    }
}

impl Sources {
    /// Ignores the context of the environment, for a command that names its databases itself.
    pub(super) fn forget_context(&mut self) {
        let variables = self.dotenv.iter_mut().map(|(_, variables)| variables);
        for variables in variables.chain([&mut self.environment]) {
            variables.remove(CONTEXT);
        }
    }

    /// Reads the environment, `.env` and the settings files, without exporting variables.
    ///
    /// Errors: exit 4 for an unreadable or malformed file, with its line, and for a variable that is not UTF-8.
    /// Messages never contain values.
    pub fn read(flags: Flags) -> Result<Sources> {
        Sources::read_from(flags, &Folders::for_this_process(), std::env::vars_os())
    }

    fn read_from(
        flags: Flags,
        folders: &Folders,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Sources> {
        let mut sources = Sources {
            environment: read_environment(environment)?,
            config_files: folders.config_files(&flags),
            data_folder: folders.data.clone(),
            system_user: whoami::username().unwrap_or_default(),
            working_folder: Some(folders.working.clone()).filter(|folder| folders.config.as_ref() != Some(folder)),
            ..Sources::default()
        };
        sources.find_pgpass(folders.home.as_deref());
        let path = folders.working.join(DOTENV);
        // A folder named `.env` is a Python virtual environment; reading a FIFO would block.
        if path.is_file()
            && let Some(bytes) = read_bytes(&path, false)?
        {
            // Other programs may write it in another encoding: only values of known variables must be UTF-8.
            let (text, _, _) = encoding_rs::UTF_8.decode(&bytes);
            // What is overridden may be wrong: most of these variables belong to another program.
            let is_overridden = |name: &str| {
                sources.environment.contains_key(name) || (is_of_database(name) && sources.names_database(&flags))
            };
            let is_read = |name: &str| known_variables().any(|known| known == name) && !is_overridden(name);
            let (variables, lines) = dotenv::parse(&path, &text, is_read)?;
            if std::str::from_utf8(&bytes).is_err()
                && let Some((name, _)) = variables.iter().find(|(_, value)| value.contains('\u{FFFD}'))
            {
                return Err(unreadable(&path, &format!("contains a {name} that is not UTF-8 text")));
            }
            sources.note_if_exposed(&path);
            (sources.dotenv, sources.dotenv_lines) = (Some((path, variables)), lines);
        }
        for path in folders.settings(&flags) {
            if let Some(text) = read_file(&path, flags.config.is_some())? {
                sources.note_if_exposed(&path);
                sources.files.push((path, text));
            }
        }
        sources.flags = flags;
        Ok(sources)
    }

    /// Whether a flag or the environment names the database, so that `.env` has no say in it.
    fn names_database(&self, flags: &Flags) -> bool {
        let is_named = |name: &str| self.environment.contains_key(name);
        flags.database_url.is_some()
            || flags.context.is_some()
            || ["DATABASE_URL", CONTEXT, "DB_NAME"].into_iter().any(is_named)
    }

    /// Finds the password file of PostgreSQL.
    fn find_pgpass(&mut self, home: Option<&Path>) {
        let named = find_variable("environment", &self.environment, "PGPASSFILE");
        let usual = || home.map(|home| (home.join(".pgpass"), "~/.pgpass".to_owned()));
        let found = named.map(|found| (PathBuf::from(found.text), found.origin)).or_else(usual);
        self.pgpass = found.filter(|(path, _)| path.is_file());
        if let Some((path, _)) = self.pgpass.clone() {
            self.note_if_exposed(&path);
        }
    }

    /// The password file of PostgreSQL, unless other users can read it: libpq ignores it then, too.
    pub(super) fn usable_pgpass(&self) -> Option<&(PathBuf, String)> {
        self.pgpass.as_ref().filter(|(path, _)| !self.readable_by_others.contains(path))
    }

    /// Whether a settings file is read only because shopctl was started in its folder.
    pub(super) fn is_in_working_folder(&self, path: &Path) -> bool {
        self.flags.config.is_none() && path.parent().is_some() && path.parent() == self.working_folder.as_deref()
    }

    fn note_if_exposed(&mut self, path: &Path) {
        if is_open_to_others(path) {
            self.readable_by_others.push(path.to_owned());
        }
    }

    /// The path of `.env`, if it contains a password.
    pub(super) fn dotenv_with_password(&self) -> Option<&PathBuf> {
        let (path, variables) = self.dotenv.as_ref()?;
        let in_url = variables.get("DATABASE_URL").is_some_and(|url| file::url_holds_password(url));
        (in_url || variables.contains_key("DB_PASSWORD")).then_some(path)
    }

    /// The embedded shop; in the working directory for a user without a home folder.
    pub(super) fn embedded_default(&self) -> SqliteTarget {
        SqliteTarget { path: self.data_folder.clone().unwrap_or_default().join(EMBEDDED) }
    }

    /// The environment and `.env`, each with its name.
    pub(super) fn variable_levels(&self) -> impl Iterator<Item = (&'static str, &BTreeMap<String, String>)> {
        let dotenv = self.dotenv.as_ref().map(|(_, variables)| (DOTENV, variables));
        std::iter::once(("environment", &self.environment)).chain(dotenv)
    }

    /// Where a variable of `.env` is set that is wrong, and how to leave it to another program; `origin` as in
    /// [`SourcedValue`].
    pub(super) fn dotenv_hint(&self, origin: &str) -> Option<String> {
        let name = origin.strip_prefix(DOTENV)?.trim().split(',').next().filter(|name| is_of_database(name))?;
        let (path, line) = (&self.dotenv.as_ref()?.0, self.dotenv_lines.get(name)?);
        let path = escaped(&path.to_string_lossy());
        Some(format!(
            "{path}:{line} sets {name}: correct it there; if the file belongs to another program, name the shop's database by --database-url, or by DATABASE_URL in the environment"
        ))
    }

    /// Finds a variable in the environment or `.env`.
    pub(super) fn variable(&self, name: &str) -> Option<SourcedValue> {
        self.variable_levels().find_map(|(level, variables)| find_variable(level, variables, name))
    }
}

fn read_environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<BTreeMap<String, String>> {
    let mut environment = BTreeMap::new();
    for (name, value) in variables {
        let known = known_variables().chain(LIBPQ_VARIABLES).find(|known| name == *known);
        let Some(name) = known else { continue };
        // Ignoring it could select another database than intended.
        let value = value.into_string().map_err(|_| {
            Error::configuration("config.invalid", format!("the environment variable {name} is not UTF-8"))
                .hint(format!("set {name} again, or unset it"))
        })?;
        if !value.is_empty() {
            environment.insert(name.to_owned(), value);
        }
    }
    Ok(environment)
}

fn unreadable(path: &Path, reason: &str) -> Error {
    let path = escaped(&path.to_string_lossy());
    Error::configuration("config.file", format!("{path} {reason}"))
        .hint("make it a UTF-8 file that you can read, or give another one")
}

fn read_file(path: &Path, is_named: bool) -> Result<Option<String>> {
    let Some(bytes) = read_bytes(path, is_named)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| unreadable(path, "cannot be read: it is not UTF-8 text"))?;
    Ok(Some(text))
}

fn read_bytes(path: &Path, is_named: bool) -> Result<Option<Vec<u8>>> {
    // Only a file named by the user may be a pipe.
    match read_small(path, is_named) {
        Ok(bytes) => Ok(Some(bytes)),
        // Users without a home folder may have HOME=/dev/null.
        Err((Some(ErrorKind::NotFound | ErrorKind::NotADirectory), _)) if !is_named => Ok(None),
        Err((_, reason)) => Err(unreadable(path, &reason)),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::Config;
    use super::*;

    const SECRET: &str = "database_url = \"postgres://u:c4n4ry@localhost/d\"\n";

    /// A working, a configuration and a data folder below one temporary folder.
    fn folders(home: &tempfile::TempDir) -> Folders {
        let folder = |name: &str| {
            let path = home.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path
        };
        Folders {
            working: folder("work"),
            config: Some(folder("config")),
            data: Some(home.path().join("data")),
            home: None,
        }
    }

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn read(flags: Flags, folders: &Folders) -> Result<Sources> {
        Sources::read_from(flags, folders, std::iter::empty())
    }

    fn config_flag(path: &str) -> Flags {
        Flags { config: Some(path.into()), ..Flags::default() }
    }

    #[test]
    fn missing_files_are_listed_but_not_an_error() {
        let home = tempfile::tempdir().unwrap();
        let folders = folders(&home);
        write(&folders.working.join(FILE), "timeout = 1\n", 0o600);
        let sources = read(Flags::default(), &folders).unwrap();
        let config_files: Vec<_> = sources.config_files.iter().map(|file| (file.path.clone(), file.exists)).collect();
        let path = |name: &str| home.path().join(name);
        let expected = [
            (path("work/.env"), false),
            (path("work/shopctl.toml"), true),
            (path("config/shopctl.toml"), false),
            (path("data/shop.db"), false),
        ];
        assert_eq!(config_files, expected);
        assert_eq!(sources.files.len(), 1);
    }

    #[test]
    fn a_file_named_by_the_flag_replaces_the_others_and_must_exist() {
        let home = tempfile::tempdir().unwrap();
        let folders = folders(&home);
        write(&folders.working.join(FILE), "timeout = 1\n", 0o600);
        write(&folders.working.join("other.toml"), "timeout = 2\n", 0o600);
        let sources = read(config_flag("other.toml"), &folders).unwrap();
        assert_eq!(sources.files, [(folders.working.join("other.toml"), "timeout = 2\n".to_owned())]);
        let error = read(config_flag("missing.toml"), &folders).err().unwrap();
        assert_eq!(error.code(), "config.file");
        assert!(error.message().contains("missing.toml"), "{error}");
    }

    #[test]
    fn an_unreadable_file_is_an_error_but_a_folder_named_dotenv_is_not() {
        let home = tempfile::tempdir().unwrap();
        let folders = folders(&home);
        std::fs::create_dir(folders.working.join(DOTENV)).unwrap();
        assert!(read(Flags::default(), &folders).unwrap().dotenv.is_none());
        std::fs::create_dir(folders.working.join(FILE)).unwrap();
        assert_eq!(read(Flags::default(), &folders).err().unwrap().code(), "config.file");
        std::fs::remove_dir(folders.working.join(FILE)).unwrap();
        std::fs::write(folders.working.join(FILE), b"c4n4ry \xff").unwrap();
        let error = read(Flags::default(), &folders).err().unwrap();
        assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
    }

    #[test]
    fn a_missing_home_is_an_error_only_without_a_named_database() {
        let home = tempfile::tempdir().unwrap();
        let folders =
            Folders { working: home.path().to_owned(), config: Some("/dev/null/x".into()), data: None, home: None };
        let mut sources = read(Flags::default(), &folders).unwrap();
        assert_eq!(Config::resolve(&sources).unwrap_err().code(), "config.no_home");
        sources.flags.database_url = Some("sqlite:a.db".to_owned());
        assert!(Config::resolve(&sources).is_ok());
    }

    #[test]
    fn readable_files_with_passwords_cause_a_warning() {
        for (name, text, mode, is_told) in [
            (FILE, SECRET, 0o644, true),
            (FILE, SECRET, 0o640, true),
            (FILE, SECRET, 0o600, false),
            (FILE, "[context.x.database]\nname = \"d\"\npassword = \"c4n4ry\"\n", 0o644, true),
            (FILE, "database_url = \"postgres://u@localhost/d\"\n", 0o644, false),
            (DOTENV, "DB_NAME=d\nDB_PASSWORD=c4n4ry\n", 0o644, true),
            (DOTENV, "DB_NAME=d\n", 0o644, false),
        ] {
            let home = tempfile::tempdir().unwrap();
            let folders = folders(&home);
            write(&folders.working.join(name), text, mode);
            let config = Config::resolve(&read(Flags::default(), &folders).unwrap()).unwrap();
            assert_eq!(config.warnings.len(), usize::from(is_told), "{text} {mode:o}: {:?}", config.warnings);
            assert!(config.warnings.iter().all(|warning| warning.contains("chmod 600") && !warning.contains("c4n")));
        }
    }

    #[test]
    fn only_known_variables_are_kept_and_must_be_utf_8() {
        use std::os::unix::ffi::OsStringExt;
        let variable = |name: &str, value: &[u8]| (OsString::from(name), OsString::from_vec(value.to_vec()));
        let read = |variables: Vec<(OsString, OsString)>| read_environment(variables.into_iter());
        let kept = read(vec![variable("OTHER", b"\xff"), variable("DB_NAME", b"d"), variable("DB_HOST", b"")]).unwrap();
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [("DB_NAME".to_owned(), "d".to_owned())]);
        let error = read(vec![variable("DATABASE_URL", b"c4n4ry\xff")]).err().unwrap();
        assert!(error.message().contains("DATABASE_URL") && !error.message().contains("c4n4ry"), "{error}");
    }
}
