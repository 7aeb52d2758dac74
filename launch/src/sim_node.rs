//! `nightshift sim`: the simulated laboratory, as a robot on ROS 2 or by itself.

use crate::cli::SimArgs;
use crate::clock::Stopwatch;
use crate::files;
use crate::interrupt::{self, Flag};
use crate::sim_keys::Keys;
use crate::sim_record::Recorder;
use crate::sim_run::{Brought, Control, Running};
use crate::talk::{talk, tell};
use nightshift_core::random::Seed;
use nightshift_ros::{RobotSide, RobotSideInput, RosError};
use nightshift_sim::{SimConfig, World};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Between two looks for requests while the simulation is held.
const HELD_LOOK: Duration = Duration::from_millis(5);
/// When the simulator falls behind by more wall-clock seconds, it lets the lost time go.
const LARGEST_LAG_S: f64 = 0.5;

/// Runs the command until it is interrupted or its time is up.
pub fn run(args: &SimArgs) -> Result<ExitCode, String> {
    if !(args.rate > 0.0 && args.rate <= 1000.0) {
        return Err(format!(
            "--rate {}: give simulated seconds per second, above 0 and up to 1000",
            args.rate
        ));
    }
    if let Some(for_s) = args.for_s.filter(|s| !(*s > 0.0 && s.is_finite())) {
        return Err(format!("--for {for_s}: give simulated seconds, above 0"));
    }
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let config = SimConfig { seed: Seed(args.seed), start: None };
    let mut world = World::new(&lab.site, &lab.robot, config).map_err(|e| e.to_string())?;
    world.let_in(args.people, Seed(args.seed)).map_err(|e| e.to_string())?;
    world.see_by(args.camera);
    let mut running = Running::new(world, lab.robot.camera.rate_hz);
    for text in &args.fault {
        running.plan(text)?;
    }
    let mut recorder = Recorder::start(args)?;
    let stop = interrupt::flag()?;
    let watch = Stopwatch::start();
    if args.ros {
        let ros = RobotSide::start(&lab.robot, &lab.site.with_handshake()).map_err(|e| e.to_string())?;
        talk!("nightshift sim: {} on ROS 2 at {} x real time, seed {}", lab.site.name, args.rate, args.seed);
        serve(&mut running, &ros, args, (&stop, &mut recorder))?;
    } else {
        let limit = args.for_s.ok_or("without --ros, say how long: --for SECONDS")?;
        let mut pace = Pace::start(args.rate, 0.0);
        while running.world.now().seconds() < limit && !stop.raised() {
            match &mut recorder {
                Some(recorder) => {
                    let brought = running.step_and_stream();
                    recorder.told(&running, &brought);
                }
                None => drop(running.step()),
            }
            if args.watch {
                pace.wait_until(running.world.now().seconds());
            }
        }
    }
    let (sim, wall) = (running.world.now().seconds(), watch.elapsed().as_secs_f64());
    talk!("nightshift sim: {sim:.1} s simulated in {wall:.1} s ({:.1} x real time)", sim / wall);
    tell!("{}", running.world.state_hash());
    if let Some(recorder) = recorder {
        recorder.close()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(
    running: &mut Running,
    ros: &RobotSide,
    args: &SimArgs,
    (stop, recorder): (&Flag, &mut Option<Recorder>),
) -> Result<(), String> {
    let mut control = Control::new(running);
    let mut keys = Keys::listen();
    let mut pace = Pace::start(args.rate, running.world.now().seconds());
    while !stop.raised() {
        for input in ros.drain() {
            match input {
                RobotSideInput::Command(command) => {
                    if let Some(recorder) = recorder {
                        recorder.asked(running.world.now(), &command);
                    }
                    running.world.command(command);
                }
                RobotSideInput::Site { id, call } => {
                    let answer = running.world.handshake(&call);
                    ros.answer_site(id, answer).map_err(|e| e.to_string())?;
                }
                RobotSideInput::Fault(text) => {
                    if let Err(error) = running.plan(&text) {
                        talk!("nightshift sim: refused: {error}");
                    }
                }
                RobotSideInput::Sim { id, request } => {
                    let results = control.obey(&request, running);
                    tell(&results);
                    ros.answer_sim(id, results).map_err(|e| e.to_string())?;
                }
            }
        }
        let pressed = keys.as_mut().map(|keys| keys.pressed(control.held)).unwrap_or_default();
        for request in pressed {
            tell(&control.obey(&request, running));
        }
        if std::mem::take(&mut control.set_back) {
            ros.set_back().map_err(|e| e.to_string())?;
            pace = Pace::start(args.rate, running.world.now().seconds());
        }
        if !control.goes_on() {
            wait(HELD_LOOK);
            pace = Pace::start(args.rate, running.world.now().seconds());
            continue;
        }
        let brought = running.step_and_stream();
        if let Some(recorder) = recorder {
            recorder.told(running, &brought);
        }
        publish(ros, running, &brought).map_err(|e| e.to_string())?;
        let now_s = running.world.now().seconds();
        if args.for_s.is_some_and(|limit| now_s >= limit) {
            return Ok(());
        }
        pace.wait_until(now_s);
    }
    Ok(())
}

fn tell(results: &[Result<String, String>]) {
    for result in results {
        match result {
            Ok(words) => talk!("nightshift sim: {words}"),
            Err(words) => talk!("nightshift sim: refused: {words}"),
        }
    }
}

fn publish(ros: &RobotSide, running: &Running, brought: &Brought) -> Result<(), RosError> {
    for event in &brought.events {
        ros.publish(event)?;
    }
    if brought.clock {
        ros.publish_clock(running.world.now())?;
    }
    for frame in &brought.frames {
        ros.publish_frame(frame)?;
    }
    if brought.truth {
        let json = serde_json::to_string(&running.world.truth()).expect("plain data");
        ros.publish_truth(json)?;
    }
    Ok(())
}

/// Keeps simulated time from running ahead of the clock on the wall.
struct Pace {
    rate: f64,
    watch: Stopwatch,
    lost_s: f64,
}

impl Pace {
    /// From a simulated time on.
    fn start(rate: f64, sim_s: f64) -> Self {
        Self { rate, watch: Stopwatch::start(), lost_s: -sim_s / rate }
    }

    fn wait_until(&mut self, sim_s: f64) {
        let ahead_s = sim_s / self.rate + self.lost_s - self.watch.elapsed().as_secs_f64();
        if ahead_s < -LARGEST_LAG_S {
            self.lost_s -= ahead_s;
        } else if ahead_s > 0.001 {
            wait(Duration::from_secs_f64(ahead_s));
        }
    }
}

/// Waits on a channel that nobody writes to.
fn wait(time: Duration) {
    let (_keep, never) = sync_channel::<()>(1);
    let waited = never.recv_timeout(time);
    debug_assert_eq!(waited, Err(RecvTimeoutError::Timeout), "nobody writes");
}
