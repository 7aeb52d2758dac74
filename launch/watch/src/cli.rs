//! The command line.

use clap::{ArgGroup, Parser};
use std::path::PathBuf;

/// Shows a run of Nightshift in the Rerun viewer: map, laser, poses, path, arm, camera, phases.
#[derive(Parser)]
#[command(
    name = "nightshift-watch",
    version,
    group = ArgGroup::new("where to").required(true).args(["save", "spawn"]),
    after_help = "Examples:\n  \
        nightshift-watch --record out/run --save out/run.rrd    # then: rerun out/run.rrd\n  \
        nightshift-watch --record out/run --spawn\n  \
        tail -n +1 -F out/run/journal.jsonl | nightshift-watch --record out/run --stdin --spawn   # while it runs\n\n\
        Exit codes: 0 shown, 1 could not be shown, 2 wrong arguments."
)]
pub struct Cli {
    /// Folder of the run (`nightshift run --out`, `nightshift scenario --record`): journal.jsonl, run.json, pictures/.
    #[arg(long, value_name = "DIR")]
    pub record: PathBuf,
    /// Read journal lines from standard input, as they come, in place of the folder's journal.jsonl.
    #[arg(long)]
    pub stdin: bool,
    /// Write a Rerun recording.
    #[arg(long, value_name = "FILE", conflicts_with = "spawn")]
    pub save: Option<PathBuf>,
    /// Open the Rerun viewer and stream to it.
    #[arg(long)]
    pub spawn: bool,
    /// Site: a folder below maps/, or a path. What run.json says where not given.
    #[arg(long)]
    pub site: Option<String>,
    /// Robot: a folder below robot/description/, or a path. What run.json says where not given.
    #[arg(long)]
    pub robot: Option<String>,
}
