//! `--version`, and the build script that finds out what it prints.

use std::path::Path;
use std::process::Command;

use chrono::NaiveDate;

use crate::support::{Backend, Shop};

/// What `--version` names in parentheses: the commit, if the source has one, and a date.
fn commit_and_date<'v>(version: &'v str, number: &str) -> Option<(Option<&'v str>, NaiveDate)> {
    let rest = version.strip_prefix(number).unwrap_or_else(|| panic!("{number} in {version:?}"));
    if rest.is_empty() {
        return None;
    }
    let origin = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
    let origin = origin.unwrap_or_else(|| panic!("parentheses in {version:?}"));
    let (commit, date) = origin.split_once(' ').map_or((None, origin), |(commit, date)| (Some(commit), date));
    Some((commit, date.parse().unwrap_or_else(|_| panic!("a date in {version:?}"))))
}

#[test]
fn the_long_version_names_commit_and_date() {
    let shop = Shop::empty(Backend::Sqlite).expect("always there");
    let help = shop.run(&["help", "--json"]).success().json();
    let number = help["version"].as_str().expect("a text");
    assert_eq!(shop.run(&["-V"]).success().stdout, format!("shopctl {number}\n"));
    let said = shop.run(&["--version"]).success().stdout;
    let version = said.strip_prefix("shopctl ").and_then(|line| line.strip_suffix('\n')).expect("one line");
    let found = commit_and_date(version, number);
    if Path::new(env!("CARGO_MANIFEST_DIR")).join(".git").exists() {
        let (commit, _) = found.expect("a checkout has both");
        let commit = commit.expect("a checkout has a commit");
        assert!(commit.len() == 9 && commit.chars().all(|digit| digit.is_ascii_hexdigit()), "{version}");
    }
}

/// The build script, built.
struct Script {
    folder: tempfile::TempDir,
}

impl Script {
    fn new() -> Script {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
        rustc.args(["--edition=2024", "--out-dir"]).args([folder.path(), &source]);
        assert!(rustc.env("CARGO_PKG_VERSION", "1.2.3").status().expect("rustc runs").success());
        std::fs::create_dir(folder.path().join("source")).expect("a new folder");
        Script { folder }
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgSign=false"]);
        git.args(arguments).current_dir(self.folder.path().join("source"));
        git.env("GIT_COMMITTER_DATE", "2028-02-29T23:30:00-0200").env_remove("GIT_DIR");
        assert!(git.output().expect("git runs").status.success(), "git {arguments:?}");
    }

    /// What it prints in the folder of the source, with these variables.
    fn says(&self, variables: &[(&str, &str)]) -> String {
        let mut script = Command::new(self.folder.path().join("build"));
        script.current_dir(self.folder.path().join("source")).env_remove("SOURCE_DATE_EPOCH");
        script.envs(variables.iter().copied());
        let output = script.output().expect("it runs");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn version(&self, variables: &[(&str, &str)]) -> String {
        let said = self.says(variables);
        let version = said.lines().find_map(|line| line.strip_prefix("cargo:rustc-env=SHOPCTL_VERSION="));
        version.unwrap_or_else(|| panic!("a version in {said:?}")).to_owned()
    }
}

#[test]
fn a_build_needs_neither_git_nor_a_checkout() {
    let script = Script::new();
    assert_eq!(script.version(&[]), "1.2.3");
    for (seconds, date) in [
        ("0", "1970-01-01"),
        ("951782399", "2000-02-28"),
        ("951782400", "2000-02-29"),
        ("1798761599", "2026-12-31"),
        ("1798761600", "2027-01-01"),
        ("4107542400", "2100-03-01"),
    ] {
        assert_eq!(script.version(&[("SOURCE_DATE_EPOCH", seconds)]), format!("1.2.3 ({date})"));
    }
    assert_eq!(script.version(&[("SOURCE_DATE_EPOCH", "yesterday")]), "1.2.3");
    script.git(&["init", "-q"]);
    assert_eq!(script.version(&[]), "1.2.3", "no commit yet");
    script.git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    let version = script.version(&[]);
    let (commit, date) = commit_and_date(&version, "1.2.3").expect("both");
    assert_eq!((commit.map(str::len), date.to_string()), (Some(9), "2028-03-01".to_owned()), "{version}");
    let epoch = script.version(&[("SOURCE_DATE_EPOCH", "0")]);
    assert_eq!(epoch, format!("1.2.3 ({} 1970-01-01)", commit.expect("just seen")));
    assert_eq!(script.version(&[("PATH", "")]), "1.2.3", "without git");
    let said = script.says(&[]);
    for file in said.lines().filter_map(|line| line.strip_prefix("cargo:rerun-if-changed=")) {
        assert!(script.folder.path().join("source").join(file).exists(), "{file} is missing: each build is a new one");
    }
    assert!(said.contains("cargo:rerun-if-changed=.git/logs/HEAD"), "{said}");
}
