//! Keys of the terminal that the simulator runs in.

use crate::talk::talk;
use nightshift_ros::SimRequest;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use std::io::{Read, Stdin};

/// The terminal, told to hand out keys as they are pressed and not line by line. Gets its ways back when this is dropped.
/// Ctrl-C stays what it is.
pub struct Keys {
    terminal: Stdin,
    before: Termios,
}

impl Keys {
    /// None where nobody can press a key: no terminal, or somebody else's.
    pub fn listen() -> Option<Self> {
        let terminal = std::io::stdin();
        if !in_foreground(&terminal) {
            return None;
        }
        let before = tcgetattr(&terminal).ok()?;
        let mut now = before.clone();
        now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        // A read hands out what is there, and does not wait.
        now.special_codes[SpecialCodeIndex::VMIN] = 0;
        now.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Now, &now).ok()?;
        talk!("nightshift sim: keys: space holds and goes on, . a step, s snapshot, r restore, 0 reset");
        Some(Self { terminal, before })
    }

    /// What was asked for by keys since; `held` is whether the simulator stands still.
    pub fn pressed(&mut self, held: bool) -> Vec<SimRequest> {
        // Reading from the background would stop the process.
        if !in_foreground(&self.terminal) {
            return Vec::new();
        }
        let mut bytes = [0; 16];
        let count = self.terminal.lock().read(&mut bytes).unwrap_or(0);
        bytes[..count].iter().filter_map(|key| meaning(*key, held)).collect()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if in_foreground(&self.terminal) {
            // A terminal that is gone needs nothing back.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }
}

/// Whether this process is the one that the terminal's keys go to.
fn in_foreground(terminal: &Stdin) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}

fn meaning(key: u8, held: bool) -> Option<SimRequest> {
    match key {
        b' ' => Some(SimRequest::Pause(!held)),
        b'.' => Some(SimRequest::Step),
        b's' => Some(SimRequest::Snapshot),
        b'r' => Some(SimRequest::Restore),
        b'0' => Some(SimRequest::Reset),
        _ => None,
    }
}
