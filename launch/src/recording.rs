//! The folder of a recorded run: `journal.jsonl`, `run.json` (what is needed to replay it), `pictures/`.

use nightshift_core::record::Sink;
use nightshift_skills::Restored;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What a fresh stack needs to be the recorded one.
#[derive(Serialize, Deserialize)]
pub struct RunInfo {
    /// A folder below `maps/`, or a path.
    pub site: String,
    /// A folder below `robot/description/`, or a path.
    pub robot: String,
    /// Of the stack.
    pub seed: u64,
    /// What the store knew at the start; none in a recording of the simulator alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Restored>,
}

/// Where a run's parts lie.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Makes the folder if need be.
    pub fn make(path: &Path) -> Result<Self, String> {
        fs::create_dir_all(path.join("pictures"))
            .map_err(|e| format!("the folder {} cannot be made: {e}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// Moves the record of an earlier start out of the way, into `earlier-1/`, `earlier-2/`, ...: an incident must not be
    /// overwritten by the restart after it. Ledger and pictures are gone on with.
    pub fn keep_earlier(&self) -> Result<(), String> {
        if !self.journal().exists() {
            return Ok(());
        }
        let free = (1..).map(|n| self.0.join(format!("earlier-{n}"))).find(|path| !path.exists());
        let to = free.expect("some number is free");
        fs::create_dir(&to)
            .and_then(|()| fs::rename(self.journal(), to.join("journal.jsonl")))
            .and_then(|()| fs::rename(self.0.join("run.json"), to.join("run.json")))
            .map_err(|e| format!("the earlier record cannot be moved to {}: {e}", to.display()))
    }

    /// Journal lines.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.jsonl")
    }

    /// Pictures by content hash.
    pub fn pictures(&self) -> PathBuf {
        self.0.join("pictures")
    }

    /// What differed from the map in the end.
    pub fn changes(&self) -> PathBuf {
        self.0.join("changes.json")
    }

    /// Ledger and jobs.
    pub fn store(&self) -> PathBuf {
        self.0.join("ledger.sqlite")
    }

    /// Writes what a replay needs, or what else says where the run was.
    pub fn write_info(&self, info: &impl Serialize) -> Result<(), String> {
        let path = self.0.join("run.json");
        let text = serde_json::to_string(info).expect("plain data");
        fs::write(&path, text).map_err(|e| format!("{} cannot be written: {e}", path.display()))
    }

    /// Reads what a replay needs.
    pub fn info(&self) -> Result<RunInfo, String> {
        let path = self.0.join("run.json");
        let text = fs::read_to_string(&path).map_err(|e| {
            format!("{} cannot be read: {e}: give the folder of a recorded run", path.display())
        })?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Reads the journal. A line that was cut off by a crash at the very end is left out.
    pub fn lines(&self) -> Result<Vec<String>, String> {
        let path = self.journal();
        let file = File::open(&path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        let mut lines: Vec<String> = BufReader::new(file)
            .lines()
            .collect::<Result<_, _>>()
            .map_err(|e| format!("{}: {e}", path.display()))?;
        if lines.last().is_some_and(|last| serde_json::from_str::<serde::de::IgnoredAny>(last).is_err()) {
            lines.pop();
        }
        Ok(lines)
    }
}

/// Writes journal lines to a file. A journal that cannot be written on is noted once and does not stop the robot:
/// what must be durable is in the store.
#[derive(Clone)]
pub struct JournalFile(Arc<Mutex<State>>);

struct State {
    file: BufWriter<File>,
    broken: Option<String>,
}

impl JournalFile {
    /// Starts a new journal.
    pub fn create(path: &Path) -> Result<Self, String> {
        let file = File::create(path).map_err(|e| format!("{} cannot be written: {e}", path.display()))?;
        Ok(Self(Arc::new(Mutex::new(State { file: BufWriter::new(file), broken: None }))))
    }

    /// Pushes what is buffered to the file, and says if anything went wrong so far.
    pub fn flush(&self) -> Result<(), String> {
        let mut state = self.0.lock().expect("no writer panics");
        if state.broken.is_none() {
            state.broken = state.file.flush().err().map(|e| e.to_string());
        }
        state.broken.clone().map_or(Ok(()), Err)
    }
}

impl Sink for JournalFile {
    fn line(&mut self, line: &str) {
        let mut state = self.0.lock().expect("no writer panics");
        if state.broken.is_none() {
            state.broken = writeln!(state.file, "{line}").err().map(|e| e.to_string());
        }
    }
}
