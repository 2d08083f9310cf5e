//! Every crate that `Cargo.toml` names is used, and no crate is compiled twice for the sake of tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::files;

/// Packages whose library is called otherwise.
const OTHER_NAMES: [(&str, &str); 1] = [("tz-rs", "tz")];

/// Packages that no source names, and what each is for.
const FOR_ITS_FEATURES: [(&str, &str); 6] = [
    ("idna_adapter", "its version has no tables of Unicode"),
    ("libc", "nix, of rexpect, needs `extra_traits`"),
    ("regex-automata", "regex, of rexpect, needs all of it"),
    ("regex-syntax", "proptest needs its defaults"),
    ("simdutf8", "bson needs its defaults"),
    ("thiserror", "bson and rexpect need its defaults"),
];

/// The packages of the sections that end with `dependencies]`.
fn packages(manifest: &str) -> Vec<&str> {
    let mut is_list = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_list = line.ends_with("dependencies]") && !line.starts_with("[workspace");
        } else if is_list && let Some((name, _)) = line.split_once(['=', '.']) {
            found.push(name.trim());
        }
    }
    found.retain(|name| !name.starts_with('#'));
    found
}

/// The packages that none of the sources names as `name::` or `use name;`.
fn unused<'a>(manifest: &'a str, sources: &[String]) -> Vec<&'a str> {
    let is_used = |package: &&str| {
        let library = OTHER_NAMES.iter().find(|(name, _)| name == package).map_or(*package, |(_, library)| library);
        let library = library.replace('-', "_");
        let (path, import) = (format!("{library}::"), format!("use {library};"));
        sources.iter().any(|source| source.contains(&path) || source.contains(&import))
    };
    packages(manifest).into_iter().filter(|package| !is_used(package)).collect()
}

#[test]
fn every_dependency_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for package in [root.to_owned(), root.join("migration")] {
        let mut found = Vec::new();
        ["src", "tests"].iter().filter(|folder| package.join(folder).is_dir()).for_each(|folder| {
            files(&package.join(folder), &mut found);
        });
        let sources: Vec<String> = found.iter().map(|file| fs::read_to_string(file).expect("readable")).collect();
        let manifest = fs::read_to_string(package.join("Cargo.toml")).expect("readable");
        assert!(packages(&manifest).len() > 1, "the dependencies were not found");
        let expected = match package == root {
            true => FOR_ITS_FEATURES.map(|(name, _)| name).to_vec(),
            false => Vec::new(),
        };
        let mut unused = unused(&manifest, &sources);
        unused.sort_unstable();
        assert_eq!(unused, expected, "{}", package.display());
    }
}

/// The packages that cargo compiles for dependencies of these kinds, with their features.
fn compiled(kinds: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--locked", "--workspace", "--prefix", "none", "--format", "{p} {f}", "--edges", kinds]);
    let output = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs the tests");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("names and features");
    lines.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn tests_need_no_dependency_of_the_program_with_other_features() {
    let (program, with_tests) = (compiled("normal,build"), compiled("normal,build,dev"));
    assert!(program.len() > 100 && with_tests.len() > program.len(), "{program:?}");
    // Each would be compiled a second time, and with it all that is built on it.
    let again: Vec<_> = program.difference(&with_tests).collect();
    assert!(again.is_empty(), "name the features that tests add in [dependencies] and FOR_ITS_FEATURES: {again:?}");
}

#[test]
fn an_unused_dependency_is_found() {
    let manifest =
        "[package]\nname = \"x\"\n[dependencies]\n# one = 1\ntz-rs = \"1\"\nsea-orm.workspace = true\nanyhow = \"1\"\n";
    let sources = ["use tz::TimeZone; use sea_orm::DbErr;".to_owned()];
    assert_eq!(unused(manifest, &sources), ["anyhow"]);
}
