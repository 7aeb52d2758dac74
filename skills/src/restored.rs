//! What the store knew when it was opened.

use crate::chain::Entry;
use crate::job::JobRecord;
use crate::ledger::Ledger;
use nightshift_core::Failure;
use serde::{Deserialize, Serialize};

/// Everything that survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// Where every sample is.
    pub ledger: Ledger,
    /// Every job, oldest first.
    pub jobs: Vec<JobRecord>,
    /// Whether motion must wait for a person's word: the last end was unclean, or left a job open.
    pub restart_needed: bool,
}

impl Restored {
    /// From what was written, in order. `unclean`: the last end was not announced, or was not acknowledged.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` where the ledger's chain is broken; the failure of an entry that cannot follow on those
    /// before it.
    pub fn replay(entries: &[Entry], jobs: Vec<JobRecord>, unclean: bool) -> Result<Self, Failure> {
        let mut ledger = Ledger::default();
        entries.iter().try_for_each(|entry| ledger.apply(entry))?;
        let open = jobs.iter().any(|job| job.result.is_none());
        Ok(Self { ledger, jobs, restart_needed: unclean || open })
    }
}
