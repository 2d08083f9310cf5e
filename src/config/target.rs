//! Which database is meant: the highest level that names one, as a URL, in parts or as a context.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Entry;
use super::file::{ContextSettings, ParsedFile, Parts, Setting, closest};
use super::sources::{Found, Sources, variable_of};
use crate::db::target::{
    Engine, Secret, ServerTarget, SqliteTarget, SslMode, Target, check_host, check_name, default_user, escaped, url,
};
use crate::domain::Violations;
use crate::error::{Error, Result, printable};

/// The target and where it was named.
pub struct Chosen {
    pub target: Target,
    pub is_default: bool,
    pub context: Option<ChosenContext>,
    origin: String,
    ssl_origin: String,
    password_origin: String,
}

/// The context that was chosen.
pub struct ChosenContext {
    pub name: String,
    origin: String,
    protected: Option<(bool, String)>,
    read_only: Option<(bool, String)>,
}

/// A part: its key in a file, its variable, where it stands in a file's table.
type Part = (&'static str, &'static str, fn(&Parts) -> &Setting);

const PARTS: [Part; 7] = [
    ("dialect", "DB_DIALECT", |parts| &parts.dialect),
    ("host", "DB_HOST", |parts| &parts.host),
    ("port", "DB_PORT", |parts| &parts.port),
    ("name", "DB_NAME", |parts| &parts.name),
    ("user", "DB_USER", |parts| &parts.user),
    ("password", "DB_PASSWORD", |parts| &parts.password),
    ("ssl", "DB_SSL", |parts| &parts.ssl),
];

/// A target in parts, whatever they come from.
struct FoundParts {
    origin: String,
    values: BTreeMap<&'static str, Found>,
}

/// What one level says about the target; more than one of these is a contradiction.
#[derive(Default)]
struct Level {
    context: Option<Found>,
    url: Option<Found>,
    parts: Option<FoundParts>,
}

impl Level {
    fn of_flags(sources: &Sources) -> Level {
        let found =
            |text: &Option<String>, flag: &str| text.clone().map(|text| Found { text, origin: format!("flag {flag}") });
        Level {
            context: found(&sources.flags.context, "--context"),
            url: found(&sources.flags.database_url, "--database-url"),
            parts: None,
        }
    }

    fn of_variables(level: &str, variables: &BTreeMap<String, String>) -> Level {
        let get = |name: &str| variable_of(level, variables, name);
        let values: BTreeMap<_, _> =
            PARTS.iter().filter_map(|(part, name, _)| get(name).map(|found| (*part, found))).collect();
        let names: Vec<&str> =
            PARTS.iter().filter(|(part, ..)| values.contains_key(part)).map(|(_, name, _)| *name).collect();
        let origin = format!("{level} {}", names.join(", "));
        Level {
            context: get("SHOPCTL_CONTEXT"),
            url: get("DATABASE_URL"),
            parts: (!values.is_empty()).then_some(FoundParts { origin, values }),
        }
    }

    fn of_file(file: &ParsedFile, url: &Setting, parts: &Option<Spanned<Parts>>) -> Level {
        let parts = parts.as_ref().map(|parts| FoundParts {
            origin: file.origin(parts.span().start),
            values: PARTS
                .iter()
                .filter_map(|(part, _, get)| file.found(get(parts.get_ref())).map(|found| (*part, found)))
                .collect(),
        });
        Level { context: None, url: file.found(url), parts }
    }

    /// Where a target is named, once for each way.
    fn origins(&self) -> Vec<&str> {
        let found = [&self.context, &self.url].into_iter().flatten().map(|found| found.origin.as_str());
        found.chain(self.parts.as_ref().map(|parts| parts.origin.as_str())).collect()
    }

    /// The target without the context; `None` if the violations say why.
    fn target(&self, violations: &mut Violations) -> Result<Option<Chosen>> {
        match (&self.url, &self.parts) {
            (Some(url), _) => from_url(url).map(Some),
            (None, Some(parts)) => Ok(from_parts(parts, violations)),
            (None, None) => Ok(None),
        }
    }
}

/// Decides on the database; `None` if the violations say why there is none.
///
/// Errors: exit 2 when one level names the target twice, or a URL on the command line stands beside
/// a context; exit 4 for a malformed URL, an unknown context, a user without a home.
pub fn choose(sources: &Sources, files: &[ParsedFile], violations: &mut Violations) -> Result<Option<Chosen>> {
    let mut levels = vec![Level::of_flags(sources)];
    levels.extend(sources.variable_levels().map(|(level, variables)| Level::of_variables(level, variables)));
    levels.extend(files.iter().map(|file| Level::of_file(file, &file.settings.database_url, &file.settings.database)));
    // Stricter than precedence: who chose a protected context does not lose the protection by a URL.
    let context = levels.iter().find_map(|level| level.context.as_ref());
    if let (Some(url), Some(context)) = (&levels[0].url, context) {
        return Err(named_twice(&url.origin, &context.origin));
    }
    let Some(level) = levels.iter().find(|level| !level.origins().is_empty()) else {
        return embedded(sources).map(Some);
    };
    refuse_twice(level)?;
    match &level.context {
        Some(context) => from_context(context, files, violations),
        None => level.target(violations),
    }
}

fn refuse_twice(level: &Level) -> Result<()> {
    match level.origins().as_slice() {
        [one, other, ..] => Err(named_twice(one, other)),
        _ => Ok(()),
    }
}

fn named_twice(one: &str, other: &str) -> Error {
    Error::usage(format!("the database is named twice: by {one} and by {other}")).hint("keep one of them")
}

fn embedded(sources: &Sources) -> Result<Chosen> {
    if sources.data_folder.is_none() {
        return Err(Error::configuration(
            "config.no_home",
            "no database is named, and there is no home folder for one",
        )
        .hint("set HOME, or name a database with --database-url"));
    }
    let target = Target::Sqlite(sources.embedded_default());
    Ok(Chosen::new(target, "default".to_owned(), None, None, true))
}

fn from_context(context: &Found, files: &[ParsedFile], violations: &mut Violations) -> Result<Option<Chosen>> {
    let found = files.iter().find_map(|file| file.settings.context.get(&context.text).map(|settings| (file, settings)));
    let Some((file, settings)) = found else { return Err(unknown_context(context, files)) };
    let level = Level::of_file(file, &settings.database_url, &settings.database);
    refuse_twice(&level)?;
    if level.origins().is_empty() {
        let (name, path) = (printable(&context.text), escaped(&file.path.to_string_lossy()));
        return Err(Error::configuration("config.context", format!("the context {name} in {path} names no database"))
            .hint(format!("add database_url = \"…\" to [context.{name}], or a table [context.{name}.database]")));
    }
    let chosen = level.target(violations)?;
    Ok(chosen.map(|chosen| Chosen { context: Some(ChosenContext::new(context, file, settings)), ..chosen }))
}

fn unknown_context(context: &Found, files: &[ParsedFile]) -> Error {
    let names: Vec<&str> =
        files.iter().flat_map(|file| file.settings.context.keys()).map(|name| name.as_str()).collect();
    // A URL in the wrong place may hold a password.
    let name = if context.text.contains([':', '@', '/']) { "of that name" } else { &printable(&context.text) };
    let mut error = Error::configuration("config.unknown_context", format!("no context {name} ({})", context.origin));
    if let Some(close) = closest(&context.text, names.iter().copied()) {
        error = error.hint(format!("did you mean --context {}?", escaped(close)));
    }
    let names = match names.is_empty() {
        true => "no file names any".to_owned(),
        false => format!("contexts: {}", escaped(&names.join(", "))),
    };
    error.hint(format!("{names}; shopctl config path tells which files are read"))
}

fn from_url(found: &Found) -> Result<Chosen> {
    let parsed = url::parse(&found.text, &format!("the database URL ({})", found.origin))?;
    let ssl_origin = parsed.is_ssl_named.then(|| found.origin.clone());
    Ok(Chosen::new(parsed.target, found.origin.clone(), ssl_origin, None, false))
}

fn from_parts(parts: &FoundParts, violations: &mut Violations) -> Option<Chosen> {
    let mut reader = PartsReader { parts, violations, is_sound: true };
    let engine = reader.read("dialect", |text| {
        Engine::parse(&text.trim().to_ascii_lowercase()).ok_or("must be one of sqlite, postgres, mysql, mariadb")
    });
    let engine = engine.unwrap_or_default();
    if !parts.values.contains_key("name") {
        // Parts of a lower level are not mixed in: half of one database and half of another.
        reader.refuse("name", "is missing: all parts of a database stand on one level");
    }
    let target = if engine == Engine::Sqlite { reader.sqlite() } else { reader.server(engine) };
    if !reader.is_sound {
        return None;
    }
    let origin_of = |part| parts.values.get(part).map(|found: &Found| found.origin.clone());
    Some(Chosen::new(target?, parts.origin.clone(), origin_of("ssl"), origin_of("password"), false))
}

/// Takes parts one by one and notes what is wrong, without the value.
struct PartsReader<'a> {
    parts: &'a FoundParts,
    violations: &'a mut Violations,
    is_sound: bool,
}

impl PartsReader<'_> {
    fn refuse(&mut self, part: &str, problem: &str) {
        let origin = self.parts.values.get(part).map_or(&self.parts.origin, |found| &found.origin);
        self.violations.add(&format!("database.{part} ({origin})"), problem);
        self.is_sound = false;
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
        for part in ["host", "port", "user", "password", "ssl"] {
            if self.parts.values.contains_key(part) {
                self.refuse(part, "means nothing for sqlite, which is a file: remove it, or correct the dialect");
            }
        }
        self.read("name", SqliteTarget::checked).map(Target::Sqlite)
    }

    fn server(&mut self, engine: Engine) -> Option<Target> {
        let port = self.read("port", |text| match text.trim().parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err("must be a whole number between 1 and 65535"),
        });
        let host = self.read("host", |text| check_host(text.trim()).map(|()| text.trim().to_owned()));
        let user = self.read("user", |text| check_name(text).map(|()| text.to_owned()));
        let database = self.read("name", |text| check_name(text).map(|()| text.to_owned()));
        let password = self.read("password", |text| match text.contains('\0') {
            true => Err("must not contain NUL"),
            false => Ok(Secret::new(text)),
        });
        let ssl = self.read("ssl", SslMode::parse);
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        Some(Target::Server(ServerTarget {
            engine,
            port: port.unwrap_or(engine.default_port()),
            database: database?,
            user: user.unwrap_or_else(|| default_user(engine).to_owned()),
            password,
            ssl: ssl.unwrap_or(SslMode::default_for(&host)),
            ssl_root_certificate: None,
            host,
        }))
    }
}

impl ChosenContext {
    fn new(context: &Found, file: &ParsedFile, settings: &ContextSettings) -> ChosenContext {
        let flag = |setting: &Option<Spanned<bool>>| {
            setting.as_ref().map(|value| (*value.get_ref(), file.origin(value.span().start)))
        };
        ChosenContext {
            name: context.text.clone(),
            origin: context.origin.clone(),
            protected: flag(&settings.protected),
            read_only: flag(&settings.read_only),
        }
    }
}

impl Chosen {
    fn new(
        target: Target,
        origin: String,
        ssl_origin: Option<String>,
        password_origin: Option<String>,
        is_default: bool,
    ) -> Chosen {
        let ssl_origin = ssl_origin.unwrap_or_else(|| "default".to_owned());
        let password_origin = password_origin.unwrap_or_else(|| origin.clone());
        Chosen { target, is_default, context: None, origin, ssl_origin, password_origin }
    }

    pub fn is_protected(&self) -> bool {
        self.context.as_ref().and_then(|context| context.protected.as_ref()).is_some_and(|(is_set, _)| *is_set)
    }

    pub fn is_read_only(&self) -> bool {
        self.context.as_ref().and_then(|context| context.read_only.as_ref()).is_some_and(|(is_set, _)| *is_set)
    }

    /// The target's part of `config show`, the database itself first.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut add = |name, value: &str, origin: &str| {
            entries.push(Entry { name, value: escaped(value), origin: origin.to_owned() });
        };
        add("database", &self.target.to_string(), &self.origin);
        if let Target::Server(server) = &self.target {
            add("ssl", server.ssl.as_str(), &self.ssl_origin);
            if let Some(certificate) = &server.ssl_root_certificate {
                add("ssl_root_certificate", &certificate.to_string_lossy(), &self.origin);
            }
            match &server.password {
                Some(_) => add("password", "***", &self.password_origin),
                None => add("password", "(none)", "default"),
            }
        }
        let context = self.context.as_ref();
        match context {
            Some(context) => add("context", &context.name, &context.origin),
            None => add("context", "(none)", "default"),
        }
        let flag = |flag: Option<&(bool, String)>| {
            flag.map_or((false, "default".to_owned()), |(is_set, origin)| (*is_set, origin.clone()))
        };
        let protected = flag(context.and_then(|context| context.protected.as_ref()));
        add("protected", &protected.0.to_string(), &protected.1);
        let read_only = flag(context.and_then(|context| context.read_only.as_ref()));
        add("read_only", &read_only.0.to_string(), &read_only.1);
        entries
    }
}
