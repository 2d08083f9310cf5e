//! Resolves the target database: the highest level that names one, as a URL, in parts or as a context.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::file::{ContextSettings, PARTS, ParsedFile, Parts, Setting};
use super::server::{Origins, Server};
use super::server_variables::{self, UnusedVariable};
use super::sourced_value::{NAMING, PartsSource, SourcedValue, TargetParts, find_variable};
use super::sources::{DOTENV, Sources};
use crate::db::target::{
    Engine, ServerEngine, ServerTarget, SqliteTarget, SslMode, Target, check_host, check_name, escaped, url,
};
use crate::domain::Violations;
use crate::domain::similar::closest;
use crate::domain::text::shell_word;
use crate::error::{CommandLine, Error, Hint, Result, printable};

/// The target with its origins.
pub struct ResolvedTarget {
    pub target: Target,
    pub context: Option<SelectedContext>,
    /// The file in the working folder that names it.
    pub working_folder_file: Option<PathBuf>,
    /// A warning about variables that were not taken for the shop's database.
    pub remark: Option<String>,
    /// The `connect_timeout` of the URL.
    pub connect_timeout: Option<SourcedValue>,
    pub(super) origin: String,
    /// The origins of a server's parts.
    pub(super) origins: Origins,
    pub(super) ignored: Vec<&'static str>,
    /// `PGOPTIONS` for PostgreSQL, which the driver reads as well.
    pub(super) libpq_options: Option<SourcedValue>,
    /// The origins of the parts that completed it.
    pub(super) used: Vec<String>,
    /// Variables that could complete a database but do not apply to this one.
    pub(super) unused: Vec<UnusedVariable>,
}

/// The selected context.
pub struct SelectedContext {
    pub name: String,
    pub(super) origin: String,
    /// The values and origins of `protected` and `read_only`, if set.
    pub(super) flags: [Option<(bool, String)>; 2],
}

/// Parts that complete a database of any level if they are in the environment.
const CERTIFICATE_FILES: [&str; 3] = ["ssl_root_cert", "ssl_cert", "ssl_key"];

/// The target of one level: at most one of context, URL and parts may name it.
#[derive(Default)]
struct Level {
    context: Option<SourcedValue>,
    url: Option<SourcedValue>,
    parts: Option<TargetParts>,
    working_folder_file: Option<PathBuf>,
    /// Where its password can be given, for a hint.
    password_places: Vec<String>,
}

impl Level {
    fn from_flags(sources: &Sources) -> Level {
        let found = |text: &Option<String>, flag: &str| {
            text.clone().map(|text| SourcedValue { text, origin: format!("flag {flag}") })
        };
        Level {
            context: found(&sources.flags.context, "--context"),
            parts: sources.flags.database_url.as_ref().and_then(|_| server_variables::parts(sources)),
            url: found(&sources.flags.database_url, "--database-url"),
            password_places: server_variables::password_places_for_flags(sources),
            ..Level::default()
        }
    }

    fn from_variables(sources: &Sources, level: &str, variables: &BTreeMap<String, String>) -> Level {
        let get = |name: &str| find_variable(level, variables, name);
        let values: BTreeMap<_, _> =
            PARTS.iter().filter_map(|(part, name, _)| get(name).map(|found| (*part, found))).collect();
        let names: Vec<&str> =
            PARTS.iter().filter(|(part, ..)| values.contains_key(part)).map(|(_, name, _)| *name).collect();
        let origin = format!("{level} {}", names.join(", "));
        Level {
            context: get("SHOPCTL_CONTEXT"),
            url: get("DATABASE_URL"),
            parts: (!values.is_empty()).then_some(TargetParts { origin, values, place: PartsSource::Variables }),
            password_places: server_variables::password_places(level),
            working_folder_file: sources.dotenv.as_ref().filter(|_| level == DOTENV).map(|(path, _)| path.clone()),
        }
    }

    /// The level of a settings file; `table` is the table of its parts.
    fn from_file(
        sources: &Sources,
        file: &ParsedFile,
        table: &str,
        url: &Setting,
        parts: &Option<Spanned<Parts>>,
    ) -> Level {
        let working_folder_file = sources.is_in_working_folder(&file.path).then(|| file.path.clone());
        let place = if working_folder_file.is_some() { PartsSource::WorkingFolderFile } else { PartsSource::OwnFile };
        let path = escaped(&file.path.to_string_lossy());
        let password_places = vec![format!("[{}] of {path} as password_file", printable(table))];
        let parts = parts.as_ref().map(|parts| TargetParts {
            origin: file.origin(parts.span().start),
            values: PARTS
                .iter()
                .filter_map(|(part, _, get)| file.found(get(parts.get_ref())).map(|found| (*part, found)))
                .collect(),
            place,
        });
        Level { context: None, url: file.found(url), parts, working_folder_file, password_places }
    }

    /// The origin of each naming of a target.
    fn origins(&self) -> Vec<&str> {
        let found = [&self.context, &self.url].into_iter().flatten().map(|found| found.origin.as_str());
        found.chain(self.naming_parts().map(|parts| parts.origin.as_str())).collect()
    }

    fn is_dotenv(&self) -> bool {
        self.working_folder_file.as_ref().is_some_and(|path| path.ends_with(DOTENV))
    }

    /// Whether `.env` has parts of a database but no name, so that they probably belong to another program.
    fn is_foreign(&self) -> bool {
        let has_name = self.parts.as_ref().is_some_and(|parts| parts.values.contains_key("name"));
        self.is_dotenv() && self.context.is_none() && self.url.is_none() && self.parts.is_some() && !has_name
    }

    fn remark(&self) -> Option<String> {
        let parts = self.parts.as_ref()?;
        Some(format!("{} without DB_NAME is not used as the shop's database", parts.origin))
    }

    /// The parts, if they name a target. Completing parts alone do not, except in a table of a settings file.
    fn naming_parts(&self) -> Option<&TargetParts> {
        let names = |parts: &TargetParts| match (&self.url, parts.place) {
            (None, PartsSource::OwnFile | PartsSource::WorkingFolderFile) => {
                parts.values.keys().any(|part| !CERTIFICATE_FILES.contains(part))
            }
            _ => parts.values.keys().any(|part| NAMING.contains(part)),
        };
        self.parts.as_ref().filter(|parts| names(parts))
    }

    /// The target of this level, without a context; `None` if violations were added.
    fn target(&self, sources: &Sources, violations: &mut Violations) -> Result<Option<ResolvedTarget>> {
        let none = TargetParts::default();
        let parts = self.parts.as_ref().unwrap_or(&none);
        let resolved = match (&self.url, self.naming_parts()) {
            (Some(url), _) => from_url(url, parts, sources, violations)?,
            (None, Some(parts)) => from_parts(parts, sources, violations),
            (None, None) => None,
        };
        Ok(resolved.map(|mut resolved| {
            if let Target::Server(server) = &mut resolved.target {
                server.password_hints = vec![server_variables::password_hint(&self.password_places, server.engine)];
            }
            ResolvedTarget { working_folder_file: self.working_folder_file.clone(), ..resolved }
        }))
    }
}

/// Resolves the target; `None` if violations were added.
///
/// Errors: exit 2 if one level names the target twice, or if a URL on the command line conflicts with a context; exit 4
/// for a malformed URL, an unknown context, or a user without a home folder.
pub fn resolve(sources: &Sources, files: &[ParsedFile], violations: &mut Violations) -> Result<Option<ResolvedTarget>> {
    let mut levels = vec![Level::from_flags(sources)];
    levels.extend(sources.variable_levels().map(|(level, variables)| Level::from_variables(sources, level, variables)));
    levels.extend(
        files.iter().map(|file| {
            Level::from_file(sources, file, "database", &file.settings.database_url, &file.settings.database)
        }),
    );
    // Stricter than precedence, so that a URL cannot bypass the protection of a context.
    let context = levels.iter().find_map(|level| level.context.as_ref());
    if let (Some(url), Some(context)) = (&levels[0].url, context) {
        return Err(named_twice(&url.origin, &context.origin));
    }
    // Other programs use some of the same variables in `.env` for their own database.
    let remark = levels.iter().take_while(|level| level.origins().is_empty() || level.is_foreign());
    let remark = remark.filter(|level| level.is_foreign()).find_map(Level::remark);
    let resolved = match levels.iter().find(|level| !level.origins().is_empty() && !level.is_foreign()) {
        Some(level) => resolve_level(level, sources, files, violations).map_err(|error| {
            let hint = level.origins().first().and_then(|origin| sources.dotenv_hint(origin));
            error.hints_of(hint)
        })?,
        None => Some(embedded(sources)?),
    };
    Ok(resolved.map(|resolved| ResolvedTarget { remark, ..resolved }.with_unused(sources)))
}

fn resolve_level(
    level: &Level,
    sources: &Sources,
    files: &[ParsedFile],
    violations: &mut Violations,
) -> Result<Option<ResolvedTarget>> {
    check_named_once(level)?;
    match &level.context {
        Some(context) => {
            let resolved = from_context(context, sources, files, violations)?;
            // The file that selects the context counts, even if another one defines it.
            let by = level.working_folder_file.clone();
            Ok(resolved.map(|resolved| ResolvedTarget {
                working_folder_file: resolved.working_folder_file.or(by),
                ..resolved
            }))
        }
        None => level.target(sources, violations),
    }
}

fn check_named_once(level: &Level) -> Result<()> {
    match level.origins().as_slice() {
        [one, other, ..] => Err(named_twice(one, other)),
        _ => Ok(()),
    }
}

fn named_twice(one: &str, other: &str) -> Error {
    Error::usage(format!("the database is set twice: by {one} and by {other}")).hint("keep one of them")
}

fn embedded(sources: &Sources) -> Result<ResolvedTarget> {
    if sources.data_folder.is_none() {
        return Err(Error::configuration("config.no_home", "no database is set, and there is no home folder for one")
            .hint("set HOME, or give a database with --database-url"));
    }
    let target = Target::Sqlite(sources.embedded_default());
    Ok(ResolvedTarget::new(target, "default".to_owned()))
}

fn from_context(
    context: &SourcedValue,
    sources: &Sources,
    files: &[ParsedFile],
    violations: &mut Violations,
) -> Result<Option<ResolvedTarget>> {
    let found = files.iter().find_map(|file| file.settings.context.get(&context.text).map(|settings| (file, settings)));
    let Some((file, settings)) = found else {
        let names: Vec<&str> = files.iter().flat_map(|file| file.settings.context.keys()).map(String::as_str).collect();
        return Err(unknown_context(&context.text, Some(&context.origin), &names));
    };
    let table = format!("context.{}.database", context.text);
    let level = Level::from_file(sources, file, &table, &settings.database_url, &settings.database);
    check_named_once(&level)?;
    if level.origins().is_empty() {
        let (name, path) = (printable(&context.text), escaped(&file.path.to_string_lossy()));
        return Err(Error::configuration("config.context", format!("the context {name} in {path} has no database"))
            .hint(format!("add database_url = \"…\" to [context.{name}], or a table [context.{name}.database]")));
    }
    let resolved = level.target(sources, violations)?;
    Ok(resolved
        .map(|resolved| ResolvedTarget { context: Some(SelectedContext::new(context, file, settings)), ..resolved }))
}

/// Exit 4 for a context that no file defines; without an origin it is what a command was told to read or write.
pub(super) fn unknown_context(name: &str, origin: Option<&str>, names: &[&str]) -> Error {
    // A URL given as a context may contain a password, and a variable may hold that of another program.
    let is_typed = origin.is_none_or(|origin| origin.starts_with("flag"));
    let is_shown = is_typed && !name.contains([':', '@']);
    let shown = if is_shown { &printable(name) } else { "of that name" };
    let flag = if origin.is_some() { "--context " } else { "" };
    let origin = origin.map(|origin| format!(" ({origin})")).unwrap_or_default();
    let error = Error::configuration("config.unknown_context", format!("no context {shown}{origin}"));
    let is_file = is_shown && (name.contains(['.', '/', '\\']) || Path::new(name).is_file());
    let file = is_file.then(|| format!("if {shown} is a file: {}", shell_word(&format!("sqlite:{name}"))));
    let close = closest(name, names.iter().copied());
    let close = close.map(|close| format!("did you mean {flag}{}?", escaped(close)));
    let names = match names.is_empty() {
        true => "no file defines any context".to_owned(),
        false => format!("contexts: {}", escaped(&names.join(", "))),
    };
    let files = Hint::from(format!("{names}; to see which files are read: ")).and(CommandLine::anywhere("config path"));
    error.hints_of(file).hints_of(close).hint(files)
}

fn from_url(
    found: &SourcedValue,
    parts: &TargetParts,
    sources: &Sources,
    violations: &mut Violations,
) -> Result<Option<ResolvedTarget>> {
    let parsed = url::parse(&found.text, &format!("the database URL ({})", found.origin))?;
    let resolved = match parsed.target {
        Target::Server(target) => {
            let parts = parts.without_url_settings(&target, parsed.ssl);
            complete_server(target, parsed.ssl, &found.origin, &parts, sources, violations)
        }
        target => {
            for (part, found) in parts.relevant_to_sqlite() {
                violations.add(&format!("database.{part} ({})", found.origin), UNUSED_BY_SQLITE);
            }
            Some(ResolvedTarget::new(target, found.origin.clone()))
        }
    };
    let connect_timeout = parsed.connect_timeout.map(|text| SourcedValue { text, origin: found.origin.clone() });
    Ok(resolved.map(|resolved| ResolvedTarget { connect_timeout, ignored: parsed.ignored, ..resolved }))
}

fn complete_server(
    target: ServerTarget,
    stated: Option<SslMode>,
    origin: &str,
    parts: &TargetParts,
    sources: &Sources,
    violations: &mut Violations,
) -> Option<ResolvedTarget> {
    let libpq_options = find_variable("environment", &sources.environment, "PGOPTIONS");
    let libpq_options = libpq_options.filter(|_| target.engine.is_like_libpq);
    let (mut target, origins) = Server { target, stated, origin, parts }.complete(sources, violations)?;
    // As in libpq, options of the URL take precedence.
    target.session.options =
        target.session.options.take().or_else(|| libpq_options.as_ref().map(|found| found.text.clone()));
    let used = parts.values.values().map(|found| found.origin.clone()).collect();
    Some(ResolvedTarget {
        origins,
        libpq_options,
        used,
        ..ResolvedTarget::new(Target::Server(target), origin.to_owned())
    })
}

fn from_parts(parts: &TargetParts, sources: &Sources, violations: &mut Violations) -> Option<ResolvedTarget> {
    let before = violations.count();
    let mut reader = PartsReader { parts, violations };
    let engine = reader.read("dialect", |text| {
        Engine::parse(&text.trim().to_ascii_lowercase()).ok_or("must be one of sqlite, postgres, mysql, mariadb")
    });
    let engine = engine.unwrap_or(DEFAULT_ENGINE);
    if !parts.values.contains_key("name") {
        // Parts of different levels are never mixed.
        reader.refuse("name", "is missing: all parts of a database must be in the same place");
    }
    let Some(engine) = engine.server else {
        let target = reader.sqlite().filter(|_| violations.count() == before);
        return target.map(|target| ResolvedTarget::new(target, parts.origin.clone()));
    };
    // Reports all violations together.
    let Some(target) = reader.server(engine) else {
        let _ = reader.read("ssl", SslMode::parse);
        return None;
    };
    let completed = complete_server(target, None, &parts.origin, parts, sources, violations);
    completed.filter(|_| violations.count() == before)
}

/// The engine of parts without a dialect.
const DEFAULT_ENGINE: Engine = Engine::Postgres;
const UNUSED_BY_SQLITE: &str = "has no meaning for sqlite, which is a file: remove it, or correct the dialect";

/// Reads parts and records violations, without the values.
struct PartsReader<'a> {
    parts: &'a TargetParts,
    violations: &'a mut Violations,
}

impl PartsReader<'_> {
    fn refuse(&mut self, part: &str, problem: &str) {
        let origin = self.parts.values.get(part).map_or(&self.parts.origin, |found| &found.origin);
        self.violations.add(&format!("database.{part} ({origin})"), problem);
    }

    fn read<T, P: AsRef<str>>(&mut self, part: &str, read: impl FnOnce(&str) -> Result<T, P>) -> Option<T> {
        match read(&self.parts.values.get(part)?.text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.refuse(part, problem.as_ref());
                None
            }
        }
    }

    fn sqlite(&mut self) -> Option<Target> {
        let sense = ["dialect", "name"];
        for (part, _) in self.parts.relevant_to_sqlite().filter(|(part, _)| !sense.contains(part)) {
            self.refuse(part, UNUSED_BY_SQLITE);
        }
        self.read("name", SqliteTarget::checked).map(Target::Sqlite)
    }

    /// Reads the server without the parts that complete it.
    fn server(&mut self, engine: ServerEngine) -> Option<ServerTarget> {
        let port = self.read("port", |text| match text.trim().parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err("must be a whole number between 1 and 65535"),
        });
        let host = self.read("host", |text| check_host(text.trim()).map(|()| text.trim().to_owned()));
        let user = self.read("user", |text| check_name(text).map(|()| text.to_owned()));
        let database = self.read("name", |text| check_name(text).map(|()| text.to_owned()));
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        Some(ServerTarget {
            engine,
            port: port.unwrap_or(engine.default_port),
            other_hosts: Vec::new(),
            database: database?,
            user: user.unwrap_or_else(|| engine.default_user.to_owned()),
            password: None,
            password_hints: Vec::new(),
            ssl: SslMode::default_for([host.as_str()]),
            certificates: Box::default(),
            session: Box::default(),
            host,
        })
    }
}

impl SelectedContext {
    fn new(context: &SourcedValue, file: &ParsedFile, settings: &ContextSettings) -> SelectedContext {
        let flag = |setting: &Option<Spanned<bool>>| {
            setting.as_ref().map(|value| (*value.get_ref(), file.origin(value.span().start)))
        };
        SelectedContext {
            name: context.text.clone(),
            origin: context.origin.clone(),
            flags: [flag(&settings.protected), flag(&settings.read_only)],
        }
    }
}

impl ResolvedTarget {
    fn new(target: Target, origin: String) -> ResolvedTarget {
        ResolvedTarget {
            target,
            origin,
            context: None,
            working_folder_file: None,
            remark: None,
            connect_timeout: None,
            origins: Origins::new(),
            ignored: Vec::new(),
            libpq_options: None,
            used: Vec::new(),
            unused: Vec::new(),
        }
    }

    /// Records the variables of the environment that it does not use.
    fn with_unused(mut self, sources: &Sources) -> ResolvedTarget {
        let (target, origin, used) = (&self.target, self.origin.as_str(), self.used.as_slice());
        let summary = server_variables::TargetSummary { target, origin, used, is_context: self.context.is_some() };
        self.unused = server_variables::unused_variables(sources, &summary);
        if let Target::Server(server) = &mut self.target {
            let passwords = self.unused.iter().filter(|unused| unused.is_password);
            server.password_hints.extend(passwords.map(|unused| unused.message.clone()));
        }
        self
    }

    /// Whether the context is protected, and whether it is read-only.
    pub fn flags(&self) -> [bool; 2] {
        let is_set = |flag: &Option<(bool, String)>| flag.as_ref().is_some_and(|(is_set, _)| *is_set);
        self.context.as_ref().map_or([false; 2], |context| context.flags.each_ref().map(is_set))
    }
}
