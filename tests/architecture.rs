//! The architecture rules, checked on the source: which layer may use which, and where code belongs.

mod cycles;
mod dependencies;

use std::fs;
use std::path::{Path, PathBuf};

/// What each room may use with `crate::…`; arrows point down only.
const MAY_USE: [(&str, &[&str]); 16] = [
    ("main", &[]),
    (
        "cli",
        &[
            "bulk",
            "config",
            "context",
            "db",
            "domain",
            "entity",
            "error",
            "file",
            "migrate",
            "output",
            "repository",
            "seed",
            "service",
            "transfer",
        ],
    ),
    ("context", &["config", "db", "domain", "error", "output", "service"]),
    ("bulk", &["db", "domain", "entity", "error", "file", "repository", "service"]),
    ("seed", &["db", "domain", "entity", "error", "repository", "service"]),
    ("transfer", &["db", "domain", "entity", "error", "file", "service"]),
    ("service", &["db", "domain", "entity", "error", "repository"]),
    ("migrate", &["db", "domain", "entity", "error", "file"]),
    ("repository", &["db", "domain", "entity", "error"]),
    ("entity", &["domain"]),
    ("domain", &["error"]),
    ("error", &["domain"]),
    ("file", &["error"]),
    ("db", &["domain", "error", "file"]),
    ("output", &["domain", "entity", "error", "file"]),
    ("config", &["db", "domain", "error", "file"]),
];

/// Words that stand in one place only, and where that is.
const ONLY_IN: [(&str, &str); 24] = [
    ("println!", "src/output/"),
    ("print!(", "src/output/"),
    ("Utc::now", "src/context.rs"),
    ("Uuid::now_v7", "src/context.rs"),
    // A backend is one folder; other code calls its dialect.
    ("DbBackend::", "src/db/dialect/"),
    ("DatabaseBackend::", "src/db/dialect/"),
    ("Engine::Sqlite", "src/db/dialect/, src/db/target.rs"),
    ("Engine::Postgres", "src/db/dialect/, src/config/target.rs"),
    ("Engine::Mysql", "src/db/dialect/"),
    // All driver calls pass through db, which enforces time limits.
    ("DatabaseConnection", "src/db/"),
    ("DatabaseTransaction", "src/db/"),
    ("sqlx::", "src/db/"),
    ("load::", "src/db/, src/seed/generate, src/transfer/"),
    // Only one place opens writing transactions.
    ("database.begin()", "src/db/, src/migrate/, src/service/operation.rs, src/service/tombstone.rs"),
    ("rustix::", "src/cli/shared/keyboard.rs"),
    ("plotters::", "src/output/svg.rs"),
    ("raw_mode", "src/cli/shared/screen.rs"),
    // Decisions depend on a `Cause`; error codes are for other programs.
    ("code() ==", "nowhere"),
    ("code() !=", "nowhere"),
    ("code() {", "nowhere"),
    ("\"database.no_shop\"", "src/error.rs"),
    ("\"database.timeout\"", "src/error.rs"),
    (".unwrap()", "nowhere"),
    (".expect(\"", "nowhere"),
];

/// Commands in messages are values (`CommandLine`), so that each gets the flags of its run: what is text here is
/// only an example of the help.
const COMMANDS: [&str; 21] = [
    "access",
    "adopt",
    "audit",
    "backup",
    "completions",
    "config",
    "copy",
    "diff",
    "doctor",
    "help",
    "man",
    "migrate",
    "order",
    "product",
    "quickstart",
    "report",
    "restore",
    "seed",
    "stock",
    "undo",
    "user",
];

/// The files of `src/repository`.
const REPOSITORIES: [&str; 9] =
    ["audit_event", "audit_seal", "invariant", "order", "product", "report", "seed", "stock_movement", "user"];

/// Help, and what says in a file or a statement who wrote it.
const MAY_SPELL_COMMANDS: [&str; 4] =
    ["src/cli/help.rs", "src/migrate/lock_file.rs", "src/migrate/script.rs", "src/transfer/backup/mod.rs"];

/// What `src/context.rs` must not contain: commands return what they did, and never leave it in their environment.
const STATE: [&str; 5] = ["Cell<", "Mutex", "Atomic", "Once", "RwLock"];

const LONGEST_FILE: usize = 500;

/// Broken rules of one file. `path` is below the package, with forward slashes.
fn check(path: &str, source: &str) -> Vec<String> {
    let code = without_tests_and_comments(source);
    let mut broken = Vec::new();
    let inside = path.trim_start_matches("src/");
    let room = inside.split(['/', '.']).next().unwrap_or_default();
    let allowed = MAY_USE.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed);
    for used in used_rooms(&code) {
        let is_allowed = used == room || allowed.is_some_and(|allowed| allowed.contains(&used.as_str()));
        if !is_allowed && room != "lib" {
            broken.push(format!("{path} uses {used}"));
        }
    }
    for (word, place) in ONLY_IN {
        if code.contains(word) && !place.split(", ").any(|place| path.starts_with(place)) {
            broken.push(format!("{path} has {word}, which belongs {place}"));
        }
    }
    if path == "src/context.rs" {
        let state = STATE.iter().filter(|word| code.contains(**word));
        broken.extend(state.map(|word| format!("{path} has {word}, but keeps no state")));
    }
    broken.extend(siblings(path, &code).into_iter().map(|sibling| format!("{path} uses its sibling {sibling}")));
    if !MAY_SPELL_COMMANDS.contains(&path) {
        let words = without_attributes(&code);
        let texts = words.split("shopctl ").skip(1);
        let command = |text: &str| COMMANDS.iter().find(|name| text.starts_with(&format!("{name} "))).copied();
        broken.extend(texts.filter_map(command).map(|name| format!("{path} has the command shopctl {name} as text")));
    }
    if source.lines().count() > LONGEST_FILE {
        broken.push(format!("{path} has more than {LONGEST_FILE} lines"));
    }
    broken
}

fn without_tests_and_comments(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Attributes of clap hold the examples of the help.
fn without_attributes(code: &str) -> String {
    let mut parts = code.split("#[command(");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once(")]\n").map_or("", |(_, rest)| rest))
}

/// First segments of `crate::a` and `crate::{a, b::c}`.
fn used_rooms(code: &str) -> Vec<String> {
    let first = |path: &str| {
        path.trim().chars().take_while(|&character| character.is_alphanumeric() || character == '_').collect::<String>()
    };
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => top_level(list).into_iter().map(|path| first(&path)).collect(),
            None => vec![first(rest)],
        })
        .filter(|room| !room.is_empty() && room != "Error" && room != "Result")
        .collect()
}

/// The parts of a brace list, up to its closing brace, nested lists left whole.
fn top_level(list: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for character in list.chars() {
        match character {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("never empty").push(character);
    }
    parts
}

/// The other nouns that a noun's file names: commands do not use one another, nor do repositories. What several
/// commands have in common stands in `src/cli/shared`, and what a noun looks like in its `view`; `quickstart` shows several of them at work.
fn siblings(path: &str, code: &str) -> Vec<String> {
    let (layer, nouns): (_, &[&str]) = match path.split('/').nth(1) {
        Some("cli")
            if !["mod.rs", "run.rs", "quickstart.rs", "adopt/schema.rs"]
                .iter()
                .any(|file| path == format!("src/cli/{file}")) =>
        {
            ("cli", &COMMANDS)
        }
        Some("repository") if !path.ends_with("/mod.rs") => ("repository", &REPOSITORIES),
        _ => return Vec::new(),
    };
    let own = path.split('/').nth(2).unwrap_or_default().trim_end_matches(".rs");
    let above = if path.split('/').count() > 3 { "super::super::" } else { "super::" };
    let paths = [format!("crate::{layer}::"), above.to_owned()].map(|root| {
        let used = code.split(&root).skip(1).map(|rest| match rest.strip_prefix('{') {
            Some(list) => top_level(list),
            None => vec![rest.split([';', ' ', '(', ',']).next().unwrap_or_default().to_owned()],
        });
        used.flatten().collect::<Vec<_>>()
    });
    let other = |path: &String| {
        let (noun, rest) = path.trim().split_once("::").unwrap_or((path.trim(), ""));
        let is_other = noun != own && nouns.contains(&noun);
        (is_other && !rest.starts_with("view::")).then(|| noun.to_owned())
    };
    paths.iter().flatten().filter_map(other).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the source is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn layers_use_only_lower_layers_and_files_are_in_their_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("src"), &mut found);
    assert!(found.len() > 50, "the source was not found");
    let broken: Vec<String> = found
        .iter()
        // Helpers compiled only for unit tests.
        .filter(|file| !file.ends_with("tests.rs") && !file.ends_with("output/testing.rs"))
        .flat_map(|file| {
            let path = file.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            check(&path, &fs::read_to_string(file).expect("readable"))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn each_rule_detects_a_violation() {
    let cases = [
        ("src/domain/money.rs", "use crate::db::Database;", "uses db"),
        ("src/repository/user.rs", "use crate::{\n    domain::Money,\n    service::user,\n};", "uses service"),
        ("src/service/user.rs", "fn f() { crate::output::csv::guard(); }", "uses output"),
        ("src/service/user.rs", "fn f() { println!(); }", "println!"),
        ("src/db/mod.rs", "let now = chrono::Utc::now();", "Utc::now"),
        ("src/seed/mod.rs", "match DbBackend::Sqlite {}", "DbBackend::"),
        ("src/service/user.rs", "let handle = database.begin().await?;", "database.begin()"),
        ("src/db/stream.rs", "if engine == Engine::Postgres {}", "Engine::Postgres"),
        ("src/error.rs", "let x = y.unwrap();", ".unwrap()"),
        ("src/cli/user/show.rs", "use crate::cli::order;", "sibling order"),
        ("src/cli/user/show.rs", "use super::super::{shared, order::show};", "sibling order"),
        ("src/cli/shared/list.rs", "use crate::cli::{Cli, user};", "sibling user"),
        ("src/cli/user.rs", "if error.code() == \"database.missing\" {}", "code() =="),
        ("src/service/user.rs", "match error.code() {\n}", "code() {"),
        ("src/db/fault.rs", "Error::new(kind, \"database.timeout\", text)", "belongs src/error.rs"),
        ("src/service/user.rs", "error.hint(\"shopctl user show X\")", "as text"),
        (
            "src/cli/user.rs",
            "#[command(after_help = \"shopctl user show\")]\nf(\"run shopctl user show X\")",
            "as text",
        ),
        ("src/context.rs", "has_written: std::sync::atomic::AtomicBool,", "keeps no state"),
        ("src/repository/user.rs", "use super::product::find_by_id;", "sibling product"),
        ("src/repository/order.rs", "use super::report::sales;", "sibling report"),
        ("src/output/chart.rs", "use crate::repository::report::Sales;", "uses repository"),
    ];
    for (path, source, rule) in cases {
        let broken = check(path, source);
        assert!(broken.iter().any(|text| text.contains(rule)), "{source} in {path} gave {broken:?}");
    }
    assert_eq!(check("src/error.rs", &"\n".repeat(501)).len(), 1);
    assert!(
        check("src/service/user.rs", "use crate::domain::Money; // println!\n// crate::output").len() == 1,
        "only the trailing comment counts"
    );
}
