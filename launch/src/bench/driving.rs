//! How long planner, controller and guard take, on a building that is drawn for it.

use super::{Aim, Notes, Plan};
use crate::clock::Stopwatch;
use crate::files;
use crate::talk::talk;
use crate::urgent::put_this_thread_first;
use cpu_time::ThreadTime;
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::describe::Robot;
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{Beam, LaserScan, Odometry, Twist};
use nightshift_core::{Pose2, Stamp};
use nightshift_navigation::evaluate::quantile;
use nightshift_navigation::guarding::{Guard, MARGIN_M, Reason};
use nightshift_navigation::planning::{Costmap, Footprint, Motion, plan};
use nightshift_navigation::predictive::{Limits, Mover, Mppi, SAMPLES, STEP_S, STEPS, Scene};
use rand::Rng;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const ROBOT: &str = "omni7";
/// The building, metres and cells of 5 cm.
const SIZE_M: [f64; 2] = [70.0, 40.0];
const CELL_M: f64 = 0.05;
/// Paths of this length are planned.
const LENGTH_M: [f64; 2] = [65.0, 85.0];
const TURNS: usize = 300;
const SCANS: usize = 2000;
const STOPS: usize = 300;

fn robot() -> Result<Robot, String> {
    files::load_in(&files::robot_folder(ROBOT), Robot::load).map_err(|e| e.to_string())
}

/// Rooms of 5 x 6 m off corridors of 2 m, with doors of 1.1 m and benches in them.
fn building(random: &mut Stream) -> OccupancyGrid {
    let [width, height] = SIZE_M.map(|m| (m / CELL_M) as usize);
    let mut cells = vec![Cell::Free; width * height];
    let mut fill = |x: [f64; 2], y: [f64; 2], what: Cell| {
        let span = |v: [f64; 2], most: usize| {
            let [from, to] = v.map(|m| (m / CELL_M).round().clamp(0.0, most as f64) as usize);
            from..to
        };
        for row in span(y, height) {
            for column in span(x, width) {
                cells[row * width + column] = what;
            }
        }
    };
    fill([0.0, SIZE_M[0]], [0.0, 0.2], Cell::Occupied);
    fill([0.0, SIZE_M[0]], [SIZE_M[1] - 0.2, SIZE_M[1]], Cell::Occupied);
    fill([0.0, 0.2], [0.0, SIZE_M[1]], Cell::Occupied);
    fill([SIZE_M[0] - 0.2, SIZE_M[0]], [0.0, SIZE_M[1]], Cell::Occupied);
    // Bands of rooms, a corridor above each; corridors meet at both ends of the building.
    for band in 0..5 {
        let low = f64::from(band) * 8.0;
        for room in 0..13 {
            let left = 2.2 + f64::from(room) * 5.0;
            for (x, y) in [
                ([left, left + 5.0], [low + 6.0, low + 6.1]),
                ([left, left + 0.1], [low, low + 6.0]),
                ([left + 5.0, left + 5.1], [low, low + 6.0]),
            ] {
                fill(x, y, Cell::Occupied);
            }
            let door = left + random.random_range(0.6..3.2);
            fill([door, door + 1.1], [low + 6.0, low + 6.1], Cell::Free);
            for _ in 0..3 {
                let (x, y) = (left + random.random_range(0.4..3.2), low + random.random_range(0.4..3.8));
                fill([x, x + random.random_range(0.5..1.4)], [y, y + 0.7], Cell::Occupied);
            }
        }
    }
    OccupancyGrid { resolution_m: CELL_M, width, height, origin: [0.0, 0.0], cells }
}

fn spread(values: &[f64]) -> [f64; 2] {
    values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], v| [l.min(*v), h.max(*v)])
}

/// Plans across the building, with what the lasers see here and there.
pub fn planning(asked: &Plan, notes: &mut Notes) -> Result<(), String> {
    let robot = robot()?;
    let mut random = Seed(1).stream("bench planning");
    let grid = building(&mut random);
    for omnidirectional in [true, false] {
        let speed =
            if omnidirectional { robot.base.max_speed } else { Twist { y: 0.0, ..robot.base.max_speed } };
        let motion = Motion { speed, omnidirectional };
        let mut costmap = Costmap::new(grid.clone(), Footprint::new(&robot.base.footprint_m));
        let base = if omnidirectional { "omnidirectional" } else { "differential" };
        let bar = notes.steps(base, asked.plans).clone();
        let (mut cpu_ms, mut refused_ms) = (Vec::new(), Vec::new());
        let (mut lengths, mut nearest, mut tries) = (Vec::new(), f64::INFINITY, 0);
        let mut random = Seed(1).stream(base);
        while cpu_ms.len() < asked.plans && tries < 40 * asked.plans {
            tries += 1;
            let [from, to] = [(); 2].map(|()| free_pose(&costmap, &mut random));
            if (from.translation.vector - to.translation.vector).norm() < LENGTH_M[0] * 0.6 {
                continue;
            }
            costmap.forget();
            for _ in 0..20 {
                let seen =
                    Point2::new(random.random_range(1.0..SIZE_M[0]), random.random_range(1.0..SIZE_M[1]));
                costmap.look(Stamp(1), &(seen - Vector2::new(0.1, 0.0)), &[seen], &from);
            }
            let began = ThreadTime::now();
            let map = costmap.snapshot();
            let found = plan(&map, &motion, &from, &to);
            let took = began.elapsed().as_secs_f64() * 1e3;
            let Ok(path) = found else {
                refused_ms.push(took);
                continue;
            };
            let length: f64 =
                path.windows(2).map(|p| (p[1].translation.vector - p[0].translation.vector).norm()).sum();
            if !(LENGTH_M[0]..=LENGTH_M[1]).contains(&length) {
                continue;
            }
            cpu_ms.push(took);
            lengths.push(length);
            nearest = path.iter().map(|pose| map.gap_m(pose, 0.5)).fold(nearest, f64::min);
            bar.inc(1);
        }
        let case = format!("building, {base}");
        let (case, n) = (case.as_str(), cpu_ms.len());
        let [p50, p99] = [0.5, 0.99].map(|share| quantile(&cpu_ms, share));
        notes.figure(case, "CPU of a plan over 75 m, p50", "ms", p50, n).aim = Some(Aim::AtMost(15.0));
        let figure = notes.figure(case, "CPU of a plan over 75 m, p99", "ms", p99, n);
        (figure.aim, figure.spread) = (Some(Aim::AtMost(50.0)), Some(spread(&cpu_ms)));
        if !refused_ms.is_empty() {
            let [_, most] = spread(&refused_ms);
            notes.figure(case, "CPU until no way is said to be found, most", "ms", most, refused_ms.len());
        }
        let median = quantile(&lengths, 0.5);
        notes.figure(case, "length of a path, p50", "m", median, n).spread = Some(spread(&lengths));
        notes.figure(case, "least clearance of all paths", "m", nearest, n).aim = Some(Aim::AtLeast(0.03));
    }
    Ok(())
}

/// Somewhere in the building where the base may stand.
fn free_pose(costmap: &Costmap, random: &mut Stream) -> Isometry2<f64> {
    loop {
        let [x, y] = SIZE_M.map(|size| random.random_range(0.5..size - 0.5));
        let pose = Isometry2::new(Vector2::new(x, y), random.random_range(-3.1..3.1));
        if costmap.snapshot_of_map().obstacle_at(&pose, 0.11).is_none() {
            return pose;
        }
    }
}

/// Turns of the predictive controller among people.
pub fn control(_: &Plan, notes: &mut Notes) -> Result<(), String> {
    let robot = robot()?;
    let grid = building(&mut Seed(2).stream("bench control"));
    let footprint = Footprint::new(&robot.base.footprint_m);
    let costmap = Costmap::new(grid, footprint.clone());
    let limits = Limits { speed: robot.base.max_speed, acceleration: robot.base.max_acceleration };
    let mut mppi = Mppi::new(&footprint, Seed(3));
    let mut cpu_ms = Vec::new();
    let bar = notes.steps("turns", TURNS).clone();
    for turn in 0..TURNS {
        // Along a corridor, two people ahead.
        let base = Isometry2::new(Vector2::new(5.0 + turn as f64 * 0.03, 7.0), 0.0);
        let reference: Vec<Isometry2<f64>> = (1..=STEPS)
            .map(|step| base * Isometry2::new(Vector2::new(step as f64 * STEP_S * 0.6, 0.0), 0.0))
            .collect();
        let mover = |x: f64, y: f64, v: f64| Mover {
            place: base * Point2::new(x, y),
            velocity: Vector2::new(v, 0.0),
            radius_m: 0.25,
        };
        let movers = [mover(2.0, 0.3, -0.6), mover(3.0, -0.4, 0.4)];
        let began = ThreadTime::now();
        let field = costmap.field(&base.translation.vector.into(), 3.0);
        let velocity = Twist { x: 0.5, y: 0.0, yaw: 0.0 };
        let scene = Scene {
            base: &base,
            velocity,
            limits: &limits,
            reference: &reference,
            field: &field,
            movers: &movers,
        };
        let command = mppi.turn(&scene);
        cpu_ms.push(began.elapsed().as_secs_f64() * 1e3);
        if !command.x.is_finite() {
            return Err("the controller gave a velocity that is no number".to_owned());
        }
        bar.inc(1);
    }
    let (n, ends) = (cpu_ms.len(), spread(&cpu_ms));
    let case = format!("{SAMPLES} x {STEPS} samples, two people");
    let figure = notes.figure(&case, "CPU of a turn, p50", "ms", quantile(&cpu_ms, 0.5), n);
    (figure.aim, figure.spread) = (Some(Aim::AtMost(10.0)), Some(ends));
    notes.figure(&case, "CPU of a turn, p99", "ms", quantile(&cpu_ms, 0.99), n);
    Ok(())
}

fn scan(robot: &Robot, name: &str, stamp: Stamp, range: f32) -> LaserScan {
    let scanner = &robot.scanners[name];
    let increment = (scanner.angle_max_deg - scanner.angle_min_deg).to_radians() / (scanner.beams - 1) as f64;
    LaserScan {
        stamp,
        scanner: name.to_owned(),
        angle_min: scanner.angle_min_deg.to_radians(),
        angle_increment: increment,
        sweep: Duration::ZERO,
        beams: vec![Beam::Hit(range); scanner.beams],
    }
}

/// The guard's time for a scan in a narrow place, and from a scan to the stop with every core busy.
pub fn guarding(_: &Plan, notes: &mut Notes) -> Result<(), String> {
    let robot = robot()?;
    let guard = || {
        let footprint = Footprint::new(&robot.base.footprint_m);
        Guard::new(footprint, robot.base.max_speed, robot.base.max_acceleration, robot.scanners.clone())
    };
    let names: Vec<&String> = robot.scanners.keys().collect();
    let period_ns = 40_000_000;
    let drive = |guard: &mut Guard, stamp: Stamp, range: f32, name: &str| {
        let odom_from_base = Pose2::identity();
        let velocity = Twist { x: 0.3, y: 0.0, yaw: 0.0 };
        guard.odometry(&Odometry { stamp, odom_from_base, velocity });
        guard.scan(stamp, &scan(&robot, name, stamp, range), |_| MARGIN_M)
    };
    let mut cpu_ms = Vec::new();
    let bar = notes.steps("scans", SCANS).clone();
    let mut guarded = guard();
    for turn in 0..SCANS {
        let stamp = Stamp(1_000_000_000 + turn as u64 * period_ns);
        let name = names[turn % names.len()];
        let message = scan(&robot, name, stamp, 0.9);
        guarded.odometry(&Odometry {
            stamp,
            odom_from_base: Pose2::identity(),
            velocity: Twist { x: 0.5, y: 0.0, yaw: 0.2 },
        });
        guarded.allow(stamp, Twist { x: 0.5, y: 0.1, yaw: 0.2 }, |_| MARGIN_M);
        let began = ThreadTime::now();
        guarded.scan(stamp, &message, |_| MARGIN_M);
        cpu_ms.push(began.elapsed().as_secs_f64() * 1e3);
        bar.inc(1);
    }
    let (n, ends) = (cpu_ms.len(), spread(&cpu_ms));
    let case = "541 beams, all within reach";
    let figure = notes.figure(case, "CPU of a scan, p50", "ms", quantile(&cpu_ms, 0.5), n);
    (figure.aim, figure.spread) = (Some(Aim::AtMost(0.1)), Some(ends));
    notes.figure(case, "CPU of a scan, p99", "ms", quantile(&cpu_ms, 0.99), n);
    let stopping = || -> Result<Vec<f64>, String> {
        let mut stop_ms = Vec::new();
        for turn in 0..STOPS {
            let mut guard = guard();
            let first = 1_000_000_000 + turn as u64 * 10 * period_ns;
            for name in &names {
                drive(&mut guard, Stamp(first), 5.0, name);
            }
            guard.allow(Stamp(first), Twist { x: 0.6, y: 0.0, yaw: 0.0 }, |_| MARGIN_M);
            let began = Stopwatch::start();
            let verdict = drive(&mut guard, Stamp(first + period_ns), 0.051, names[0]);
            stop_ms.push(began.elapsed().as_secs_f64() * 1e3);
            if verdict.is_none_or(|verdict| verdict.reason != Reason::Stop) {
                return Err("the guard did not stop".to_owned());
            }
        }
        Ok(stop_ms)
    };
    let busy = AtomicBool::new(true);
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let stopping = &stopping;
    let (first, ordinary) = thread::scope(|scope| {
        for core in 0..cores {
            let spin = || {
                while busy.load(Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            };
            thread::Builder::new()
                .name(format!("busy-{core}"))
                .spawn_scoped(scope, spin)
                .map_err(|e| e.to_string())?;
        }
        // As `nightshift run` is, and as it is where that is not permitted.
        let urgent = move || (put_this_thread_first(), stopping());
        let first = thread::Builder::new()
            .name("first".to_owned())
            .spawn_scoped(scope, urgent)
            .map_err(|e| e.to_string())
            .and_then(|thread| thread.join().map_err(|_| "the guard's thread panicked".to_owned()));
        let ordinary = stopping();
        busy.store(false, Ordering::Relaxed);
        let (permitted, first) = first?;
        let first = first?;
        Ok::<_, String>((permitted.map(|()| first), ordinary?))
    })?;
    let case = format!("{cores} more threads that never rest");
    let mut tell = |what: &'static str, stop_ms: &[f64], aim: Option<Aim>| {
        let figure = notes.figure(&case, what, "ms", quantile(stop_ms, 0.99), stop_ms.len());
        (figure.aim, figure.spread) = (aim, Some(spread(stop_ms)));
    };
    match first {
        Ok(stop_ms) => tell("scan to stop, p99", &stop_ms, Some(Aim::AtMost(10.0))),
        Err(why) => talk!("driving: {why}"),
    }
    tell("scan to stop without real-time priority, p99", &ordinary, None);
    Ok(())
}
