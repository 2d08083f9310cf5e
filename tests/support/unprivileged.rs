//! shopctl run by an unprivileged user, because permissions do not apply to root.

use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::shop::finish;
use super::{Run, Shop};

const NOBODY: u32 = 65_534;

/// A copy of the binary: the build may stand where only its owner may go.
pub struct UnprivilegedUser(tempfile::TempDir);

impl UnprivilegedUser {
    pub fn new() -> UnprivilegedUser {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        std::fs::copy(env!("CARGO_BIN_EXE_shopctl"), folder.path().join("shopctl")).expect("ours");
        mode(folder.path(), 0o755);
        UnprivilegedUser(folder)
    }

    /// Like [`Shop::run`], as an unprivileged user.
    #[must_use = "assert how the run ended"]
    pub fn run(&self, shop: &Shop, arguments: &[&str]) -> Run {
        let template = shop.command(arguments);
        let mut command = Command::new(self.0.path().join("shopctl"));
        command.args(arguments).env_clear().envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.0.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0) {
            command.uid(NOBODY).gid(NOBODY);
        }
        finish(command.spawn().expect("built"), arguments)
    }
}

/// Sets the permissions of a file or folder of the test's own.
pub fn mode(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}
