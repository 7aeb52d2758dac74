//! `nightshift sim`: the simulated laboratory, as a robot on ROS 2 or by itself.

use crate::cli::SimArgs;
use crate::clock::Stopwatch;
use crate::files;
use crate::interrupt::{self, Flag};
use crate::talk::talk;
use nightshift_core::random::Seed;
use nightshift_ros::{RobotSide, RobotSideInput};
use nightshift_sim::faults::{Event, FaultError, Planned, Schedule, When};
use nightshift_sim::{SimConfig, World};
use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Simulated seconds between words of the truth, for judges.
const TRUTH_EVERY_S: f64 = 0.1;
/// Simulated seconds between ticks of `/clock`.
const CLOCK_EVERY_S: f64 = 0.004;
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
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let config = SimConfig { seed: Seed(args.seed), start: None };
    let mut world = World::new(&lab.site, &lab.robot, config).map_err(|e| e.to_string())?;
    world.let_in(args.people, Seed(args.seed)).map_err(|e| e.to_string())?;
    let mut faults = Faults::default();
    for text in &args.fault {
        faults.plan(&world, text)?;
    }
    let stop = interrupt::flag()?;
    let watch = Stopwatch::start();
    if args.ros {
        let ros = RobotSide::start(&lab.robot, &lab.site.with_handshake()).map_err(|e| e.to_string())?;
        talk!("nightshift sim: {} on ROS 2 at {} x real time, seed {}", lab.site.name, args.rate, args.seed);
        let camera_every_s = 1.0 / lab.robot.camera.rate_hz;
        serve(&mut world, &mut faults, &ros, args, camera_every_s, &stop)?;
    } else {
        let limit = args.for_s.ok_or("without --ros, say how long: --for SECONDS")?;
        while world.now().seconds() < limit && !stop.raised() {
            world.step();
            faults.strike(&mut world);
        }
    }
    let (sim, wall) = (world.now().seconds(), watch.elapsed().as_secs_f64());
    talk!("nightshift sim: {sim:.1} s simulated in {wall:.1} s ({:.1} x real time)", sim / wall);
    println!("{}", world.state_hash());
    Ok(ExitCode::SUCCESS)
}

/// Something that is due every so many simulated seconds.
struct Every {
    period_s: f64,
    next_s: f64,
}

impl Every {
    fn new(period_s: f64) -> Self {
        Self { period_s, next_s: 0.0 }
    }

    fn due(&mut self, now_s: f64) -> bool {
        let due = now_s + 1e-9 >= self.next_s;
        if due {
            self.next_s = now_s + self.period_s;
        }
        due
    }
}

/// Faults that wait for their time.
#[derive(Default)]
struct Faults(Schedule);

impl Faults {
    /// Reads a fault and lets it wait.
    fn plan(&mut self, world: &World, text: &str) -> Result<(), String> {
        let planned: Planned = text.parse().map_err(|e: FaultError| e.to_string())?;
        world.check(&planned.fault).map_err(|e| e.to_string())?;
        if let When::After(Event::Phase(phase), _) = planned.when {
            let phase = phase.name();
            return Err(format!(
                "{text:?}: phase {phase} is the stack's, and the simulator does not see it: use a time, drive, grasp or lift"
            ));
        }
        self.0.add(planned);
        Ok(())
    }

    /// Lets those strike whose time has come.
    fn strike(&mut self, world: &mut World) {
        let now_s = world.now().seconds();
        for event in world.happening() {
            self.0.note(now_s, event);
        }
        for fault in self.0.due(now_s) {
            match world.inject(&fault) {
                Ok(()) => talk!("nightshift sim: {now_s:.3} s: {fault}"),
                Err(error) => talk!("nightshift sim: {now_s:.3} s: {fault} could not strike: {error}"),
            }
        }
    }
}

fn serve(
    world: &mut World,
    faults: &mut Faults,
    ros: &RobotSide,
    args: &SimArgs,
    camera_every_s: f64,
    stop: &Flag,
) -> Result<(), String> {
    let (mut clock, mut camera) = (Every::new(CLOCK_EVERY_S), Every::new(camera_every_s));
    let mut truth = Every::new(TRUTH_EVERY_S);
    let mut shots = VecDeque::new();
    let mut pace = Pace::start(args.rate);
    while !stop.raised() {
        for input in ros.drain() {
            match input {
                RobotSideInput::Command(command) => world.command(command),
                RobotSideInput::Site { id, call } => {
                    let answer = world.handshake(&call);
                    ros.answer_site(id, answer).map_err(|e| e.to_string())?;
                }
                RobotSideInput::Fault(text) => {
                    if let Err(error) = faults.plan(world, &text) {
                        talk!("nightshift sim: refused: {error}");
                    }
                }
            }
        }
        let events = world.step();
        let now = world.now();
        for event in &events {
            ros.publish(event).map_err(|e| e.to_string())?;
        }
        if clock.due(now.seconds()) {
            ros.publish_clock(now).map_err(|e| e.to_string())?;
        }
        faults.strike(world);
        if camera.due(now.seconds()) {
            shots.extend(world.shoot().into_iter().map(|shot| (now + shot.after, shot.frame)));
        }
        while let Some((_, frame)) = shots.pop_front_if(|(due, _)| *due <= now) {
            ros.publish_frame(&frame).map_err(|e| e.to_string())?;
        }
        if truth.due(now.seconds()) {
            let json = serde_json::to_string(&world.truth()).expect("plain data");
            ros.publish_truth(json).map_err(|e| e.to_string())?;
        }
        if args.for_s.is_some_and(|limit| now.seconds() >= limit) {
            return Ok(());
        }
        pace.wait_until(now.seconds());
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
    fn start(rate: f64) -> Self {
        Self { rate, watch: Stopwatch::start(), lost_s: 0.0 }
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
