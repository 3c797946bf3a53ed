//! A sample of what a node was given in a run, as a golden case.

use std::path::{Path, PathBuf};

use super::TestArgs;
use crate::run::RunError;

/// Writes the case into `folder`; gives its file.
pub(super) fn capture(
    _args: &TestArgs,
    _run: &str,
    _node: &str,
    _folder: &Path,
) -> Result<PathBuf, RunError> {
    Err(RunError::Usage("not yet".to_owned()))
}
