//! Phrases that must not be on the screen, and what is said instead.

use std::fs;
use std::path::Path;

/// A phrase of any letter case, and what is said instead. `\u{1}` is the end of a text.
const PHRASES: &[(&str, &str)] = &[
    ("is none of", "must be one of"),
    ("exists already", "already exists"),
    (" already\u{1}", "is already …"),
    (" already;", "is already …"),
    (" already:", "is already …"),
    ("so many", "the number, or N"),
    ("so long for", "how long to wait"),
    ("go on?", "Continue?"),
    ("to go on", "to continue"),
    ("there is none", "what is missing"),
    ("to be restored", "cannot restock …"),
    ("to be refunded", "cannot refund …"),
    ("to date, or back", "apply, revert"),
    ("make up", "generate"),
    ("made up in", "generated in"),
    ("tell whether", "check"),
    ("nobody tells", "it is unknown"),
    ("move orders along", "process orders"),
    ("up to and with", "up to and including"),
    ("this marks as", "this marks … as …"),
    ("lets expire", "expires"),
    ("movements come to", "does not match its movements"),
    ("less than nothing", "negative stock"),
    ("somebody", "someone"),
    ("pieces", "units"),
    (" piece ", "unit"),
    ("nobody said", "is not set"),
    ("gone will be", "will be dropped"),
    ("rows are wrong", "rows are invalid"),
    ("row is wrong", "row is invalid"),
    ("must have 8 to", "must be … long"),
    ("into this file", "write to FILE"),
    ("look after", "manage"),
    ("in the midst", "in the middle"),
    ("passed over", "ignored"),
    ("may be repeated", "repeatable"),
    (" mend", "fix"),
    ("of ours", "shopctl's"),
    ("the most that", "the maximum"),
    ("are the most of", "the maximum"),
];

/// What may precede `is no`: `there is no product`.
const BEFORE_IS_NO: [&str; 3] = ["there ", "which ", "but "];

/// A text without the names of its placeholders, which nobody reads.
fn without_placeholders(text: &str) -> String {
    let parts = text.split('{').enumerate();
    parts
        .map(|(number, part)| if number == 0 { part } else { part.split_once('}').map_or(part, |(_, after)| after) })
        .collect()
}

/// The phrases that a text contains.
fn found(text: &str) -> Vec<String> {
    let text = without_placeholders(&text.to_lowercase());
    let mut found: Vec<String> = PHRASES
        .iter()
        .filter(|(phrase, _)| format!("{text}\u{1}").contains(phrase))
        .map(|(phrase, better)| format!("{phrase:?}, better {better:?}"))
        .collect();
    let is_no = text.match_indices("is no ").filter(|(at, _)| {
        let before = &text[..*at];
        !before.ends_with(|letter: char| letter.is_alphabetic())
            && !BEFORE_IS_NO.iter().any(|word| before.ends_with(word))
    });
    found.extend(is_no.map(|_| "\"is no …\", better \"is not a …\"".to_owned()));
    let counts = ["orders", "rows", "products", "users", "units", "values", "lines", "migrations", "seeds"];
    let plurals = counts.into_iter().filter(|noun| format!(" {text}").contains(&format!(" 1 {noun}")));
    found.extend(plurals.map(|noun| format!("\"1 {noun}\", one is singular")));
    found
}

/// The string literals of a source file, without its tests and comments.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut texts = Vec::new();
    let mut rest = source;
    loop {
        let Some(at) = rest.find(['"', '\'', '/']) else { return texts };
        let (sign, after) = (&rest[at..=at], &rest[at + 1..]);
        match sign {
            "/" if after.starts_with('/') => rest = after.split_once('\n').map_or("", |(_, after)| after),
            // A character: '"' or '\''; otherwise a lifetime.
            "'" => {
                let length = after.char_indices().nth(1).map_or(0, |(at, _)| at);
                rest = match after.strip_prefix('\\') {
                    Some(escaped) => {
                        escaped.get(1..).and_then(|after| after.split_once('\'')).map_or("", |(_, after)| after)
                    }
                    None if after[length..].starts_with('\'') => &after[length + 1..],
                    None => after,
                };
            }
            "\"" if rest[..at].ends_with("r#") => {
                let (text, after) = after.split_once("\"#").unwrap_or((after, ""));
                texts.push(text.to_owned());
                rest = after;
            }
            "\"" => {
                let mut end = 0;
                let bytes = after.as_bytes();
                while bytes.get(end).is_some_and(|byte| *byte != b'"') {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                let text = after.get(..end).unwrap_or(after);
                // A line break after a backslash is none.
                texts.push(text.split("\\\n").map(str::trim_start).collect::<Vec<_>>().concat());
                rest = after.get(end + 1..).unwrap_or("");
            }
            _ => rest = after,
        }
    }
}

fn files(folder: &Path, ending: &str, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project").flatten() {
        match entry.path() {
            path if path.is_dir() => files(&path, ending, found),
            path if path.to_string_lossy().ends_with(ending) => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn the_screen_and_the_readme_avoid_odd_phrases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    let mut check = |path: &Path, text: &str| {
        wrong.extend(found(text).into_iter().map(|phrase| format!("{}: {phrase} in {text:.200}", path.display())));
    };
    let mut sources = Vec::new();
    files(&root.join("src"), ".rs", &mut sources);
    // Product descriptions of generated and masked shops, and tests.
    let others = ["tests.rs", "testing.rs", "domain/words.rs"];
    for path in sources.iter().filter(|path| !others.iter().any(|other| path.ends_with(other))) {
        let source = fs::read_to_string(path).expect("readable");
        // A word alone is a name, as of a column.
        literals(&source).iter().filter(|text| text.contains(' ')).for_each(|text| check(path, text));
    }
    let mut texts = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    files(&root.join("tests/wording"), ".snap", &mut texts);
    for path in texts {
        fs::read_to_string(&path).expect("readable").lines().for_each(|line| check(&path, line));
    }
    assert!(wrong.is_empty(), "{} odd phrases\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn literals_are_found_in_source() {
    let source = "// \"no\"\nlet a = '\"'; let b: &'static str = \"one \\\"two\\\" \\\n   three\"; let c = '\\'';\nr#\"a \"b\" c\"#";
    assert_eq!(literals(source), ["one \\\"two\\\" three", "a \"b\" c"]);
    assert_eq!(found("must be one of a, there is no user").len(), 0);
    assert_eq!(found("x is no time zone; 1 orders").len(), 2);
    assert_eq!(found("is paid already").len(), 1);
}
