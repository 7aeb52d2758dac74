//! The ledger's chain: each entry carries the hash of the one before it, so that a change of the past shows.

use crate::ledger::Body;
use nightshift_core::{Code, Failure, Stamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counted from 1, without gaps.
    pub seq: u64,
    /// When it was written, on the run's time line.
    pub stamp: Stamp,
    /// What it says.
    pub body: Body,
    /// The hash of the entry before it, lower-case hex; empty on the first.
    pub previous: String,
    /// SHA-256, lower-case hex, of `previous`, a line end, and `[seq,stamp,body]` as compact JSON.
    pub hash: String,
}

/// The end of the chain so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last entry's number; 0 where there is none.
    pub seq: u64,
    /// The last entry's hash; empty where there is none.
    pub hash: String,
}

impl Head {
    /// The end of the chain with `entry` as its last.
    pub fn of(entry: &Entry) -> Self {
        Self { seq: entry.seq, hash: entry.hash.clone() }
    }

    /// The entry that would continue the chain.
    pub fn next(&self, stamp: Stamp, body: Body) -> Entry {
        let seq = self.seq + 1;
        let hash = hash(&self.hash, seq, stamp, &body);
        Entry { seq, stamp, body, previous: self.hash.clone(), hash }
    }

    /// Whether `entry` continues the chain as it was written.
    pub fn verify(&self, entry: &Entry) -> Result<(), Failure> {
        let broken = |reason: String| {
            let words = format!("the ledger's chain is broken at entry {}: {reason}", entry.seq);
            Err(Failure::new(Code::StoreUnavailable, words))
        };
        if entry.seq != self.seq + 1 {
            return broken(format!("entry {} comes after entry {}", entry.seq, self.seq));
        }
        if entry.previous != self.hash {
            return broken("it does not carry the hash of the entry before it".into());
        }
        if entry.hash != hash(&entry.previous, entry.seq, entry.stamp, &entry.body) {
            return broken("its content does not fit its hash: it was changed after it was written".into());
        }
        Ok(())
    }
}

fn hash(previous: &str, seq: u64, stamp: Stamp, body: &Body) -> String {
    let content = serde_json::to_string(&(seq, stamp, body)).expect("a ledger entry is plain data");
    let digest = Sha256::new().chain_update(previous).chain_update("\n").chain_update(content).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
