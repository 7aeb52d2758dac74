//! One trial: a vial from one slot of a rack to another, by the executive itself in the simulator's physics. Navigation is
//! left out, because the base stands in its dock, and pictures are, because what they would show is given with an error.

use super::sights;
use crate::bench::transfer;
use crate::effects::Planner;
use crate::files::Lab;
use nalgebra::Point3;
use nightshift_core::api::{Call, ItemStatus, JobEvent, JobResult, Request};
use nightshift_core::describe::{Content, ContentKind};
use nightshift_core::frames::{Base, Pose};
use nightshift_core::lockstep::Timeline;
use nightshift_core::random::{Seed, Stream};
use nightshift_core::robot::{CommandId, RobotCommand, RobotEvent};
use nightshift_core::{Address, Component, Outbox, Pose2, SampleId, StationId};
use nightshift_navigation::localiser::{Estimate, Localisation, Place};
use nightshift_navigation::{NavCommand, NavInput, NavOutput};
use nightshift_sim::{SimConfig, World};
use nightshift_skills::{Executive, Look, SkillInput, SkillOutput, Store};
use rand::Rng;
use rand::seq::SliceRandom;
use serde::Serialize;
use std::f64::consts::TAU;
use std::time::Duration;

/// Where trials are made.
const STATION: &str = "storage";
/// A trial that has not ended by then has failed, simulated seconds.
const LIMIT_S: f64 = 240.0;
/// Afterwards what was let go comes to rest, s.
const SETTLING_S: f64 = 0.5;
/// In a trial with a drop the pads turn slippery once the vial is lifted by this, m, and have this friction then.
const SLIPS_AT_M: f64 = 0.03;
const SLIPPERY: f64 = 1e-3;
/// An insertion is drawn from so far over the seat, m, and this near to the slot's axis, m.
const DRAWN_M: [f64; 2] = [0.045, 0.008];
/// How long an effect takes, as in lockstep.
const EFFECT: [(Effect, Duration); 3] = [
    (Effect::Plan, Duration::from_millis(150)),
    (Effect::Look, Duration::from_millis(120)),
    (Effect::Store, Duration::from_millis(8)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Plan,
    Look,
    Store,
}

/// What a trial is about, drawn from its seed.
#[derive(Clone, Debug, Serialize)]
pub struct Conditions {
    /// Of the campaign.
    pub trial: u64,
    /// By how much every sight of the rack is off: along x, y, z, m.
    pub off_m: [f64; 3],
    /// And turned, about x, y, z of the base, rad.
    pub turned_rad: [f64; 3],
    /// Between glass and pads.
    pub friction: f64,
    /// Share of the room in the vial.
    pub fill: f64,
    /// From which slot to which.
    pub slots: [String; 2],
    /// Vials that stand in the rack beside it.
    pub neighbours: usize,
    /// Whether the pads turn slippery once the vial is lifted.
    pub drops: bool,
}

/// How a trial went.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// What it was about.
    #[serde(flatten)]
    pub conditions: Conditions,
    /// Done, by its own word, and in truth in its slot, whole and capped.
    pub success: bool,
    /// The failure's code, `TIME_LIMIT`, or that the word is not true.
    pub error: Option<String>,
    /// In words.
    pub message: Option<String>,
    /// Grasps that were made.
    pub grasps: u32,
    /// The largest force on its wall, N.
    pub grip_peak_n: f64,
    /// The largest push up along its axis, N.
    pub axial_peak_n: f64,
    /// When that was, s, and what the robot was told last before it.
    pub axial_at: String,
    /// Whether any vial broke or lost its cap.
    pub broken: bool,
    /// Whether its place is in truth where the ledger has it, or among the places that it names.
    pub known: bool,
    /// What must not happen and did: touches, knocks, mishaps.
    pub notes: Vec<String>,
    /// What the executive tells of it: the evidence, each with its time.
    pub told: Vec<String>,
    /// From the first moment when the pads no longer pressed it until the executive acted on that, s: pads may meet its cap
    /// once more as it falls between them.
    pub noticed_s: Option<f64>,
    /// Simulated.
    pub time_s: f64,
    /// The sample's way into its slot, for the picture.
    #[serde(skip)]
    pub sunk: Vec<Sunk>,
}

/// A moment of an insertion.
#[derive(Clone, Copy, Debug)]
pub struct Sunk {
    /// Of the sample over its seat, in truth, mm.
    pub height_mm: f64,
    /// Up along the tool, by what the wrist tells, from where the sample hung free over the slot, N.
    pub push_n: f64,
}

/// Draws the conditions of a trial: an error of up to `3 mm` and `2 degrees` in any direction, friction 0.2 to 0.6, fill
/// 0 to 1, one to six neighbours.
pub fn draw(lab: &Lab, seed: u64, trial: u64, drops: bool) -> Conditions {
    let mut stream = Seed(seed).stream(&format!("grasp/{trial}"));
    let off_m = within_ball(&mut stream, 0.003);
    let turned_rad = within_ball(&mut stream, 2.0_f64.to_radians());
    let friction = stream.random_range(0.2..=0.6);
    let fill = stream.random_range(0.0..=1.0);
    let mut slots = slots(lab);
    slots.shuffle(&mut stream);
    let neighbours = stream.random_range(1..=slots.len() - 2);
    let slots = [slots[0].clone(), slots[1].clone()];
    Conditions { trial, off_m, turned_rad, friction, fill, slots, neighbours, drops }
}

/// Evenly over the length, in an even direction.
fn within_ball(stream: &mut Stream, most: f64) -> [f64; 3] {
    let (length, z): (f64, f64) = (stream.random_range(0.0..=most), stream.random_range(-1.0..=1.0));
    let (sin, cos) = stream.random_range(0.0..TAU).sin_cos();
    let across = (1.0 - z * z).sqrt();
    [length * across * cos, length * across * sin, length * z]
}

fn slots(lab: &Lab) -> Vec<String> {
    let station = &lab.site.stations[&StationId::from(STATION)];
    let rack = station.nests.values().next().and_then(|nest| lab.site.catalogue.racks.get(&nest.rack));
    rack.map(|rack| rack.slots().iter().map(ToString::to_string).collect()).unwrap_or_default()
}

/// Any slot of the station.
pub fn a_slot(lab: &Lab) -> Result<Address, String> {
    let station = StationId::from(STATION);
    let nest = lab.site.stations[&station].nests.keys().next().ok_or("the station has no rack")?.clone();
    let slot = slots(lab).first().ok_or("the rack has no slot")?.as_str().into();
    Ok(Address { station, nest, slot })
}

/// Makes one.
pub fn run(lab: &Lab, seed: u64, conditions: Conditions) -> Result<Outcome, String> {
    Trial::new(lab, seed, conditions)?.run()
}

struct Trial {
    conditions: Conditions,
    sample: SampleId,
    target: Address,
    world: World,
    executive: Executive,
    store: Store,
    planner: Planner,
    sights: sights::Sights,
    pending: Timeline<SkillInput>,
    joints: Vec<f64>,
    grasps: u32,
    result: Option<JobResult>,
    /// How high the sample stood at the start, m; none once the pads have turned slippery.
    start_m: Option<f64>,
    /// Whether the pads are slippery, when they pressed the sample no more, and how soon the executive acted on that.
    slippery: bool,
    lost_s: Option<f64>,
    noticed_s: Option<f64>,
    notes: Vec<String>,
    broken: bool,
    /// What the robot was told last, and the largest push up along the sample's axis so far (N) with its moment.
    told: String,
    pushed: (f64, String),
    /// Where the sample's seat is in truth, what the wrist told of the push last, and the way in.
    seat: Point3<f64>,
    wrist_n: f64,
    sunk: Vec<Sunk>,
}

impl Trial {
    fn new(lab: &Lab, seed: u64, conditions: Conditions) -> Result<Self, String> {
        let station = StationId::from(STATION);
        let nest = lab.site.stations[&station].nests.keys().next().ok_or("the station has no rack")?.clone();
        let address =
            |slot: &str| Address { station: station.clone(), nest: nest.clone(), slot: slot.into() };
        let mut site = lab.site.clone();
        let mut stream = Seed(seed).stream(&format!("neighbours/{}", conditions.trial));
        let mut others = slots(lab);
        others.retain(|slot| !conditions.slots.contains(slot));
        others.shuffle(&mut stream);
        let places = std::iter::once(&conditions.slots[0]).chain(&others);
        let wanted = conditions.neighbours + 1;
        site.stock.truncate(wanted);
        if site.stock.len() < wanted {
            return Err(format!("the site's stock has fewer than {wanted} vials"));
        }
        for (item, slot) in site.stock.iter_mut().zip(places) {
            item.at = address(slot);
            let fill = stream.random_range(0.0..=1.0);
            item.content = Some(Content { kind: ContentKind::Liquid, fill, density: 1000.0, phase: None });
            item.open = false;
        }
        if let Some(content) = &mut site.stock[0].content {
            content.fill = conditions.fill;
        }
        let mut robot = lab.robot.clone();
        robot.scanners.clear();
        let docked = site.stations[&station].pose * site.stations[&station].dock.docked;
        let trial = Seed(seed.wrapping_mul(1_000_003).wrapping_add(conditions.trial));
        let config = SimConfig { seed: trial, start: Some(docked) };
        let mut world = World::new(&site, &robot, config).map_err(|e| e.to_string())?;
        world.set_pad_friction(conditions.friction).map_err(|e| e.to_string())?;
        let (store, restored) = Store::in_memory().map_err(|e| e.to_string())?;
        let executive = Executive::new(&site, &robot, restored).map_err(|e| e.to_string())?;
        let target = address(&conditions.slots[1]);
        let (_, nest, nest_from_slot) = site.slot(&target).ok_or("the site has no such slot")?;
        let seat = (site.stations[&station].pose.spatial() * nest.pose * nest_from_slot).translation().into();
        let error = Pose::<Base, Base>::from_xyz_rpy([0.0; 3], conditions.turned_rad);
        Ok(Self {
            sample: site.stock[0].id.clone(),
            target,
            sights: sights::Sights::new(&site, &robot, &station, conditions.off_m, error)?,
            planner: Planner::new(&robot).map_err(|e| e.to_string())?,
            conditions,
            world,
            executive,
            store,
            pending: Timeline::default(),
            joints: Vec::new(),
            grasps: 0,
            result: None,
            start_m: None,
            slippery: false,
            lost_s: None,
            noticed_s: None,
            notes: Vec::new(),
            broken: false,
            told: String::new(),
            pushed: (0.0, String::new()),
            seat,
            wrist_n: 0.0,
            sunk: Vec::new(),
        })
    }

    fn run(mut self) -> Result<Outcome, String> {
        let truth = self.world.truth();
        let docked = truth.robot.pose;
        self.start_m =
            Some(truth.samples[&self.sample].pose.translation().z).filter(|_| self.conditions.drops);
        self.tell(SkillInput::Navigation(localised(docked)));
        let request = Request::Submit(transfer("trial", &self.sample, &self.target));
        self.tell(SkillInput::Call(Call { id: CommandId(1), request }));
        let mut until_s = LIMIT_S;
        while self.world.now().seconds() < until_s {
            self.step();
            if self.result.is_some() && until_s == LIMIT_S {
                until_s = (self.world.now().seconds() + SETTLING_S).min(LIMIT_S - 1e-9);
            }
        }
        Ok(self.outcome())
    }

    fn step(&mut self) {
        let events = self.world.step();
        let now = self.world.now();
        self.watch();
        for event in events {
            if let RobotEvent::Wrist(wrench) = &event {
                self.follow_in(wrench.force_n);
            }
            if let RobotEvent::Joints(state) = &event {
                self.joints.clone_from(&state.positions);
                let push_n = self.world.truth().samples[&self.sample].peak_push_n;
                if push_n > self.pushed.0 {
                    self.pushed = (push_n, format!("{:.2} s, after: {}", now.seconds(), self.told));
                }
            }
            if !matches!(event, RobotEvent::Scan(_) | RobotEvent::Odometry(_) | RobotEvent::Inertial(_)) {
                self.tell(SkillInput::Robot(event));
            }
        }
        while let Some((_, input)) = self.pending.pop_due(now) {
            self.tell(input);
        }
        while self.executive.next_wake().is_some_and(|wake| wake <= now) {
            let mut out = Outbox::new();
            self.executive.wake(now, &mut out);
            self.obey(out);
        }
    }

    /// The wrist feels what is pushed into the hand against the flange's axis; the first moment over the slot is what it is
    /// compared with.
    fn follow_in(&mut self, force_n: [f64; 3]) {
        let off = self.world.truth().samples[&self.sample].pose.translation() - self.seat.coords;
        let held = self.world.grips().any(|(sample, _)| *sample == self.sample);
        let over = off.z < DRAWN_M[0] && off.xy().norm() < DRAWN_M[1];
        if held && !over {
            self.sunk.clear();
        }
        if !(held && over) {
            return;
        }
        if self.sunk.is_empty() {
            self.wrist_n = force_n[2];
        }
        self.sunk.push(Sunk { height_mm: off.z * 1e3, push_n: self.wrist_n - force_n[2] });
    }

    /// What the judges see of a step.
    fn watch(&mut self) {
        let now_s = self.world.now().seconds();
        let pressed = self.world.grips().any(|(sample, _)| *sample == self.sample);
        if let Some(start_m) = self.start_m.filter(|_| pressed) {
            let height_m = self.world.truth().samples[&self.sample].pose.translation().z;
            if height_m > start_m + SLIPS_AT_M {
                self.start_m = None;
                self.slippery = true;
                self.world.set_pad_friction(SLIPPERY).expect("a sound friction");
            }
        } else if self.slippery && !pressed {
            self.lost_s.get_or_insert(now_s);
        }
        let (touches, mishaps) = (self.world.contacts_of_note(), self.world.mishaps());
        self.broken |= mishaps.iter().any(|words| words.contains("breaks") || words.contains("cap"));
        self.notes.extend(touches.into_iter().chain(mishaps));
    }

    fn tell(&mut self, input: SkillInput) {
        let mut out = Outbox::new();
        self.executive.handle(self.world.now(), input, &mut out);
        self.obey(out);
    }

    fn obey(&mut self, outputs: Outbox<SkillOutput>) {
        let now = self.world.now();
        let due = |effect: Effect| now + EFFECT.iter().find(|(of, _)| *of == effect).expect("each").1;
        for output in outputs {
            self.note_loss(&output);
            match output {
                SkillOutput::Robot(command) => {
                    let closes = matches!(command, RobotCommand::Grip { opening_m: 0.0, .. });
                    let held = self.world.grips().any(|(sample, _)| *sample == self.sample);
                    self.grasps += u32::from(closes && !held);
                    self.told = in_words(&command);
                    self.world.command(command);
                }
                SkillOutput::Plan { id, request } => {
                    let result = self.planner.plan(&request);
                    self.pending.push(due(Effect::Plan), SkillInput::Planned { id, result });
                }
                SkillOutput::Look { id, .. } => {
                    let tags = self.sights.tags(&self.world.truth(), &self.joints);
                    let (sha256, path) = (String::new(), String::new());
                    let look = Look { stamp: now, ok: Ok(()), tags, surface_m: Vec::new(), sha256, path };
                    self.pending.push(due(Effect::Look), SkillInput::Looked { id, look });
                }
                SkillOutput::Store { id, records } => {
                    let result = self.store.append(&records);
                    self.pending.push(due(Effect::Store), SkillInput::Stored { id, result });
                }
                // The base is where it is sent.
                SkillOutput::Navigation(NavInput::Command(
                    NavCommand::DriveToStation { id, .. } | NavCommand::Dock { id, .. },
                )) => {
                    let done = NavOutput::Done { id, result: Ok(()) };
                    self.pending.push(due(Effect::Store), SkillInput::Navigation(done));
                }
                SkillOutput::Event(JobEvent::Finished(result)) => self.result = Some(result),
                SkillOutput::Navigation(_)
                | SkillOutput::Site { .. }
                | SkillOutput::Answer { .. }
                | SkillOutput::Event(_)
                | SkillOutput::Notice { .. } => {}
            }
        }
    }

    /// The first thing that the executive does once a slippery sample has left the pads: it stops the arm, or tells.
    fn note_loss(&mut self, output: &SkillOutput) {
        let acts = matches!(output, SkillOutput::Robot(RobotCommand::StopArm) | SkillOutput::Notice { .. });
        let now_s = self.world.now().seconds();
        if let (true, None, Some(lost)) = (acts, self.noticed_s, self.lost_s) {
            self.noticed_s = Some(now_s - lost);
            self.world.set_pad_friction(self.conditions.friction).expect("a sound friction");
        }
    }

    fn outcome(self) -> Outcome {
        let truth = self.world.truth();
        let sample = &truth.samples[&self.sample];
        let ended = self.result.as_ref().and_then(|result| result.outcomes.first());
        let done = ended.is_some_and(|outcome| outcome.status == ItemStatus::Done);
        let there = sample.location == self.target.to_string();
        let known = ended.is_some_and(|outcome| outcome.location.split('|').any(|at| at == sample.location));
        let failure = ended.and_then(|outcome| outcome.error.as_ref());
        let evidence = ended.map(|outcome| outcome.evidence.as_slice()).unwrap_or_default();
        let told = evidence.iter().map(|e| format!("{:.3} s: {}: {}", e.stamp.seconds(), e.kind, e.text));
        let told = told.collect();
        let (error, message) = match (ended, failure) {
            (None, _) => (Some("TIME_LIMIT".to_owned()), None),
            (_, Some(failure)) => (Some(failure.code.name()), Some(failure.message.clone())),
            (Some(_), None) if !there => (Some("NOT_THERE".to_owned()), Some(sample.location.clone())),
            (Some(_), None) => (None, None),
        };
        Outcome {
            success: done && there && sample.capped && !self.broken,
            error,
            message,
            grasps: self.grasps,
            grip_peak_n: sample.peak_squeeze_n,
            axial_peak_n: sample.peak_push_n,
            axial_at: self.pushed.1,
            broken: self.broken,
            known,
            notes: self.notes,
            told,
            noticed_s: self.noticed_s,
            time_s: self.world.now().seconds(),
            sunk: self.sunk,
            conditions: self.conditions,
        }
    }
}

fn in_words(command: &RobotCommand) -> String {
    match command {
        RobotCommand::MoveArm { trajectory, .. } => format!("a motion of {:.2} s", trajectory.duration_s()),
        RobotCommand::StopArm => "stop".to_owned(),
        RobotCommand::Grip { opening_m, force_n, .. } => {
            format!("fingers to {:.1} mm, {force_n:.1} N", opening_m * 1e3)
        }
        RobotCommand::Drive(_) => "drive".to_owned(),
    }
}

fn localised(map_from_base: Pose2<nightshift_core::frames::Map, Base>) -> NavOutput {
    let estimate = Estimate {
        map_from_odom: Pose2::identity(),
        map_from_base,
        covariance: [[0.0; 3]; 3],
        confidence: 1.0,
    };
    NavOutput::Localised(Localisation {
        stamp: nightshift_core::Stamp::ZERO,
        place: Place::Tracking(estimate),
    })
}
