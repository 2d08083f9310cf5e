//! Tells the compiler what `shopctl --version` prints: the commit and its date, if the source is a checkout. Packs the
//! release.

use std::path::Path;
use std::process::Command;

const DAY: i64 = 24 * 60 * 60;
/// As many digits as those of `cargo --version`; what Git abbreviates to depends on the size of the clone.
const DIGITS: usize = 9;

fn main() {
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let number = env!("CARGO_PKG_VERSION");
    let (commit, seconds) = head().unzip();
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let origin: Vec<String> = commit.into_iter().chain(given.or(seconds).map(date)).collect();
    let version = if origin.is_empty() { number.to_owned() } else { format!("{number} ({})", origin.join(" ")) };
    println!("cargo:rustc-env=SHOPCTL_VERSION={version}");
    if is_release_for_this_machine() && packs_relocations() {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

fn is_release_for_this_machine() -> bool {
    let variable = |name| std::env::var(name).ok();
    variable("PROFILE").as_deref() == Some("release") && variable("TARGET") == variable("HOST")
}

/// Whether the C library loads packed relocations, which make the program 0.4 MB smaller: glibc does from 2.36 on.
fn packs_relocations() -> bool {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().map(|output| output.stdout).unwrap_or_default();
    let version = String::from_utf8(said).unwrap_or_default();
    let minor = version.trim().strip_prefix("glibc 2.").and_then(|minor| minor.split('.').next()?.parse::<u32>().ok());
    minor.is_some_and(|minor| minor >= 36)
}

/// The commit that is checked out, and when it was made, in seconds since 1970; `None` without Git or outside a
/// checkout.
fn head() -> Option<(String, i64)> {
    // A tarball may be unpacked within the checkout of something else.
    if !Path::new(".git").exists() {
        return None;
    }
    let line = git(&["log", "-1", "--no-show-signature", "--format=%H %ct"])?;
    // The log grows by a line whenever another commit is checked out or made. A file that is missing would make every
    // build a new one.
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let (commit, seconds) = line.split_once(' ')?;
    Some((commit.get(..DIGITS)?.to_owned(), seconds.parse().ok()?))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("--git-dir=.git").args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}

/// The day of a time, in UTC: the crates that know it would be built a second time for this.
fn date(seconds: i64) -> String {
    let mut days = seconds.div_euclid(DAY);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= 365 + i64::from(is_leap(year)) {
        days -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + i64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}
