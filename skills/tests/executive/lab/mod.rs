//! A small fake of everything around the executive: arm, fingers, base, camera, vials, store. It knows the truth, so
//! that every step can be checked against it, and it can be told to go wrong.

mod arm;
mod base;
mod battery;
mod books;
mod calls;
mod camera;
mod faults;
mod fingers;
mod knobs;
mod requests;
mod stations;
mod wrist;

pub use faults::Faults;
pub use requests::{at, carry_off, transfer, usual, usual_phases};

use nightshift_core::api::{JobEvent, Reply};
use nightshift_core::describe::{Robot, Site, fiducial_of_code};
use nightshift_core::lockstep::Timeline;
use nightshift_core::robot::{CommandId, GripperState, JointState, JointTrajectory, RobotEvent};
use nightshift_core::{Address, Component, PartId, Pose2, SampleId, Stamp, StationId};
use nightshift_motion::Arm;
use nightshift_navigation::localiser::{self, Estimate, Localisation};
use nightshift_navigation::{NavCommand, NavOutput};
use nightshift_skills::{EffectId, Executive, Ledger, Restored, SkillInput, SkillOutput, Store};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where a vial really is.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// Upright in a slot.
    Slot(Address),
    /// Between the fingers.
    Held,
    /// On a floor somewhere.
    Dropped,
}

/// A vial as it really is.
#[derive(Clone, Debug)]
pub struct Vial {
    /// The tag that is really on its cap.
    pub tag: u32,
    /// Whether a camera can read it.
    pub readable: bool,
    /// How much higher than it should it stands in whatever slot, metres: something is below it.
    pub raised_m: f64,
    /// Where it is.
    pub at: Truth,
    /// The slot it was taken from last.
    pub from: Option<Address>,
    /// A person has moved it: the ledger cannot know until it is seen.
    pub carried_off: bool,
}

/// Where the base really is.
#[derive(Clone, Debug, PartialEq)]
pub enum BaseAt {
    /// In the map.
    Free,
    /// Before a station.
    Staging(StationId),
    /// In a station's dock.
    Docked(StationId),
}

/// A station's side of the handshake.
#[derive(Debug, Default)]
pub struct FakeSite {
    /// Who holds it.
    pub holder: Option<String>,
    /// From when on it is ready.
    ready_at: Stamp,
}

enum Due {
    Joints,
    Localised,
    Wrist,
    Battery,
    Input(SkillInput),
    ArmEnds(u64),
    /// A picture, which may be dark.
    Look(EffectId, bool),
}

/// The laboratory.
pub struct Lab {
    pub site: Site,
    pub robot: Robot,
    pub arm: Arm,
    pub executive: Executive,
    pub store: Store,
    /// Share of a full charge.
    pub battery: f64,
    /// What is durable.
    pub durable: Ledger,
    pub vials: BTreeMap<SampleId, Vial>,
    pub base: BaseAt,
    pub faults: Faults,
    pub now: Stamp,
    pub opening_m: f64,
    pub force_n: f64,
    q: Vec<f64>,
    motion: Option<(u64, CommandId, Stamp, JointTrajectory)>,
    motions: u32,
    motion_serial: u64,
    appends: u32,
    navigation: Option<(CommandId, NavCommand)>,
    coasts_until: Stamp,
    timeline: Timeline<Due>,
    calls: u64,
    slip_armed: Option<bool>,
    pinch_armed: bool,
    real_planner: bool,
    /// When the wrist is silent, and when the arm was told to stop.
    silent: (Stamp, Stamp),
    pub stops: Vec<Stamp>,
    pub sites: BTreeMap<StationId, FakeSite>,
    hand_parts: BTreeMap<(StationId, PartId), f64>,
    pub held_knob: Option<knobs::HeldKnob>,
    pub answers: BTreeMap<CommandId, Reply>,
    pub events: Vec<JobEvent>,
    pub notices: Vec<String>,
    pub commands: Vec<String>,
    /// Everything that the executive answered, as JSON.
    pub journal: Vec<String>,
}

fn folder(path: &'static str) -> impl Fn(&str) -> Result<String, String> {
    move |file| {
        let full = format!("{}/../{path}/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&full).map_err(|e| e.to_string())
    }
}

impl Lab {
    /// The bundled site and robot; everything well.
    pub fn new() -> Self {
        let site = Site::load(&folder("maps/photocatalysis")).unwrap();
        let robot = Robot::load(&folder("robot/description/omni7")).unwrap();
        let (store, restored) = Store::in_memory().unwrap();
        Self::with(site, robot, store, restored)
    }

    pub fn with(site: Site, robot: Robot, store: Store, restored: Restored) -> Self {
        let arm = Arm::new(&robot).unwrap();
        let durable = restored.ledger.clone();
        let executive = Executive::new(&site, &robot, restored).unwrap();
        let vials = site.stock.iter().map(|item| {
            let tag = fiducial_of_code(&item.code).unwrap();
            let vial = Vial {
                tag,
                readable: true,
                raised_m: 0.0,
                at: Truth::Slot(item.at.clone()),
                from: None,
                carried_off: false,
            };
            (item.id.clone(), vial)
        });
        let mut lab = Self {
            vials: vials.collect(),
            q: robot.arm.posture("drive").unwrap(),
            site,
            robot,
            arm,
            executive,
            store,
            battery: 0.5,
            durable,
            base: BaseAt::Free,
            faults: Faults::default(),
            now: Stamp::ZERO,
            opening_m: 0.0,
            force_n: 0.0,
            motion: None,
            motions: 0,
            motion_serial: 0,
            appends: 0,
            navigation: None,
            coasts_until: Stamp::ZERO,
            timeline: Timeline::default(),
            calls: 0,
            slip_armed: None,
            pinch_armed: false,
            real_planner: false,
            silent: (Stamp::ZERO, Stamp::ZERO),
            stops: Vec::new(),
            sites: BTreeMap::new(),
            hand_parts: BTreeMap::new(),
            held_knob: None,
            answers: BTreeMap::new(),
            events: Vec::new(),
            notices: Vec::new(),
            commands: Vec::new(),
            journal: Vec::new(),
        };
        lab.timeline.push(Stamp::ZERO, Due::Joints);
        lab.timeline.push(Stamp::ZERO, Due::Localised);
        lab
    }

    /// Motions come from the real planner, not from inverse kinematics alone.
    pub fn with_real_planner(mut self) -> Self {
        self.real_planner = true;
        self
    }

    /// Runs until `done`, for an hour of its time at most.
    pub fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let until = self.now + Duration::from_secs(3600);
        while !done(self) {
            assert!(self.now < until, "an hour has passed; notices: {:#?}", self.notices);
            self.step();
        }
    }

    /// Runs until nothing is underway.
    pub fn settle(&mut self) {
        self.until(|lab| lab.executive.is_idle());
    }

    /// SIGKILL: what was not durable is forgotten, the arm stops where it is, the gripper keeps its force. Then a new
    /// stack on the same store.
    pub fn crash(&mut self) {
        self.q = self.joints();
        self.motion = None;
        self.navigation = None;
        self.timeline = Timeline::default();
        let restored = self.store.restored().unwrap();
        self.durable = restored.ledger.clone();
        self.executive = Executive::new(&self.site, &self.robot, restored).unwrap();
        self.timeline.push(self.now, Due::Joints);
        self.timeline.push(self.now, Due::Localised);
    }

    /// One thing happens.
    pub fn step(&mut self) {
        let wake = self.executive.next_wake();
        let next = self.timeline.next();
        if let Some(wake) = wake.filter(|wake| next.is_none_or(|next| *wake <= next)) {
            self.now = self.now.max(wake);
            let mut out = Vec::new();
            self.executive.wake(self.now, &mut out);
            assert!(self.executive.next_wake().is_none_or(|next| next > wake), "a wake-up must lie ahead");
            return self.take(out);
        }
        let at = next.expect("joints are always told");
        self.now = self.now.max(at);
        let (_, due) = self.timeline.pop_due(at).unwrap();
        match due {
            Due::Joints => {
                self.timeline.push(self.now + Duration::from_millis(50), Due::Joints);
                self.slip_if_due();
                self.knob_follows();
                let positions = self.joints();
                let rate = if self.motion.is_some() { 0.5 } else { 0.0 };
                let velocities = vec![rate; positions.len()];
                let stamp = self.now;
                let efforts = Vec::new();
                let joints = JointState { stamp, positions, velocities, efforts };
                self.feed(SkillInput::Robot(RobotEvent::Joints(joints)));
                let (opening_m, force_n) = (self.opening_m, self.force_n);
                self.feed(SkillInput::Robot(RobotEvent::Gripper(GripperState { stamp, opening_m, force_n })));
            }
            Due::Localised => {
                self.timeline.push(self.now + Duration::from_millis(500), Due::Localised);
                let map_from_base = self.map_from_base();
                self.feed(SkillInput::Navigation(NavOutput::Localised(Localisation {
                    stamp: self.now,
                    place: localiser::Place::Tracking(Estimate {
                        map_from_odom: Pose2::identity(),
                        map_from_base,
                        covariance: [[0.0; 3]; 3],
                        confidence: 1.0,
                    }),
                })));
            }
            Due::Wrist => self.wrist_tells(),
            Due::Battery => self.battery_tells(),
            Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })) => {
                self.navigation_ends(id, result);
            }
            Due::Input(input) => self.feed(input),
            Due::ArmEnds(serial) => self.arm_ends(serial),
            Due::Look(id, dark) => {
                self.faults.blind += u32::from(dark);
                let look = self.look();
                self.feed(SkillInput::Looked { id, look });
            }
        }
    }

    /// Tells the executive something.
    pub fn feed(&mut self, input: SkillInput) {
        let mut out = Vec::new();
        self.executive.handle(self.now, input, &mut out);
        self.take(out);
    }

    fn after(&mut self, ms: u64, due: Due) {
        self.timeline.push(self.now + Duration::from_millis(ms), due);
    }

    fn take(&mut self, out: Vec<SkillOutput>) {
        for output in out {
            self.journal.push(serde_json::to_string(&output).unwrap());
            match output {
                SkillOutput::Robot(command) => self.command(command),
                SkillOutput::Navigation(input) => self.navigate(input),
                SkillOutput::Plan { id, request } => {
                    let result = self.plan(&request);
                    self.after(20, Due::Input(SkillInput::Planned { id, result }));
                }
                SkillOutput::Look { id, purpose } => {
                    let dark = self.faults.blind_from_aside && purpose.starts_with("refine");
                    self.commands.push(format!("look {purpose}"));
                    self.after(100, Due::Look(id, dark));
                }
                SkillOutput::Store { id, records } => {
                    let result = self.append(&records);
                    self.after(5, Due::Input(SkillInput::Stored { id, result }));
                }
                SkillOutput::Site { id, call } => {
                    let answer = self.site(&call);
                    self.after(30, Due::Input(SkillInput::Site { id, answer }));
                }
                SkillOutput::Answer { id, reply } => {
                    assert!(self.answers.insert(id, reply).is_none(), "a call was answered twice");
                }
                SkillOutput::Event(event) => self.events.push(event),
                SkillOutput::Notice { level, message } => self.notices.push(format!("{level}: {message}")),
            }
        }
        self.check();
    }
}
