//! A run of the simulator by itself, kept in the form in which runs of the stack are, so that the same tools show it and
//! turn it into MCAP: what the robot told, what it was told, its pictures, and beside them the truth.

use crate::cli::SimArgs;
use crate::effects::Album;
use crate::recording::{Folder, JournalFile, RunInfo};
use crate::sim_run::{Brought, Running};
use crate::talk::talk;
use nightshift_core::Stamp;
use nightshift_core::record::{Entry, Sink};
use nightshift_core::robot::{RobotCommand, RobotEvent};
use nightshift_sim::Truth;
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What the simulator tells.
#[derive(Serialize)]
enum Told<'a> {
    Robot(&'a RobotEvent),
    Truth(&'a Truth),
    Looked { look: Picture },
}

#[derive(Serialize)]
struct Picture {
    path: String,
}

/// What it is told.
#[derive(Serialize)]
enum Asked<'a> {
    Robot(&'a RobotCommand),
}

/// Writes a run down, and shows it while it runs where that is wanted.
pub struct Recorder {
    journal: JournalFile,
    album: Album,
    viewer: Option<Viewer>,
    /// Why a picture could not be kept, if so.
    lost: Option<String>,
}

impl Recorder {
    /// Begins, where the command line says so.
    ///
    /// # Errors
    /// In words, where the folder or the viewer cannot be had.
    pub fn start(args: &SimArgs) -> Result<Option<Self>, String> {
        let Some(path) = &args.record else { return Ok(None) };
        let folder = Folder::make(path)?;
        let journal = JournalFile::create(&folder.journal())?;
        let (site, robot) = (args.lab.site.clone(), args.lab.robot.clone());
        folder.write_info(&RunInfo { site, robot, seed: args.seed, restored: None })?;
        let album = Album::at(&folder.pictures()).map_err(|e| e.to_string())?;
        let viewer = if args.watch && !args.headless { Some(Viewer::open(path)?) } else { None };
        Ok(Some(Self { journal, album, viewer, lost: None }))
    }

    /// Takes down what the robot was told.
    pub fn asked(&mut self, now: Stamp, command: &RobotCommand) {
        self.write(&Entry::<(), _>::Out(now, Asked::Robot(command)));
    }

    /// Takes down what a step brought.
    pub fn told(&mut self, running: &Running, brought: &Brought) {
        let now = running.world.now();
        for event in &brought.events {
            self.write(&Entry::<_, ()>::In(now, Told::Robot(event)));
        }
        for frame in &brought.frames {
            let (picture, kept) = self.album.keep(frame);
            if let Err(why) = kept {
                self.lost.get_or_insert(why.to_string());
            }
            self.write(&Entry::<_, ()>::In(now, Told::Looked { look: Picture { path: picture.path } }));
        }
        if brought.truth {
            self.write(&Entry::<_, ()>::In(now, Told::Truth(&running.world.truth())));
        }
    }

    /// Ends it: everything is in the folder, and the viewer keeps what it has.
    ///
    /// # Errors
    /// What could not be written, in words.
    pub fn close(self) -> Result<(), String> {
        let Self { journal, viewer, lost, .. } = self;
        if let Some(viewer) = viewer {
            viewer.close();
        }
        journal.flush().map_err(|e| format!("the recording is not whole: {e}"))?;
        lost.map_or(Ok(()), |why| Err(format!("the recording is not whole: {why}")))
    }

    fn write(&mut self, entry: &impl Serialize) {
        let line = serde_json::to_string(entry).expect("messages are plain data");
        self.journal.line(&line);
        if let Some(viewer) = &mut self.viewer {
            viewer.line(&line);
        }
    }
}

/// `nightshift-watch` as a process beside this one, which is given the journal's lines as they are made. A viewer that is
/// slower than the simulator slows it down; one that is closed does not stop it.
struct Viewer {
    process: Child,
    gone: bool,
}

impl Viewer {
    fn open(record: &Path) -> Result<Self, String> {
        // Beside this program, where set-up puts it; else wherever it is found.
        let beside = std::env::current_exe().ok().map(|own| own.with_file_name("nightshift-watch"));
        let program = beside.filter(|path| path.is_file()).unwrap_or_else(|| "nightshift-watch".into());
        let process = Command::new(&program)
            .arg("--record")
            .arg(record)
            .args(["--stdin", "--spawn"])
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|e| {
                format!("--watch: {} cannot be started: {e}: run launch/setup --viewer, or leave --watch out and show the recording later", program.display())
            })?;
        Ok(Self { process, gone: false })
    }

    fn line(&mut self, line: &str) {
        if self.gone {
            return;
        }
        let input = self.process.stdin.as_mut().expect("it was piped");
        if writeln!(input, "{line}").is_err() {
            self.gone = true;
            talk!("nightshift sim: the viewer is gone; the run goes on, and is recorded");
        }
    }

    fn close(mut self) {
        drop(self.process.stdin.take());
        // It has told on stderr what went wrong, if anything did.
        let _ = self.process.wait();
    }
}
