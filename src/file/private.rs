//! Files and folders for their owner alone.

use std::fs;
use std::path::Path;

use super::{OutputFile, unwritable};
use crate::error::Result;

impl OutputFile {
    /// The same file, which nobody but its owner can read, also where it replaces one that others can.
    ///
    /// Errors: exit 4 where the system refuses.
    pub fn for_owner_only(self) -> Result<OutputFile> {
        #[cfg(unix)]
        if self.unfinished.is_some() {
            let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
            self.file.set_permissions(mode).map_err(|error| unwritable(&self.path, &error))?;
        }
        Ok(self)
    }
}

/// Makes a folder, and the ones above it, that only its owner can enter.
///
/// Errors: exit 4 naming the folder.
pub fn create_private_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| unwritable(folder, &error))
}
