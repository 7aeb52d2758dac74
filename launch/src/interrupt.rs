//! Ctrl-C and SIGTERM as a flag to look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised when somebody wants the process to end.
#[derive(Clone)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Whether somebody does.
    pub fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Listens from now on. A second signal ends the process at once.
pub fn flag() -> Result<Flag, String> {
    let raised = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let shutdown = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&raised));
        let listen = signal_hook::flag::register(signal, Arc::clone(&raised));
        shutdown.and(listen).map_err(|e| format!("signals cannot be listened to: {e}"))?;
    }
    Ok(Flag(raised))
}
