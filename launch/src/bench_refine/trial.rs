//! One dock: the base stands only roughly right, and a rack is located by the real executive, arm and pictures.

use crate::bench::transfer;
use crate::effects::{Eye, Planner};
use crate::files::Lab;
use nalgebra::{Point3, Vector3};
use nightshift_core::api::{Call, JobEvent, Request};
use nightshift_core::describe::Station;
use nightshift_core::frames::{Base, Camera, Nest, Pose};
use nightshift_core::lockstep::Timeline;
use nightshift_core::random::Seed;
use nightshift_core::robot::{CommandId, RobotEvent};
use nightshift_core::{Code, Component, Failure, NestId, Outbox, Pose2, Stamp};
use nightshift_navigation::localiser::{Estimate, Localisation, Place};
use nightshift_navigation::{NavCommand, NavInput, NavOutput};
use nightshift_sim::{SimConfig, World};
use nightshift_skills::{EffectId, Executive, Look, SkillInput, SkillOutput, Store};
use rand::Rng;
use rand_distr::{Distribution, Normal};
use serde::Serialize;
use std::time::Duration;

/// How far from its dock the base has stopped, each way.
const OFF_M: f64 = 0.020;
const OFF_RAD: f64 = 2.0 * std::f64::consts::PI / 180.0;
/// What docking says of that is off by so much, one sigma: as `nightshift bench docking` measures it.
const TOLD_M: f64 = 0.0006;
const TOLD_RAD: f64 = 0.0005;
/// A trial takes no longer, simulated seconds.
const LONGEST_S: f64 = 120.0;
/// How long effects take, as in lockstep.
const PLAN: Duration = Duration::from_millis(150);
const STORE: Duration = Duration::from_millis(8);
const SHUTTER: Duration = Duration::from_millis(60);
const READING: Duration = Duration::from_millis(60);

/// One dock, and what the rack is believed to be off by there.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    pub seed: u64,
    pub station: String,
    /// Of the base: ahead, left (mm) and turned (degrees).
    pub off: [f64; 3],
    /// The largest of its slots' errors across the slot's axis, mm, once it was located by several pictures.
    pub worst_slot_mm: Option<f64>,
    /// Of the point of the rack's own frame that is the middle of its slots: in the rack's axes, mm, and turned, degrees.
    pub middle_mm: Option<[f64; 3]>,
    pub turned_deg: Option<f64>,
    /// One sigma of the slot that is known worst, in its worst direction, as it was said, mm.
    pub said_mm: Option<f64>,
    /// The rack's error in units of what was said, squared: of three numbers (place and turn), so that 3 is usual.
    pub off_squared: Option<f64>,
    pub pictures: u32,
    /// From the end of docking until then, simulated seconds.
    pub after_s: f64,
    /// What the executive said of it, what went wrong, and what must not touch and did.
    pub told: Vec<String>,
}

impl Trial {
    /// Whether something touched that must not.
    pub fn is_harmful(&self) -> bool {
        self.told.iter().any(|words| words.starts_with("contact: "))
    }
}

enum Due {
    Tell(SkillInput),
    Shutter(EffectId),
}

struct Run {
    world: World,
    executive: Executive,
    store: Store,
    planner: Planner,
    eye: Eye,
    pending: Timeline<Due>,
    told_pose: Pose2<nightshift_core::frames::Station, Base>,
    docked_at: Option<Stamp>,
    pictures: u32,
    dark: bool,
    told: Vec<String>,
    over: bool,
}

/// Makes one, with a rack at a station and a free slot at another. In the dark, pictures that are to locate the rack show nothing.
pub fn run(lab: &Lab, (station, to): (&Station, &Station), seed: u64, dark: bool) -> Result<Trial, String> {
    let mut random = Seed(seed).stream("bench refine");
    let mut within = |most: f64| random.random_range(-most..most);
    let off = [within(OFF_M), within(OFF_M), within(OFF_RAD)];
    let mut site = lab.site.clone();
    let nest: NestId = station.nests.keys().next().ok_or("the station has no rack")?.clone();
    let free = |address: &nightshift_core::Address| site.stock.iter().all(|item| item.at != *address);
    let rack = |at: &Station| {
        let nest = at.nests.values().next()?;
        Some((at.nests.keys().next()?.clone(), site.catalogue.racks.get(&nest.rack)?.clone()))
    };
    let (to_nest, to_rack) = rack(to).ok_or("the other station has no rack")?;
    let (_, rack) = rack(station).ok_or("the catalogue lacks the rack")?;
    let address = |at: &Station, nest: &NestId, slot| nightshift_core::Address {
        station: at.id.clone(),
        nest: nest.clone(),
        slot,
    };
    let target = to_rack.slots().into_iter().map(|slot| address(to, &to_nest, slot)).find(free);
    let target = target.ok_or("the other rack is full")?;
    let first = rack.slots().into_iter().next().ok_or("the rack has no slot")?;
    let sample = site.stock.iter().position(|item| item.at.station == station.id).unwrap_or(0);
    let item = &mut site.stock[sample];
    item.at = address(station, &nest, first);
    let sample = item.id.clone();
    let station_from_base =
        Pose2::from_iso(station.dock.docked.iso * Pose2::<Base, Base>::new(off[0], off[1], off[2]).iso);
    let config = SimConfig { seed: Seed(seed), start: Some(station.pose * station_from_base) };
    let mut noise = |sigma: f64| Normal::new(0.0, sigma).expect("a sound sigma").sample(&mut random);
    let mut robot = lab.robot.clone();
    let sigma = robot.camera.pose_sigma;
    let mount = [sigma.m, sigma.deg.to_radians()].map(|sigma| [noise(sigma), noise(sigma), noise(sigma)]);
    robot.camera.pose = robot.camera.pose * Pose::<Camera, Camera>::from_xyz_rpy(mount[0], mount[1]);
    let world = World::new(&site, &robot, config).map_err(|e| e.to_string())?;
    let (store, restored) = Store::in_memory().map_err(|e| e.to_string())?;
    let told = Pose2::<Base, Base>::new(noise(TOLD_M), noise(TOLD_M), noise(TOLD_RAD));
    let mut run = Run {
        world,
        executive: Executive::new(&site, &lab.robot, restored).map_err(|e| e.to_string())?,
        store,
        planner: Planner::new(&lab.robot).map_err(|e| e.to_string())?,
        eye: Eye::new(None).map_err(|e| e.to_string())?,
        pending: Timeline::default(),
        told_pose: Pose2::from_iso(station_from_base.iso * told.iso),
        docked_at: None,
        pictures: 0,
        dark,
        told: Vec::new(),
        over: false,
    };
    run.tell(SkillInput::Navigation(localised(station.pose * station_from_base)));
    let request = Request::Submit(transfer("refine", &sample, &target));
    run.tell(SkillInput::Call(Call { id: CommandId(1), request }));
    let located = |run: &Run| run.executive.located(&station.id, &nest).cloned();
    while run.world.now().seconds() < LONGEST_S && !run.over && located(&run).is_none() {
        run.step(station);
    }
    let found = located(&run);
    let base_from_station = (station.pose.inverse() * run.world.truth().robot.pose).inverse().spatial();
    let described = station.nest_pose(&nest).ok_or("the station has no such nest")?;
    let truth: Pose<Base, Nest> = base_from_station * described;
    let slots: Vec<Point3<f64>> = rack
        .slots()
        .iter()
        .filter_map(|slot| rack.nest_from_slot(slot))
        .map(|slot| slot.translation().into())
        .collect();
    let errors = found.as_ref().map(|found| {
        let truth_from_found = truth.inverse() * found.base_from_nest;
        let off = |point: &Point3<f64>| truth_from_found.point(point) - point;
        let middle = Point3::from(slots.iter().map(|p| p.coords).sum::<Vector3<f64>>() / slots.len() as f64);
        let worst = slots.iter().map(|slot| off(slot).xy().norm()).fold(0.0, f64::max);
        (worst * 1e3, (off(&middle) * 1e3).into(), truth_from_found.yaw().to_degrees())
    });
    let said_mm =
        found.as_ref().map(|found| slots.iter().map(|slot| found.sigma_at_m(slot) * 1e3).fold(0.0, f64::max));
    Ok(Trial {
        seed,
        station: station.id.to_string(),
        off: [off[0] * 1e3, off[1] * 1e3, off[2].to_degrees()],
        worst_slot_mm: errors.map(|(worst, ..)| worst),
        middle_mm: errors.map(|(_, middle, _)| middle),
        turned_deg: errors.map(|(.., turned)| turned),
        said_mm,
        off_squared: found.map(|found| found.off_squared(&truth)),
        pictures: run.pictures,
        after_s: run.docked_at.map_or(f64::NAN, |at| run.world.now().since(at)),
        told: run.told,
    })
}

impl Run {
    fn step(&mut self, station: &Station) {
        for event in self.world.step() {
            if !matches!(event, RobotEvent::Scan(_) | RobotEvent::Odometry(_) | RobotEvent::Inertial(_)) {
                self.tell_at(station, SkillInput::Robot(event));
            }
        }
        let touches = self.world.contacts_of_note().into_iter();
        self.told.extend(touches.map(|touch| format!("contact: {touch}")));
        let now = self.world.now();
        while let Some((_, due)) = self.pending.pop_due(now) {
            match due {
                Due::Tell(input) => self.tell_at(station, input),
                Due::Shutter(id) => {
                    let frame = self.world.capture();
                    let look = self.eye.look(&frame);
                    self.pictures += 1;
                    self.pending.push(now + READING, Due::Tell(SkillInput::Looked { id, look }));
                }
            }
        }
        while self.executive.next_wake().is_some_and(|wake| wake <= now) {
            let mut out = Outbox::new();
            self.executive.wake(now, &mut out);
            self.obey(out, Some(station));
        }
    }

    fn tell(&mut self, input: SkillInput) {
        let mut out = Outbox::new();
        self.executive.handle(self.world.now(), input, &mut out);
        self.obey(out, None);
    }

    fn tell_at(&mut self, station: &Station, input: SkillInput) {
        let mut out = Outbox::new();
        self.executive.handle(self.world.now(), input, &mut out);
        self.obey(out, Some(station));
    }

    fn obey(&mut self, outputs: Outbox<SkillOutput>, station: Option<&Station>) {
        let now = self.world.now();
        for output in outputs {
            match output {
                SkillOutput::Robot(command) => self.world.command(command),
                SkillOutput::Plan { id, request } => {
                    let result = self.planner.plan(&request);
                    self.pending.push(now + PLAN, Due::Tell(SkillInput::Planned { id, result }));
                }
                SkillOutput::Look { id, purpose } if self.dark && purpose.starts_with("refine") => {
                    let ok = Err(Failure::new(Code::UnreadableCode, "the picture is dark"));
                    let (tags, surface_m) = (Vec::new(), Vec::new());
                    let (sha256, path) = (String::new(), String::new());
                    let look = Look { stamp: now, ok, tags, surface_m, sha256, path };
                    self.pending.push(now + SHUTTER, Due::Tell(SkillInput::Looked { id, look }));
                }
                SkillOutput::Look { id, .. } => self.pending.push(now + SHUTTER, Due::Shutter(id)),
                SkillOutput::Store { id, records } => {
                    let result = self.store.append(&records);
                    self.pending.push(now + STORE, Due::Tell(SkillInput::Stored { id, result }));
                }
                SkillOutput::Navigation(NavInput::Command(NavCommand::DriveToStation { id, .. })) => {
                    let done = NavOutput::Done { id, result: Ok(()) };
                    self.pending.push(now + STORE, Due::Tell(SkillInput::Navigation(done)));
                }
                // The base stands already where docking has left it; docking tells what it saw of that.
                SkillOutput::Navigation(NavInput::Command(NavCommand::Dock { id, .. })) => {
                    let Some(station) = station else { continue };
                    let variances = [TOLD_M, TOLD_M, TOLD_RAD].map(|sigma| sigma * sigma);
                    let mut covariance = [[0.0; 3]; 3];
                    (0..3).for_each(|axis| covariance[axis][axis] = variances[axis]);
                    let docked = NavOutput::Docked {
                        station: station.id.clone(),
                        stamp: now,
                        station_from_base: self.told_pose,
                        covariance,
                    };
                    self.docked_at = Some(now);
                    let done = NavOutput::Done { id, result: Ok(()) };
                    self.pending.push(now + STORE, Due::Tell(SkillInput::Navigation(docked)));
                    self.pending.push(now + STORE, Due::Tell(SkillInput::Navigation(done)));
                }
                SkillOutput::Event(JobEvent::Finished(result)) => {
                    self.over = true;
                    let items = result.outcomes.iter();
                    let evidence = items.clone().flat_map(|item| &item.evidence);
                    let refined = evidence.filter(|one| one.kind == "refined");
                    self.told.extend(refined.map(|one| one.text.clone()));
                    self.told.extend(items.filter_map(|item| item.error.as_ref()).map(ToString::to_string));
                }
                SkillOutput::Notice { message, .. } => self.told.push(message),
                SkillOutput::Navigation(_)
                | SkillOutput::Site { .. }
                | SkillOutput::Answer { .. }
                | SkillOutput::Event(_) => {}
            }
        }
    }
}

fn localised(map_from_base: Pose2<nightshift_core::frames::Map, Base>) -> NavOutput {
    let estimate = Estimate {
        map_from_odom: Pose2::identity(),
        map_from_base,
        covariance: [[0.0; 3]; 3],
        confidence: 1.0,
    };
    NavOutput::Localised(Localisation { stamp: Stamp::ZERO, place: Place::Tracking(estimate) })
}
