//! No dependency cycles between source files, direct or indirect.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{files, top_level, without_tests_and_comments};

/// The files that each file names in its `use` lines and paths. A folder's own file and what is in the folder are
/// one thing in two places: what they use of each other does not count.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// `src/db/mod.rs` is `db`, `src/bulk/order/compare.rs` is `bulk::order::compare`.
fn module_of(path: &str) -> String {
    let module = path.trim_start_matches("src/").trim_end_matches(".rs").replace('/', "::");
    module.trim_end_matches("::mod").to_owned()
}

/// Every path that stands behind `crate::` or `super::`, from the crate's root.
fn paths(module: &str, code: &str) -> Vec<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let above = parent.rsplit_once("::").map_or("", |(above, _)| above);
    let roots = [("crate::", ""), ("super::super::", above), ("super::", parent)];
    let mut found = Vec::new();
    for (word, root) in roots {
        for rest in code.split(word).skip(1) {
            spelled(root, rest, &mut found);
        }
    }
    found
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn spelled(root: &str, rest: &str, found: &mut Vec<String>) {
    let is_word = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    let end = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
    let path = [root, &rest[..end]].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("::");
    match rest[end..].strip_prefix('{') {
        Some(list) if rest[..end].is_empty() || rest[..end].ends_with("::") => {
            let root = path.trim_end_matches("::").to_owned();
            top_level(list).iter().for_each(|part| spelled(&root, part.trim(), found));
        }
        _ => found.push(path),
    }
}

/// What each of the files uses; `sources` are their paths and texts.
fn uses(sources: &[(String, String)]) -> Uses {
    let modules: BTreeSet<String> = sources.iter().map(|(path, _)| module_of(path)).collect();
    let file_of = |path: &str| {
        let mut path = path;
        while !modules.contains(path) {
            path = path.rsplit_once("::")?.0;
        }
        Some(path.to_owned())
    };
    let is_within = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with("::"));
    let uses_of = |module: &str, source: &str| {
        let used = paths(module, &without_tests_and_comments(source)).into_iter().filter_map(|path| file_of(&path));
        used.filter(|used| used != module && !is_within(used, module) && !is_within(module, used)).collect()
    };
    sources.iter().map(|(path, text)| (module_of(path), uses_of(&module_of(path), text))).collect()
}

/// The pairs in which the second file leads back to the first.
fn cycles(uses: &Uses) -> Vec<String> {
    let reaches = |from: &str, to: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            if module == to {
                return true;
            }
            if seen.insert(module) {
                open.extend(uses.get(module).into_iter().flatten().map(String::as_str));
            }
        }
        false
    };
    let arrows = uses.iter().flat_map(|(module, used)| used.iter().map(move |used| (module, used)));
    arrows.filter(|(from, to)| reaches(to, from)).map(|(from, to)| format!("{from} -> {to}")).collect()
}

fn source(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

#[test]
fn no_files_depend_on_each_other_in_a_cycle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("src"), &mut found);
    let sources: Vec<(String, String)> = found
        .iter()
        .filter(|file| !file.ends_with("tests.rs"))
        .map(|file| {
            let path = file.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            source(&path, &fs::read_to_string(file).expect("readable"))
        })
        .collect();
    let mut uses = uses(&sources);
    assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 500, "the arrows were not found");
    // SeaORM relations refer to each other.
    uses.retain(|module, _| !module.starts_with("entity::"));
    let cycles = cycles(&uses);
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

#[test]
fn a_cycle_over_several_files_is_found() {
    let sources = [
        source("src/a.rs", "use crate::{b::One, c::d::{Two, e::Three}};"),
        source("src/b.rs", "use super::c::Four;"),
        source("src/c/mod.rs", "mod d; pub use d::Two;"),
        source("src/c/d.rs", "use super::super::a::Five;"),
    ];
    assert_eq!(cycles(&uses(&sources)), ["a -> c::d", "c::d -> a"]);
    let [a, b, c, _] = sources;
    assert_eq!(cycles(&uses(&[a, b, c, source("src/c/d.rs", "use super::Six;\n// crate::a::Five")])), [] as [&str; 0]);
}
