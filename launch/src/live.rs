//! `nightshift run`: the stack against a robot on ROS 2.

use crate::cli::RunArgs;
use crate::effects::{Eye, Planner};
use crate::files;
use crate::gaze::Gaze;
use crate::interrupt;
use crate::map_changes::ChangesFile;
use crate::recording::{Folder, JournalFile, RunInfo};
use crate::shown::Shown;
use crate::stack::{Stack, StackInput, StackOutput};
use crate::talk::talk;
use crate::urgent::put_this_thread_first;
use nalgebra::Matrix3;
use nightshift_core::grid::OccupancyGrid;
use nightshift_core::image::Frame;
use nightshift_core::random::Seed;
use nightshift_core::record::Driven;
use nightshift_core::robot::{RobotCommand, Twist};
use nightshift_core::{Code, Failure, Level, Stamp};
use nightshift_motion::PlanRequest;
use nightshift_navigation::{LastWord, Localisation};
use nightshift_perception::fiducial::TagSight;
use nightshift_ros::{Localised, Sighted, StackSide, StackSideInput, StackSideOutput};
use nightshift_skills::{EffectId, Store, StoreRecord};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long the stack waits for an input before it looks at the time again.
const IDLE_WAIT: Duration = Duration::from_millis(5);
/// More effects than this are never underway at once: the executive asks for one at a time.
const EFFECTS_UNDERWAY: usize = 16;
/// A camera that shows nothing for so long is dark, seconds.
const PICTURE_PATIENCE_S: f64 = 3.0;
/// Seconds between pushes of the journal to its file.
const FLUSH_EVERY_S: f64 = 1.0;

/// Runs the command until it is interrupted.
pub fn run(args: &RunArgs) -> Result<ExitCode, String> {
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let folder = Folder::make(&args.out)?;
    let (store, restored) = Store::open(&folder.store()).map_err(|e| e.to_string())?;
    folder.keep_earlier()?;
    folder.write_info(&RunInfo {
        site: args.lab.site.clone(),
        robot: args.lab.robot.clone(),
        seed: args.seed,
        restored: Some(restored.clone()),
    })?;
    let journal = JournalFile::create(&folder.journal())?;
    let eye = Eye::new(Some(&folder.pictures())).map_err(|e| e.to_string())?;
    let stations = lab.site.with_handshake();
    let planner = Planner::new(&lab.robot).map_err(|e| e.to_string())?;
    // What works beside the stack stays ordinary; the node's own threads come before it as the stack does.
    let gaze = Gaze::new(args.see.then(|| args.eyes.load()).transpose()?);
    let workers = Workers::start(planner, eye, gaze, store)?;
    if let Err(why) = put_this_thread_first() {
        talk!("nightshift: warning: {why}");
    }
    let gate = Box::new(LastWord::new(&lab.robot));
    let ros = StackSide::start(&lab.robot, &stations, gate).map_err(|e| e.to_string())?;
    talk!("nightshift: waiting for the robot");
    ros.wait_for_robot(Duration::from_secs_f64(args.wait_s)).map_err(|e| e.to_string())?;
    let grid = lab.grid.clone();
    ros.send(StackSideOutput::Map(lab.grid.clone())).map_err(|e| e.to_string())?;
    let stack =
        Stack::new(&lab.site, &lab.robot, lab.grid, restored, Seed(args.seed)).map_err(|e| e.to_string())?;
    let stop = interrupt::flag()?;
    talk!("nightshift: ready; ledger, journal and pictures in {}", args.out.display());
    let mut live = Live {
        stack: Driven::new(stack, journal.clone()),
        workers,
        looking: Vec::new(),
        ros,
        journal,
        flushed_at: Stamp::ZERO,
        shown: Shown::default(),
        journal_broken: false,
    };
    while !stop.raised() {
        live.turn()?;
    }
    live.stop(&folder, &grid);
    Ok(ExitCode::SUCCESS)
}

/// A picture that is being waited for.
struct Looking {
    id: EffectId,
    since: Stamp,
}

struct Live {
    stack: Driven<Stack, JournalFile>,
    workers: Workers,
    looking: Vec<Looking>,
    ros: StackSide,
    journal: JournalFile,
    flushed_at: Stamp,
    shown: Shown,
    journal_broken: bool,
}

impl Live {
    /// Waits a little for news, and passes on all that there is.
    fn turn(&mut self) -> Result<(), String> {
        for input in self.ros.wait(IDLE_WAIT) {
            self.tell(match input {
                StackSideInput::Robot(event) => StackInput::Robot(event),
                StackSideInput::Call(call) => StackInput::Call(call),
                StackSideInput::InitialPose(pose) => StackInput::InitialPose(pose),
                StackSideInput::GoalPose(pose) => StackInput::GoalPose(pose),
                StackSideInput::Site { id, answer } => StackInput::Site { id: EffectId(id), answer },
                StackSideInput::Unreadable { topic, reason } => {
                    let words = format!("{}: a message on {topic} is refused: {reason}", Level::Warning);
                    talk!("nightshift: {words}");
                    self.ros.send(StackSideOutput::Notice(words)).map_err(|e| e.to_string())?;
                    continue;
                }
                // Time is asked for below, with or without a simulator's clock.
                StackSideInput::Clock(_) => continue,
            })?;
        }
        while let Ok(done) = self.workers.done.try_recv() {
            match done {
                Done::Answer(input) => self.tell(input)?,
                Done::Seen(seen) => self.ros.send(StackSideOutput::Seen(seen)).map_err(|e| e.to_string())?,
            }
        }
        self.follow_looks()?;
        let now = self.ros.now();
        let outputs = self.stack.advance(now);
        self.obey(now, outputs)?;
        self.flush(now);
        for word in self.shown.due(now, self.stack.component().navigator()) {
            self.ros.send(word).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn tell(&mut self, input: StackInput) -> Result<(), String> {
        let now = self.ros.now();
        let outputs = self.stack.feed(now, input);
        self.obey(now, outputs)
    }

    fn obey(&mut self, now: Stamp, outputs: Vec<StackOutput>) -> Result<(), String> {
        for output in outputs {
            let word = match output {
                StackOutput::Robot(command) => StackSideOutput::Robot(command),
                StackOutput::Localised(it) => match told(&it) {
                    Some(localised) => StackSideOutput::Localised(localised),
                    None => continue,
                },
                StackOutput::Path(path) => StackSideOutput::Path(path),
                StackOutput::Site { id, call } => StackSideOutput::Site { id: id.0, call },
                StackOutput::Answer { id, reply } => StackSideOutput::Answer { id, reply },
                StackOutput::Event(event) => StackSideOutput::Event(event),
                StackOutput::Notice { level, message } => {
                    talk!("nightshift: {level}: {message}");
                    StackSideOutput::Notice(format!("{level}: {message}"))
                }
                StackOutput::Plan { id, request } => {
                    self.workers.give(Work::Plan { id, request })?;
                    continue;
                }
                StackOutput::Look { id, .. } => {
                    self.looking.push(Looking { id, since: now });
                    continue;
                }
                StackOutput::Store { id, records } => {
                    self.workers.give(Work::Store { id, records })?;
                    continue;
                }
            };
            self.ros.send(word).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Hands pictures that have come to the reader, and gives up on those that do not come.
    fn follow_looks(&mut self) -> Result<(), String> {
        let now = self.ros.now();
        for looking in std::mem::take(&mut self.looking) {
            if let Some(frame) = self.ros.latest_frame_after(looking.since) {
                self.workers.give(Work::Look { id: looking.id, frame })?;
            } else if now.since(looking.since) > PICTURE_PATIENCE_S {
                let why = format!("the camera gave no picture for {PICTURE_PATIENCE_S} s");
                self.tell(StackInput::Looked { id: looking.id, look: Eye::blind(now, &why) })?;
            } else {
                self.looking.push(looking);
            }
        }
        Ok(())
    }

    fn flush(&mut self, now: Stamp) {
        if now.since(self.flushed_at).abs() < FLUSH_EVERY_S {
            return;
        }
        self.flushed_at = now;
        if let (Err(reason), false) = (self.journal.flush(), self.journal_broken) {
            self.journal_broken = true;
            talk!(
                "nightshift: warning: the journal is not written any more ({reason}); ledger and jobs go on"
            );
        }
    }

    fn stop(self, folder: &Folder, grid: &OccupancyGrid) {
        for command in [RobotCommand::Drive(Twist::STOP), RobotCommand::StopArm] {
            if let Err(error) = self.ros.send(StackSideOutput::Robot(command)) {
                talk!("nightshift: the robot could not be told to stop: {error}");
            }
        }
        if let Err(reason) = self.journal.flush() {
            talk!("nightshift: the journal is not whole: {reason}");
        }
        self.workers.close();
        let regions = self.stack.component().navigator().changes().found();
        if !regions.is_empty() {
            let (count, path) = (regions.len(), folder.changes());
            match ChangesFile::new(grid, regions).write(&path) {
                Ok(()) => {
                    talk!("nightshift: {count} regions of the room differ from its map: {}", path.display())
                }
                Err(reason) => talk!("nightshift: what differs from the map is not kept: {reason}"),
            }
        }
        talk!("nightshift: stopped; journal {}", self.stack.journal_hash());
    }
}

/// What is done beside the stack's thread.
enum Work {
    Plan { id: EffectId, request: Box<PlanRequest> },
    Look { id: EffectId, frame: Arc<Frame> },
    Store { id: EffectId, records: Vec<StoreRecord> },
}

/// What comes of it.
enum Done {
    Answer(StackInput),
    /// For people and other nodes.
    Seen(Box<Sighted>),
}

/// One thread for each kind of work, so that a long plan does not hold up the ledger.
struct Workers {
    plan: SyncSender<Work>,
    look: SyncSender<Work>,
    store: SyncSender<Work>,
    done: Receiver<Done>,
    store_thread: JoinHandle<()>,
}

impl Workers {
    fn start(planner: Planner, mut eye: Eye, mut gaze: Gaze, mut store: Store) -> Result<Self, String> {
        let (tell, done) = sync_channel(EFFECTS_UNDERWAY);
        let plan = lane("planner", {
            let tell = tell.clone();
            move |work| {
                for work in work {
                    let Work::Plan { id, request } = work else { continue };
                    let planned = StackInput::Planned { id, result: planner.plan(&request) };
                    if tell.send(Done::Answer(planned)).is_err() {
                        return;
                    }
                }
            }
        })?;
        let (show, to_show) = sync_channel::<(Arc<Frame>, Vec<TagSight>)>(1);
        let look = lane("eye", {
            let tell = tell.clone();
            move |work| {
                for work in work {
                    let Work::Look { id, frame } = work else { continue };
                    let look = eye.look(&frame);
                    let tags = look.tags.clone();
                    if tell.send(Done::Answer(StackInput::Looked { id, look })).is_err() {
                        return;
                    }
                    // Who looks on sees the latest that there is time for.
                    let _ = show.try_send((frame, tags));
                }
            }
        })?;
        thread::Builder::new()
            .name("gaze".to_owned())
            .spawn({
                let tell = tell.clone();
                move || {
                    for (frame, tags) in to_show {
                        if tell.send(Done::Seen(Box::new(gaze.look(&frame, &tags)))).is_err() {
                            return;
                        }
                    }
                }
            })
            .map_err(|e| format!("the thread gaze cannot be started: {e}"))?;
        let store = lane("store", move |work| {
            for work in work {
                let Work::Store { id, records } = work else { continue };
                let stored = StackInput::Stored { id, result: store.append(&records) };
                if tell.send(Done::Answer(stored)).is_err() {
                    return;
                }
            }
            // Nobody will write any more: this is the clean end that the next start looks for.
            if let Err(failure) = store.close() {
                talk!("nightshift: the store could not be closed: {failure}");
            }
        })?;
        Ok(Self { plan: plan.0, look: look.0, store: store.0, done, store_thread: store.1 })
    }

    /// Lets what is underway be written, and closes the store.
    fn close(self) {
        let Self { plan, look, store, done, store_thread } = self;
        drop((plan, look, store));
        // A worker that is still answering finds room.
        while done.recv().is_ok() {}
        if store_thread.join().is_err() {
            talk!("nightshift: the store's thread ended in a panic");
        }
    }

    fn give(&self, work: Work) -> Result<(), String> {
        let lane = match work {
            Work::Plan { .. } => &self.plan,
            Work::Look { .. } => &self.look,
            Work::Store { .. } => &self.store,
        };
        lane.try_send(work).map_err(|error| {
            let what = match error {
                TrySendError::Full(_) => "has more work than it can hold",
                TrySendError::Disconnected(_) => "has died",
            };
            Failure::new(Code::StoreUnavailable, format!("a worker thread {what}")).to_string()
        })
    }
}

/// A named thread with its bounded inbox.
fn lane(
    name: &str,
    run: impl FnOnce(Receiver<Work>) + Send + 'static,
) -> Result<(SyncSender<Work>, JoinHandle<()>), String> {
    let (give, take) = sync_channel::<Work>(EFFECTS_UNDERWAY);
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || run(take))
        .map_err(|e| format!("the thread {name} cannot be started: {e}"))?;
    Ok((give, thread))
}

/// What others are told of the robot's place. Nothing while it is lost: whoever follows `map` -> `odom` then sees it age,
/// where a stale or made-up pose would look certain.
fn told(localisation: &Localisation) -> Option<Localised> {
    localisation.estimate().map(|estimate| Localised {
        stamp: localisation.stamp,
        map_from_odom: estimate.map_from_odom,
        map_from_base: estimate.map_from_base,
        covariance: Matrix3::from_fn(|row, column| estimate.covariance[row][column]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::Pose2;
    use nightshift_navigation::{Estimate, Place};

    #[test]
    fn a_lost_robot_tells_no_place() {
        let estimate = Estimate {
            map_from_odom: Pose2::new(1.0, 2.0, 0.0),
            map_from_base: Pose2::new(1.0, 2.0, 0.0),
            covariance: [[0.01, 0.0, 0.0], [0.0, 0.02, 0.0], [0.0, 0.0, 0.03]],
            confidence: 0.5,
        };
        let at = |place| Localisation { stamp: Stamp::ZERO, place };
        assert!(told(&at(Place::Lost)).is_none());
        for place in [Place::Ambiguous(estimate.clone()), Place::Tracking(estimate)] {
            assert_eq!(told(&at(place)).expect("a place").covariance[(1, 1)], 0.02);
        }
    }
}
