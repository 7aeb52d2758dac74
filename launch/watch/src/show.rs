//! One run from its journal to the viewer.

use crate::cli::Cli;
use crate::journal::{self, Unreadable};
use crate::lab::{self, LabError};
use crate::live::Live;
use crate::viewer::{self, ViewerError};
use crate::{blueprint, scene};
use nightshift_core::Stamp;
use rerun::{RecordingStream, RecordingStreamBuilder, RecordingStreamError};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

/// Why a run cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// Site, robot or map.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The journal.
    #[error("{} cannot be read: {source}: give the folder of a recorded run", .path.display())]
    Journal { path: PathBuf, source: io::Error },
    /// Not one line of it can be taken.
    #[error("none of the {lines} lines can be shown: {first}")]
    NothingReadable { lines: usize, first: Unreadable },
    /// The viewer.
    #[error(transparent)]
    Viewer(#[from] ViewerError),
    /// The recording.
    #[error("the Rerun recording cannot be written: {0}")]
    Recording(#[from] RecordingStreamError),
    /// Its end.
    #[error("the Rerun recording is not complete: {0}")]
    Flush(String),
}

/// What was shown and what was not.
#[derive(Debug, Default, PartialEq)]
pub struct Summary {
    /// Journal lines.
    pub lines: usize,
    /// Of them, not taken, by reason.
    pub unreadable: BTreeMap<Unreadable, usize>,
    /// Pictures that the journal names and the folder does not have.
    pub missing_pictures: usize,
    /// The last stamp.
    pub end: Stamp,
    /// The file that was written.
    pub file: Option<PathBuf>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines, up to {:.1} s", self.lines, self.end.seconds())?;
        for (reason, count) in &self.unreadable {
            write!(f, "\n{count} lines not shown: {reason}")?;
        }
        if self.missing_pictures > 0 {
            write!(f, "\n{} pictures are not in the run's folder", self.missing_pictures)?;
        }
        match &self.file {
            Some(file) => write!(f, "\nwritten to {}: open it with `rerun {0}`", file.display()),
            None => Ok(()),
        }
    }
}

/// Shows a run as the command line says.
pub fn show(cli: &Cli) -> Result<Summary, ShowError> {
    let lab = lab::load(&cli.record, cli.site.as_deref(), cli.robot.as_deref())?;
    let journal: Box<dyn BufRead> = if cli.stdin {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(open(cli.record.join("journal.jsonl"))?))
    };
    let builder = RecordingStreamBuilder::new("nightshift").with_blueprint(blueprint::blueprint());
    let stream = match &cli.save {
        Some(file) => builder.save(file)?,
        None => {
            viewer::check()?;
            builder.spawn()?
        }
    };
    let mut summary = draw(&stream, &lab, cli, journal)?;
    stream.flush_blocking().map_err(|e| ShowError::Flush(e.to_string()))?;
    summary.file.clone_from(&cli.save);
    Ok(summary)
}

fn open(path: PathBuf) -> Result<File, ShowError> {
    File::open(&path).map_err(|source| ShowError::Journal { path, source })
}

/// Draws everything into `stream`.
pub fn draw(
    stream: &RecordingStream,
    lab: &lab::Lab,
    cli: &Cli,
    journal: impl BufRead,
) -> Result<Summary, ShowError> {
    scene::draw(stream, lab)?;
    let mut live = Live::new(stream.clone(), lab.robot.clone(), cli.record.clone());
    let mut summary = Summary::default();
    for line in journal.lines() {
        let line = line.map_err(|source| ShowError::Journal { path: cli.record.clone(), source })?;
        summary.lines += 1;
        match journal::read(&line) {
            Ok((stamp, news)) => {
                summary.end = stamp;
                live.take(stamp, news)?;
            }
            Err(reason) => *summary.unreadable.entry(reason).or_default() += 1,
        }
        if summary.lines.is_multiple_of(PROGRESS_LINES) {
            eprintln!("{} lines, {:.1} s", summary.lines, summary.end.seconds());
        }
    }
    summary.missing_pictures = live.missing_pictures;
    let taken = summary.lines - summary.unreadable.values().sum::<usize>();
    match summary.unreadable.keys().next() {
        Some(first) if taken == 0 => {
            Err(ShowError::NothingReadable { lines: summary.lines, first: first.clone() })
        }
        _ => Ok(summary),
    }
}

/// From word of progress to word of progress.
const PROGRESS_LINES: usize = 50_000;
