//! Every crate that `Cargo.toml` names is used.

use std::fs;
use std::path::Path;

use super::files;

/// Packages whose library is called otherwise.
const OTHER_NAMES: [(&str, &str); 1] = [("tz-rs", "tz")];

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
        assert_eq!(unused(&manifest, &sources), [] as [&str; 0], "{}", package.display());
    }
}

#[test]
fn an_unused_dependency_is_found() {
    let manifest =
        "[package]\nname = \"x\"\n[dependencies]\n# one = 1\ntz-rs = \"1\"\nsea-orm.workspace = true\nanyhow = \"1\"\n";
    let sources = ["use tz::TimeZone; use sea_orm::DbErr;".to_owned()];
    assert_eq!(unused(manifest, &sources), ["anyhow"]);
}
