//! Talk for people, on stderr, and what a command was asked for, on stdout.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Something that was asked for could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes a line to stderr. Talk that cannot be written is lost: a log on a full disk, or a closed terminal, must not
/// end the process that drives a robot, as `eprintln!` would.
pub fn say(words: Arguments<'_>) {
    let _lost = writeln!(std::io::stderr(), "{words}");
}

/// Writes a line to stdout. A reader that has seen enough (`| head`) may go without ending the command; anything else that
/// keeps an answer from being written, a full disk above all, is told once, and shows in the exit code by [`answered`].
pub fn answer(words: Arguments<'_>) {
    match writeln!(std::io::stdout(), "{words}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) => {
            say(format_args!("nightshift: stdout cannot be written, its answer is not whole: {error}"));
        }
        Ok(()) | Err(_) => {}
    }
}

/// Whether all answers were written, as far as anybody read them.
pub fn answered() -> bool {
    !LOST.load(Ordering::Relaxed)
}

/// As `eprintln!`, but without the panic.
macro_rules! talk {
    ($($words:tt)*) => { $crate::talk::say(format_args!($($words)*)) };
}
/// As `println!`, but without the panic.
macro_rules! tell {
    ($($words:tt)*) => { $crate::talk::answer(format_args!($($words)*)) };
}
pub(crate) use {talk, tell};
