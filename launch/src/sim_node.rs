//! `nightshift sim`: the simulated laboratory, as a robot on ROS 2 or by itself.

use crate::cli::SimArgs;
use crate::clock::Stopwatch;
use crate::files;
use crate::interrupt::{self, Flag};
use crate::talk::talk;
use nightshift_core::random::Seed;
use nightshift_ros::{RobotSide, RobotSideInput};
use nightshift_sim::{SimConfig, World};
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
    let stop = interrupt::flag()?;
    let watch = Stopwatch::start();
    if args.ros {
        let ros = RobotSide::start(&lab.robot).map_err(|e| e.to_string())?;
        talk!("nightshift sim: {} on ROS 2 at {} x real time, seed {}", lab.site.name, args.rate, args.seed);
        let camera_every_s = 1.0 / lab.robot.camera.rate_hz;
        serve(&mut world, &ros, args, camera_every_s, &stop)?;
    } else {
        let limit = args.for_s.ok_or("without --ros, say how long: --for SECONDS")?;
        while world.now().seconds() < limit && !stop.raised() {
            world.step();
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

fn serve(
    world: &mut World,
    ros: &RobotSide,
    args: &SimArgs,
    camera_every_s: f64,
    stop: &Flag,
) -> Result<(), String> {
    let (mut clock, mut camera) = (Every::new(CLOCK_EVERY_S), Every::new(camera_every_s));
    let mut truth = Every::new(TRUTH_EVERY_S);
    let mut pace = Pace::start(args.rate);
    while !stop.raised() {
        for input in ros.drain() {
            match input {
                RobotSideInput::Command(command) => world.command(command),
                RobotSideInput::Fault(text) => match serde_json::from_str(&text) {
                    Ok(fault) => {
                        if let Err(e) = world.inject(fault) {
                            talk!("nightshift sim: the fault {text} is refused: {e}");
                        }
                    }
                    Err(e) => talk!("nightshift sim: the fault {text:?} is refused: {e}"),
                },
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
        if camera.due(now.seconds()) {
            ros.publish_frame(&world.capture()).map_err(|e| e.to_string())?;
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
