//! Talk for people, on stderr.

use std::fmt::Arguments;
use std::io::Write;

/// Writes a line to stderr. Talk that cannot be written is lost: a log on a full disk, or a closed terminal, must not
/// end the process that drives a robot, as `eprintln!` would.
pub fn say(words: Arguments<'_>) {
    let _lost = writeln!(std::io::stderr(), "{words}");
}

/// As `eprintln!`, but without the panic.
macro_rules! talk {
    ($($words:tt)*) => { $crate::talk::say(format_args!($($words)*)) };
}
pub(crate) use talk;
