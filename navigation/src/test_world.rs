//! A small flat world to close the loop in tests: boxes, rays against their edges, a base with slipping wheels, and a
//! camera that sees a dock's tag. It shares nothing with what it tests but the descriptions.

use crate::{LocalisationState, NavCommand, NavInput, NavOutput, Navigator, map};
use nalgebra::{Isometry2, Point2, Vector2};
use nightshift_core::describe::{Robot, Shape, Site, Solid};
use nightshift_core::frames::{Map, Pose, Pose2};
use nightshift_core::random::{Seed, Stream};
use nightshift_core::record::{Driven, Sink};
use nightshift_core::robot::{Battery, Beam, CommandId, LaserScan, Odometry, Twist};
use nightshift_core::{Failure, Stamp, StationId};
use rand_distr::{Distribution, Normal};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// Height of the scanners' plane, metres.
const PLANE_M: f64 = 0.2;
const STEP_NS: u64 = 10_000_000;
const RANGE_SIGMA_M: f64 = 0.01;
/// Wheels report this much more than was driven on x, y and yaw, and turn like so a metre.
const SCALE: [f64; 3] = [1.02; 3];
const DRIFT_RAD_PER_M: f64 = 0.01;

type Segment = [Point2<f64>; 2];

pub struct World {
    pub site: Site,
    robot: Robot,
    pub navigator: Driven<Navigator, Journal>,
    journal: Journal,
    seed: u64,
    pub base: Isometry2<f64>,
    walls: Vec<Segment>,
    /// People: from and to, and how fast they go between the two, for ever.
    pub walkers: Vec<(Point2<f64>, Point2<f64>, f64)>,
    /// Boxes that the map does not have: centre and full size.
    pub extra: Vec<[f64; 4]>,
    /// Where the base was at the last steps, the newest first.
    places: VecDeque<Isometry2<f64>>,
    odom: Isometry2<f64>,
    velocity: Twist,
    command: Twist,
    commanded_at: u64,
    now: u64,
    random: Stream,
    picture: Option<(u64, StationId)>,
    /// What the wheels report of a metre or radian on x, y and yaw, and the turn that a metre adds.
    pub scale: [f64; 3],
    pub drift_rad_per_m: f64,
    /// From a scan's stamp until it is told.
    pub scan_delay_ns: u64,
    delayed: VecDeque<(u64, LaserScan)>,
    /// Scans do not say how long they took.
    pub sweep_untold: bool,
    /// Comings onto a charger's contacts that do not conduct.
    pub dirty: u32,
    touches: bool,
    touched: u32,
    /// Pictures show no tag.
    pub blind: bool,
    /// No scans come.
    pub dark: bool,
    pub done: Vec<(CommandId, Result<(), Failure>)>,
    /// How far the base truly was from where docking said, in its own frame, and the covariance that was said.
    pub docked: Option<(Isometry2<f64>, [[f64; 3]; 3])>,
    pub paths: usize,
    pub states: Vec<LocalisationState>,
    /// Error of the last answered pose at its stamp, metres and radians.
    pub error: (f64, f64),
    pub errors: Vec<(f64, f64)>,
    /// Nearest that anything came to the outline, metres.
    pub closest_m: f64,
}

fn folder(path: &'static str) -> impl Fn(&str) -> Result<String, String> {
    move |file| {
        let full = format!("{}/../{path}/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(full).map_err(|e| e.to_string())
    }
}

fn edges(pose: &Isometry2<f64>, size: [f64; 2]) -> [Segment; 4] {
    let corner = |x: f64, y: f64| pose * Point2::new(x * size[0] / 2.0, y * size[1] / 2.0);
    let c = [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
    [[c[0], c[1]], [c[1], c[2]], [c[2], c[3]], [c[3], c[0]]]
}

fn in_plane<F>(shape: &Shape<F>, map_from_frame: &Isometry2<f64>) -> Option<[Segment; 4]> {
    let Solid::Box { size_m } = shape.solid else { return None };
    let middle = shape.pose.translation();
    ((middle.z - PLANE_M).abs() <= size_m[2] / 2.0)
        .then(|| edges(&(map_from_frame * shape.pose.planar().iso), [size_m[0], size_m[1]]))
}

pub fn descriptions() -> (Site, Robot) {
    let site = Site::load(&folder("maps/photocatalysis")).unwrap();
    (site, Robot::load(&folder("robot/description/omni7")).unwrap())
}

fn navigator(site: &Site, robot: &Robot, seed: u64) -> Navigator {
    let yaml = folder("maps/photocatalysis")("map.yaml").unwrap();
    let picture = format!("{}/../maps/photocatalysis/map.pgm", env!("CARGO_MANIFEST_DIR"));
    let grid = map::load(&yaml, &std::fs::read(picture).unwrap()).unwrap();
    Navigator::new(site, robot, grid, Seed(seed))
}

/// Keeps the journal where the world can read it.
#[derive(Clone, Default)]
pub struct Journal(Rc<RefCell<Vec<String>>>);

impl Sink for Journal {
    fn line(&mut self, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let (site, robot) = descriptions();
        Self::with_both(seed, site, robot)
    }

    /// The same robot on two driven wheels.
    pub fn differential(seed: u64) -> Self {
        Self::differential_at(seed, descriptions().0)
    }

    /// The same, at another site.
    pub fn differential_at(seed: u64, site: Site) -> Self {
        let mut robot = descriptions().1;
        robot.base.omnidirectional = false;
        robot.base.max_speed.y = 0.0;
        robot.base.max_acceleration.y = 0.0;
        Self::with_both(seed, site, robot)
    }

    /// With lasers whose beams take so long from the first to the last, seconds.
    pub fn sweeping(seed: u64, sweep_s: f64) -> Self {
        let (site, mut robot) = descriptions();
        for scanner in robot.scanners.values_mut() {
            scanner.sweep_s = sweep_s;
        }
        Self::with_both(seed, site, robot)
    }

    /// With zones that the site does not have.
    pub fn with_zones(seed: u64, zones: Vec<nightshift_core::describe::Zone>) -> Self {
        let (site, robot) = descriptions();
        Self::with_both(seed, Site { zones, ..site }, robot)
    }

    fn with_both(seed: u64, site: Site, robot: Robot) -> Self {
        let navigator = navigator(&site, &robot, seed);
        let furniture = site.furniture.iter().filter_map(|s| in_plane(s, &Isometry2::identity()));
        let stations = site.stations.values();
        let shapes = stations.flat_map(|s| s.shapes.iter().filter_map(|shape| in_plane(shape, &s.pose.iso)));
        let walls = furniture.chain(shapes).flatten().collect();
        let start = site.start;
        let journal = Journal::default();
        let mut world = Self {
            base: start.iso,
            site,
            robot,
            navigator: Driven::new(navigator, journal.clone()),
            journal,
            seed,
            walls,
            extra: Vec::new(),
            walkers: Vec::new(),
            places: VecDeque::new(),
            odom: Isometry2::new(Vector2::new(3.0, -2.0), 0.7),
            velocity: Twist::STOP,
            command: Twist::STOP,
            commanded_at: 0,
            now: 0,
            random: Seed(seed).stream("test world"),
            picture: None,
            scale: SCALE,
            drift_rad_per_m: DRIFT_RAD_PER_M,
            scan_delay_ns: 0,
            delayed: VecDeque::new(),
            sweep_untold: false,
            dirty: 0,
            touches: false,
            touched: 0,
            blind: false,
            dark: false,
            done: Vec::new(),
            docked: None,
            paths: 0,
            states: Vec::new(),
            error: (0.0, 0.0),
            errors: Vec::new(),
            closest_m: f64::INFINITY,
        };
        world.tell(NavInput::Command(NavCommand::SetPose(start)));
        world.run(1.0);
        world
    }

    /// Puts the base somewhere and tells the navigator so, as well as a person would.
    pub fn put(&mut self, base: Isometry2<f64>) {
        self.base = base;
        self.places.clear();
        let told = base * Isometry2::new(Vector2::new(0.05, -0.05), 0.03);
        self.tell(NavInput::Command(NavCommand::SetPose(Pose2::from_iso(told))));
        self.run(1.0);
    }

    /// A navigator as this one was at the start.
    pub fn fresh_navigator(&self) -> Navigator {
        navigator(&self.site, &self.robot, self.seed)
    }

    pub fn journal(&self) -> Vec<String> {
        self.journal.0.borrow().clone()
    }

    fn all_walls(&self) -> Vec<Segment> {
        let extra = self
            .extra
            .iter()
            .flat_map(|[x, y, w, h]| edges(&Isometry2::new(Vector2::new(*x, *y), 0.0), [*w, *h]));
        let seconds = self.now as f64 * 1e-9;
        // A walker is a box as large as two legs.
        let walkers = self.walkers.iter().flat_map(|(from, to, speed)| {
            let (way, length) = (to - from, (to - from).norm());
            let at = (seconds * speed) % (2.0 * length);
            let along = if at > length { 2.0 * length - at } else { at };
            let place = from + way * (along / length);
            edges(&Isometry2::new(place.coords, 0.0), [0.3, 0.3])
        });
        self.walls.iter().copied().chain(extra).chain(walkers).collect()
    }

    pub fn tell(&mut self, input: NavInput) {
        let outputs = self.navigator.feed(Stamp(self.now), input);
        self.hear(outputs);
    }

    fn hear(&mut self, outputs: Vec<NavOutput>) {
        for output in outputs {
            match output {
                NavOutput::Drive(twist) => (self.command, self.commanded_at) = (twist, self.now),
                NavOutput::Localised(l) => {
                    let truth = Pose2::from_iso(self.place(self.now - l.stamp.0));
                    if let Some(estimate) = l.estimate() {
                        let pose = &estimate.map_from_base;
                        self.error = (pose.distance(&truth), pose.turn_to(&truth).abs());
                        self.errors.push(self.error);
                    }
                    self.states.push(l.state());
                }
                NavOutput::Path(path) => {
                    assert!(path.is_empty() || path.len() > 1);
                    self.paths += usize::from(!path.is_empty());
                }
                NavOutput::LookForDock { station } => {
                    assert!(self.picture.is_none(), "one picture at a time");
                    self.picture = Some((self.now, station));
                }
                NavOutput::Docked { station, station_from_base, covariance, .. } => {
                    let truth = self.site.stations[&station].pose.iso.inv_mul(&self.base);
                    self.docked = Some((station_from_base.iso.inv_mul(&truth), covariance));
                }
                NavOutput::Done { id, result } => self.done.push((id, result)),
            }
        }
    }

    /// Runs until a command ends, and gives its result; none after `most_s`.
    pub fn run_until_done(&mut self, most_s: f64) -> Option<Result<(), Failure>> {
        let before = self.done.len();
        let end = self.now + (most_s * 1e9) as u64;
        while self.now < end && self.done.len() == before {
            self.step();
        }
        self.done.get(before).map(|(_, result)| result.clone())
    }

    pub fn run(&mut self, seconds: f64) {
        let end = self.now + (seconds * 1e9) as u64;
        while self.now < end {
            self.step();
        }
    }

    /// Somebody else drives the base.
    pub fn push(&mut self, twist: Twist, seconds: f64) {
        let end = self.now + (seconds * 1e9) as u64;
        while self.now < end {
            (self.command, self.commanded_at) = (twist, self.now);
            self.step();
        }
    }

    /// Where the base was so long ago; where it was first, before that.
    fn place(&self, ago_ns: u64) -> Isometry2<f64> {
        let steps = ago_ns as f64 / STEP_NS as f64;
        let at = |index: usize| self.places.get(index).or(self.places.back()).unwrap_or(&self.base);
        let (newer, older) = (at(steps as usize), at(steps as usize + 1));
        newer.lerp_slerp(older, steps.fract())
    }

    fn step(&mut self) {
        self.now += STEP_NS;
        let outputs = self.navigator.advance(Stamp(self.now));
        self.hear(outputs);
        self.drive(STEP_NS as f64 * 1e-9);
        let tick = self.now / STEP_NS;
        if tick.is_multiple_of(2) {
            let noise = Normal::new(0.0, 0.002).unwrap();
            let mut velocity = self.velocity;
            velocity.x += noise.sample(&mut self.random);
            let odometry =
                Odometry { stamp: Stamp(self.now), odom_from_base: Pose2::from_iso(self.odom), velocity };
            self.tell(NavInput::Odometry(odometry));
        }
        for (name, phase) in [("front", 0), ("rear", 4)] {
            // The first turn began after the world did.
            if tick >= 8 && tick % 8 == phase && !self.dark {
                let scan = self.scan(name);
                self.delayed.push_back((self.now + self.scan_delay_ns, scan));
            }
        }
        self.charge(tick);
        while let Some((_, scan)) = self.delayed.pop_front_if(|(due, _)| *due <= self.now) {
            self.tell(NavInput::Scan(scan));
        }
        self.take_picture();
    }

    fn drive(&mut self, dt: f64) {
        let wanted = if self.now - self.commanded_at > 300_000_000 { Twist::STOP } else { self.command };
        let most = self.robot.base.max_acceleration;
        let ramp = |v: f64, to: f64, a: f64| v + (to - v).clamp(-a * dt, a * dt);
        self.velocity = Twist {
            x: ramp(self.velocity.x, wanted.x, most.x),
            y: ramp(self.velocity.y, wanted.y, most.y),
            yaw: ramp(self.velocity.yaw, wanted.yaw, most.yaw),
        };
        let v = self.velocity;
        let step = Vector2::new(v.x, v.y) * dt;
        self.base *= Isometry2::new(step, v.yaw * dt);
        let [x, y, yaw] = self.scale;
        let turn = v.yaw * dt * yaw + self.drift_rad_per_m * step.norm();
        self.odom *= Isometry2::new(Vector2::new(step.x * x, step.y * y), turn);
        self.places.truncate(100);
        self.places.push_front(self.base);
        if (self.now / STEP_NS).is_multiple_of(4) {
            self.check_contact();
        }
    }

    /// The battery tells once a second; within a centimetre of its docked pose the charger's contacts bear.
    fn charge(&mut self, tick: u64) {
        let touches = self.dock_error("charger").0 < 0.01;
        self.touched += u32::from(touches && !self.touches);
        self.touches = touches;
        if tick.is_multiple_of(100) {
            let charging = touches && self.touched > self.dirty;
            self.tell(NavInput::Battery(Battery { stamp: Stamp(self.now), charge: 0.5, charging }));
        }
    }

    fn check_contact(&mut self) {
        let corners = &self.robot.base.footprint_m;
        let [half_x, half_y] = corners[0];
        for [a, b] in self.all_walls() {
            let (a, b) = (self.base.inverse_transform_point(&a), self.base.inverse_transform_point(&b));
            let count = ((b - a).norm() / 0.02).ceil() as usize;
            for i in 0..=count {
                let p = a + (b - a) * (i as f64 / count as f64);
                let out = Vector2::new(p.x.abs() - half_x, p.y.abs() - half_y);
                let distance =
                    if out.x <= 0.0 && out.y <= 0.0 { out.max() } else { out.map(|v| v.max(0.0)).norm() };
                self.closest_m = self.closest_m.min(distance);
            }
        }
    }

    fn scan(&mut self, name: &str) -> LaserScan {
        let scanner = &self.robot.scanners[name];
        let mount = scanner.pose.planar().iso;
        let sweep = scanner.sweep();
        let sweep_ns = sweep.as_nanos() as u64;
        let eyes: Vec<Isometry2<f64>> = (0..scanner.beams)
            .map(|i| {
                let share = i as f64 / (scanner.beams - 1) as f64;
                self.place((sweep_ns as f64 * (1.0 - share)) as u64) * mount
            })
            .collect();
        let walls = self.all_walls();
        let (from, to) = (scanner.angle_min_deg.to_radians(), scanner.angle_max_deg.to_radians());
        let increment = (to - from) / (scanner.beams - 1) as f64;
        let noise = Normal::new(0.0, RANGE_SIGMA_M).unwrap();
        let beams = (0..scanner.beams)
            .map(|i| {
                let eye = eyes[i];
                let way = eye.rotation * nalgebra::UnitComplex::new(from + i as f64 * increment);
                let direction = way * Vector2::x();
                let origin = Point2::from(eye.translation.vector);
                let range =
                    walls.iter().filter_map(|w| cast(&origin, &direction, w)).fold(f64::INFINITY, f64::min);
                let range = range + noise.sample(&mut self.random);
                Beam::from_range(range as f32, scanner.range_min_m as f32, scanner.range_max_m as f32)
            })
            .collect();
        LaserScan {
            stamp: Stamp(self.now - sweep_ns),
            scanner: name.to_owned(),
            angle_min: from,
            angle_increment: increment,
            sweep: if self.sweep_untold { Duration::ZERO } else { sweep },
            beams,
        }
    }

    /// A picture takes 0.3 s to be looked at.
    fn take_picture(&mut self) {
        let Some((asked, id)) = self.picture.clone().filter(|(asked, _)| self.now >= asked + 300_000_000)
        else {
            return;
        };
        self.picture = None;
        let station = &self.site.stations[&id];
        let map_from_tag = Pose2::<Map, _>::from_iso(station.pose.iso).spatial() * station.dock.tag.pose;
        let base_from_tag = Pose2::from_iso(self.base).spatial().inverse() * map_from_tag;
        let mut off = |sigma: f64| Normal::new(0.0, sigma).unwrap().sample(&mut self.random);
        let noise = Pose::from_xyz_rpy([off(5e-4), off(5e-4), off(2e-3)], [off(0.02), off(0.02), off(0.002)]);
        let seen = (!self.blind).then(|| base_from_tag * noise);
        // The picture was taken when it was asked for, and the base has been standing since.
        self.tell(NavInput::DockSeen { stamp: Stamp(asked), base_from_tag: seen });
    }

    /// How far the base truly is from a station's docked pose, metres and radians.
    pub fn dock_error(&self, station: &str) -> (f64, f64) {
        let station = &self.site.stations[&StationId::from(station)];
        let docked = Pose2::<Map, _>::from_iso(station.pose.iso * station.dock.docked.iso);
        let base: Pose2<Map, nightshift_core::frames::Base> = Pose2::from_iso(self.base);
        (docked.distance(&base), docked.turn_to(&base).abs())
    }
}

fn cast(origin: &Point2<f64>, direction: &Vector2<f64>, [a, b]: &Segment) -> Option<f64> {
    let along = b - a;
    let cross = direction.x * along.y - direction.y * along.x;
    let to = a - origin;
    let range = (to.x * along.y - to.y * along.x) / cross;
    let share = (to.x * direction.y - to.y * direction.x) / cross;
    (cross != 0.0 && range > 0.0 && (0.0..=1.0).contains(&share)).then_some(range)
}
