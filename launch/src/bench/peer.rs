//! A peer, measured by a script of Python in tests/peers.

use crate::files;
use serde::de::DeserializeOwned;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// What a script of tests/peers prints: the last JSON object of its output. Where there is none, why.
pub fn ask<T: DeserializeOwned>(
    python: &Path,
    script: &str,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<T, String> {
    let script = files::home().join("tests/peers").join(script);
    let named = |why: &dyn std::fmt::Display| format!("{} {}: {why}", python.display(), script.display());
    let output = Command::new(python).arg(&script).args(args).output().map_err(|e| named(&e))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(named(&words.lines().last().unwrap_or("it failed")));
    }
    // TRAC-IK talks on stdout as well.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().rev().find_map(|line| line.find('{').map(|at| &line[at..]));
    serde_json::from_str(line.unwrap_or_default()).map_err(|e| named(&e))
}
