//! The Rerun viewer: a program of its own, of the same version as the library that talks to it.

use std::process::Command;

/// Why the viewer cannot be opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewerError {
    /// There is none.
    #[error(
        "there is no program `rerun` on the PATH ({0}). {remedy}, or use --save and open the file elsewhere",
        remedy = remedy()
    )]
    Absent(String),
    /// Another version would misread the stream.
    #[error("the program `rerun` on the PATH is version {0}, and {VERSION} is needed. {remedy}", remedy = remedy())]
    OtherVersion(String),
}

/// Of the library that this is built with.
pub const VERSION: &str = "0.36.3";

fn remedy() -> String {
    format!("Install it with `pip install rerun-sdk=={VERSION}`")
}

/// Checks that a viewer is there and of the right version.
pub fn check() -> Result<(), ViewerError> {
    let output =
        Command::new("rerun").arg("--version").output().map_err(|e| ViewerError::Absent(e.to_string()))?;
    check_version(&String::from_utf8_lossy(&output.stdout))
}

/// `text` is what `rerun --version` prints: `rerun-cli 0.36.3 [rustc ...] ...`.
pub fn check_version(text: &str) -> Result<(), ViewerError> {
    let version = text.split_whitespace().nth(1).unwrap_or("unknown");
    if version == VERSION { Ok(()) } else { Err(ViewerError::OtherVersion(version.to_owned())) }
}
