//! The durable store: jobs and the ledger in SQLite. The only user of `rusqlite`.
//!
//! One transaction a call of [`Store::append`], written through to the disk before it returns (WAL with
//! `synchronous=FULL`). The file is locked for as long as the store is open, so that two stacks cannot share one.

use crate::chain::Entry;
use crate::job::JobRecord;
use crate::ledger::Body;
use crate::restored::Restored;
use nightshift_core::{Code, Failure, Stamp};
use rusqlite::{Connection, ErrorCode, Transaction, params};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Something to be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StoreRecord {
    /// A job as it is now: takes the place of what was written of it before.
    Job(JobRecord),
    /// The next entry of the ledger.
    Ledger(Entry),
}

/// The job store and the ledger on disk, or in memory for a lockstep run.
pub struct Store {
    connection: Connection,
    /// For messages.
    name: String,
}

/// `PRAGMA application_id`: says that a file is ours.
const APPLICATION: i64 = 0x4e_53_4c_31;
/// The layout of the tables that this version writes and reads.
const SCHEMA: i64 = 1;

const TABLES: &str = "
    CREATE TABLE ledger (
        seq INTEGER PRIMARY KEY, stamp TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL
    ) STRICT;
    CREATE TABLE job (
        number INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL UNIQUE, record TEXT NOT NULL
    ) STRICT;
    CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    INSERT INTO state VALUES ('open', 0), ('restart', 0);
";

impl Store {
    /// Opens the store at `path`, making it where there is none, and reads it all back, checking the ledger's chain.
    ///
    /// `STORE_UNAVAILABLE` where another process has it open, where it cannot be read or written, where it is of
    /// another version, or where the chain is broken.
    pub fn open(path: &Path) -> Result<(Self, Restored), Failure> {
        let name = path.display().to_string();
        let connection = Connection::open(path).map_err(|error| unavailable(&name, "opened", &error))?;
        Self::begin(connection, name)
    }

    /// A store that lasts as long as the process: for lockstep runs and tests.
    pub fn in_memory() -> Result<(Self, Restored), Failure> {
        let name = "memory".to_owned();
        let connection =
            Connection::open_in_memory().map_err(|error| unavailable(&name, "opened", &error))?;
        Self::begin(connection, name)
    }

    fn begin(connection: Connection, name: String) -> Result<(Self, Restored), Failure> {
        let mut store = Self { connection, name };
        store.prepare().map_err(|error| store.locked_or(&error))?;
        store.check_layout()?;
        let restored = store.restored()?;
        // From now until `close`, an end is an unclean one.
        let marks = "UPDATE state SET value = ?1 WHERE name = 'restart'";
        store
            .connection
            .execute(marks, [i64::from(restored.restart_needed)])
            .and_then(|_| store.connection.execute("UPDATE state SET value = 1 WHERE name = 'open'", []))
            .map_err(|error| unavailable(&store.name, "written", &error))?;
        Ok((store, restored))
    }

    fn prepare(&mut self) -> rusqlite::Result<()> {
        let db = &self.connection;
        // Exclusive before the journal's mode: then the lock is taken now, and SQLite needs no shared memory.
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)?;
        let tables: i64 =
            transaction.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
        if tables == 0 {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", SCHEMA)?;
        }
        transaction.commit()
    }

    fn check_layout(&self) -> Result<(), Failure> {
        let pragma = |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let read = |error: rusqlite::Error| unavailable(&self.name, "read", &error);
        if pragma("application_id").map_err(read)? != APPLICATION {
            let words = format!("{} is a database of something else", self.name);
            return Err(Failure::new(Code::StoreUnavailable, words));
        }
        let version = pragma("user_version").map_err(read)?;
        if version != SCHEMA {
            let words = format!("{} has layout {version}, this version reads {SCHEMA}", self.name);
            return Err(Failure::new(Code::StoreUnavailable, words));
        }
        Ok(())
    }

    /// Everything that is in the store, read anew.
    pub fn restored(&self) -> Result<Restored, Failure> {
        let read = |error: rusqlite::Error| unavailable(&self.name, "read", &error);
        let rows = |sql: &str, columns: usize| -> rusqlite::Result<Vec<Vec<String>>> {
            let mut statement = self.connection.prepare(sql)?;
            let rows = statement.query_map([], |row| (0..columns).map(|i| row.get(i)).collect())?;
            rows.collect()
        };
        let entries = rows("SELECT seq || '', stamp, body, previous, hash FROM ledger ORDER BY seq", 5)
            .map_err(read)?
            .into_iter()
            .map(|row| self.entry(row))
            .collect::<Result<Vec<_>, _>>()?;
        let jobs = rows("SELECT record FROM job ORDER BY number", 1)
            .map_err(read)?
            .into_iter()
            .map(|row| self.parse("a job", &row[0]))
            .collect::<Result<Vec<JobRecord>, _>>()?;
        let state = |name: &str| {
            let sql = "SELECT value FROM state WHERE name = ?1";
            self.connection.query_row(sql, [name], |row| row.get::<_, i64>(0)).map(|value| value != 0)
        };
        let unclean = state("open").map_err(read)? || state("restart").map_err(read)?;
        Restored::replay(&entries, jobs, unclean)
    }

    fn entry(&self, row: Vec<String>) -> Result<Entry, Failure> {
        let [seq, stamp, body, previous, hash]: [String; 5] =
            row.try_into().expect("five columns were asked for");
        let what = format!("ledger entry {seq}");
        Ok(Entry {
            seq: self.parse(&what, &seq)?,
            stamp: Stamp(self.parse(&what, &stamp)?),
            body: self.parse(&what, &body)?,
            previous,
            hash,
        })
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, what: &str, text: &str) -> Result<T, Failure> {
        serde_json::from_str(text).map_err(|error| {
            let words = format!("{what} in {} cannot be read back: {error}", self.name);
            Failure::new(Code::StoreUnavailable, words)
        })
    }

    /// Writes records, all or none, and through to the disk. Answers with the ledger's last sequence number.
    pub fn append(&mut self, records: &[StoreRecord]) -> Result<u64, Failure> {
        let written = self.connection.transaction().and_then(|transaction| {
            for record in records {
                write(&transaction, record)?;
            }
            let sql = "SELECT coalesce(max(seq), 0) FROM ledger";
            let last = transaction.query_row(sql, [], |row| row.get::<_, i64>(0))?;
            transaction.commit()?;
            Ok(last)
        });
        let last = written.map_err(|error| unavailable(&self.name, "written", &error))?;
        Ok(u64::try_from(last).expect("sequence numbers count from 1"))
    }

    /// Ends cleanly: the next start needs no acknowledgement, unless a job is open.
    pub fn close(self) -> Result<(), Failure> {
        let sql = "UPDATE state SET value = 0 WHERE name = 'open'";
        self.connection.execute(sql, []).map_err(|error| unavailable(&self.name, "written", &error))?;
        self.connection.close().map_err(|(_, error)| unavailable(&self.name, "closed", &error))
    }

    fn locked_or(&self, error: &rusqlite::Error) -> Failure {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                let words =
                    format!("another stack holds {}: end it, or give this one a store of its own", self.name);
                Failure::new(Code::StoreUnavailable, words)
            }
            _ => unavailable(&self.name, "opened", error),
        }
    }
}

fn write(transaction: &Transaction<'_>, record: &StoreRecord) -> rusqlite::Result<()> {
    match record {
        StoreRecord::Job(job) => transaction.execute(
            "INSERT INTO job (job_id, record) VALUES (?1, ?2)
             ON CONFLICT (job_id) DO UPDATE SET record = excluded.record",
            params![job.job_id.as_str(), json(job)],
        )?,
        StoreRecord::Ledger(entry) => {
            if matches!(entry.body, Body::Acknowledged { .. }) {
                transaction.execute("UPDATE state SET value = 0 WHERE name = 'restart'", [])?;
            }
            transaction.execute(
                "INSERT INTO ledger VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    i64::try_from(entry.seq).expect("no night has so many entries"),
                    entry.stamp.0.to_string(),
                    json(&entry.body),
                    entry.previous,
                    entry.hash
                ],
            )?
        }
    };
    Ok(())
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("records are plain data")
}

fn unavailable(name: &str, done: &str, error: &rusqlite::Error) -> Failure {
    let words = format!("the store {name} cannot be {done}: {error}");
    Failure::new(Code::StoreUnavailable, words)
}

#[cfg(test)]
mod tests;
