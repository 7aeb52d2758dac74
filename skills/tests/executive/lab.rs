//! A small fake of everything around the executive: arm, fingers, base, camera, vials, store. It knows the truth, so
//! that every step can be checked against it, and it can be told to go wrong.

use nightshift_core::api::{
    Call, JobEvent, JobRequest, JobResult, Phase, Place, Reply, Request, RequestItem,
};
use nightshift_core::describe::{Robot, Site, fiducial_of_code};
use nightshift_core::frames::{Base, Camera, Nest, Pose, Slot, Tag, Tool};
use nightshift_core::handshake::{SiteAnswer, SiteCall, Verb, Verdict};
use nightshift_core::lockstep::Timeline;
use nightshift_core::random::Seed;
use nightshift_core::robot::{
    CommandId, GripperState, JointState, JointTrajectory, RobotCommand, RobotEvent, TrajectoryPoint,
};
use nightshift_core::{Address, Code, Component, Failure, Pose2, SampleId, Stamp, StationId};
use nightshift_motion::{Arm, MotionGoal, PlanRequest};
use nightshift_navigation::localiser::{self, Estimate, Localisation};
use nightshift_navigation::{NavCommand, NavInput, NavOutput};
use nightshift_perception::fiducial::{PlacedTag, TagSight};
use nightshift_skills::{
    EffectId, Executive, Ledger, Look, Restored, SkillInput, SkillOutput, Store, StoreRecord, Whereabouts,
};
use std::collections::{BTreeMap, VecDeque};
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

/// What goes wrong. Counters count down.
#[derive(Debug, Default)]
pub struct Faults {
    /// So many grasps close on nothing.
    pub misses: u32,
    /// So many grasps let go while the arm next moves; the vial falls back into its slot.
    pub slips: u32,
    /// As `slips`, but the vial falls to the floor.
    pub drops: u32,
    /// So many placings leave the vial lying beside the slot.
    pub botched_places: u32,
    /// The next drive fails so.
    pub drive: VecDeque<Failure>,
    /// The next docking fails so.
    pub dock: VecDeque<Failure>,
    /// So many looks give no usable picture.
    pub blind: u32,
    /// The arm fails to follow its next trajectory once this many have been made.
    pub arm_fault_after: Option<u32>,
    /// From now on the arm never says that it ended.
    pub arm_silent: bool,
    /// The planner finds nothing for motions to above this slot (by name in no message: by position).
    pub no_motion_above: Option<Address>,
    /// The planner finds no straight way around the vial in this slot, so often, while the fingers are on its axis.
    pub no_way_around: Option<(Address, u32)>,
    /// Appends to the store fail once this many have been made.
    pub store_fails_after: Option<u32>,
    /// Racks that stand elsewhere than taught: metres along the station's y.
    pub nest_shift: BTreeMap<StationId, f64>,
    /// The base is docked so far to the side, metres.
    pub dock_error_m: f64,
    /// The next wishes to reach into a station are answered so.
    pub site_verdicts: VecDeque<Verdict>,
    /// Stations break down when they are asked whether they are ready.
    pub site_breaks: bool,
    /// No station is ever ready.
    pub site_slow: bool,
    /// Stations say that they are ready with their parts halfway.
    pub site_half_open: bool,
    /// No station's sensor sees what was put there.
    pub site_blind: bool,
    /// So many words to stations are lost.
    pub site_deaf: u32,
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
    Input(SkillInput),
    ArmEnds(u64),
    Look(EffectId),
}

/// The laboratory.
pub struct Lab {
    pub site: Site,
    pub robot: Robot,
    pub arm: Arm,
    pub executive: Executive,
    pub store: Store,
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
    real_planner: bool,
    pub sites: BTreeMap<StationId, FakeSite>,
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
            real_planner: false,
            sites: BTreeMap::new(),
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

    /// Takes one call and gives its answer.
    pub fn call(&mut self, request: Request) -> Reply {
        self.calls += 1;
        let id = CommandId(1_000_000 + self.calls);
        self.feed(SkillInput::Call(Call { id, request }));
        let until = self.now + Duration::from_secs(60);
        while !self.answers.contains_key(&id) {
            assert!(self.now < until, "a call was never answered");
            self.step();
        }
        self.answers.remove(&id).unwrap()
    }

    pub fn submit(&mut self, request: JobRequest) -> Result<String, Failure> {
        match self.call(Request::Submit(request)) {
            Reply::Submitted(result) => result.map(|id| id.to_string()),
            other => panic!("a submission was answered with {other:?}"),
        }
    }

    pub fn cancel(&mut self, job: &str) -> Result<String, Failure> {
        match self.call(Request::Cancel { job_id: job.into() }) {
            Reply::Acknowledged(result) => result,
            other => panic!("a cancel was answered with {other:?}"),
        }
    }

    pub fn resume(&mut self) -> Result<String, Failure> {
        match self.call(Request::Resume { caller: "tester".into(), note: "looked at it".into() }) {
            Reply::Acknowledged(result) => result,
            other => panic!("a resume was answered with {other:?}"),
        }
    }

    /// Submits and waits for the end.
    pub fn run(&mut self, request: JobRequest) -> JobResult {
        let id = self.submit(request).unwrap();
        self.finish(&id)
    }

    /// Waits for the end of a job.
    pub fn finish(&mut self, id: &str) -> JobResult {
        self.until(|lab| lab.result(id).is_some());
        self.result(id).unwrap()
    }

    /// How a job ended, as its followers were told.
    pub fn result(&self, id: &str) -> Option<JobResult> {
        self.events.iter().rev().find_map(|event| match event {
            JobEvent::Finished(result) if result.job_id.as_str() == id => Some(result.clone()),
            _ => None,
        })
    }

    /// The phases that a job went through, without repetition in a row.
    pub fn phases(&self, id: &str) -> Vec<Phase> {
        let mut phases: Vec<Phase> = self
            .events
            .iter()
            .filter_map(|event| match event {
                JobEvent::Feedback(job, feedback) if job.as_str() == id => Some(feedback.phase),
                _ => None,
            })
            .collect();
        phases.dedup();
        phases
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
            Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })) => {
                self.navigation_ends(id, result);
            }
            Due::Input(input) => self.feed(input),
            Due::ArmEnds(serial) => self.arm_ends(serial),
            Due::Look(id) => {
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
                    self.commands.push(format!("look {purpose}"));
                    self.after(100, Due::Look(id));
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

    // --- the stations ---

    fn site(&mut self, call: &SiteCall) -> Result<SiteAnswer, Failure> {
        self.commands.push(format!("{:?} {}", call.verb, call.station));
        if self.faults.site_deaf > 0 {
            self.faults.site_deaf -= 1;
            return Err(Failure::new(Code::SiteUnavailable, "nobody answers"));
        }
        let station = self.site.stations[&call.station].clone();
        let machine = station.machine.as_ref().expect("only stations with a handshake are asked");
        let (ready_state, _) = machine.ready_states().next().unwrap();
        let drive = self.robot.arm.posture("drive").unwrap();
        let off = drive.iter().zip(self.joints()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let arm_out = off < 0.05 && self.motion.is_none();
        let now = self.now;
        let site = self.sites.entry(call.station.clone()).or_default();
        let mine = site.holder.as_deref() == Some(call.token.as_str());
        let mut verdict = Verdict::Ok;
        match call.verb {
            Verb::Prepare => {
                assert!(!call.token.is_empty() && call.reach.is_some());
                verdict = self.faults.site_verdicts.pop_front().unwrap_or(Verdict::Ok);
                if site.holder.is_some() && !mine {
                    verdict = Verdict::Busy;
                }
                if verdict == Verdict::Ok && !mine {
                    assert!(arm_out, "{} opens while the arm is out by {off} rad", call.station);
                    site.holder = Some(call.token.clone());
                    site.ready_at = now + Duration::from_secs(2);
                }
            }
            Verb::Release if mine => {
                assert!(arm_out, "{} closes while the arm is out by {off} rad", call.station);
                site.holder = None;
            }
            Verb::Status if self.faults.site_breaks => verdict = Verdict::Fault,
            Verb::Release | Verb::Seated | Verb::Status => {}
        }
        let mine = site.holder.as_deref() == Some(call.token.as_str());
        let ready = mine && now >= site.ready_at && !self.faults.site_slow;
        let state = if ready { ready_state } else { &machine.start };
        let mut parts = station.part_positions(state, call.reach.as_ref().map(|reach| &reach.nest));
        if self.faults.site_half_open {
            parts.values_mut().for_each(|position| *position = 0.5);
        }
        let seated = call.reach.as_ref().filter(|_| call.verb == Verb::Seated).map(|reach| {
            let slot =
                Address { station: call.station.clone(), nest: reach.nest.clone(), slot: reach.slot.clone() };
            !self.faults.site_blind && self.vials.values().any(|vial| vial.at == Truth::Slot(slot.clone()))
        });
        Ok(SiteAnswer {
            verdict,
            state: state.clone(),
            ready,
            seated,
            holder: site.holder.clone(),
            wait_s: None,
            parts,
            message: "so it is".into(),
        })
    }

    fn assert_ready(&self, address: &Address) {
        let station = self.site.stations.get(&address.station);
        if station.is_some_and(|station| station.machine.is_some()) {
            let site = self.sites.get(&address.station);
            let ready = site.is_some_and(|site| site.holder.is_some() && self.now >= site.ready_at);
            assert!(ready, "the fingers act at {address}, which is not ready: {site:?}");
        }
    }

    fn append(&mut self, records: &[StoreRecord]) -> Result<u64, Failure> {
        self.appends += 1;
        if self.faults.store_fails_after.is_some_and(|after| self.appends > after) {
            return Err(Failure::new(Code::StoreUnavailable, "the disk is full"));
        }
        let last = self.store.append(records)?;
        for record in records {
            if let StoreRecord::Ledger(entry) = record {
                self.durable.apply(entry).unwrap();
            }
        }
        Ok(last)
    }

    /// No sample may be anywhere but where the durable ledger has it, or thinks it possible.
    fn check(&self) {
        for (id, known) in self.durable.samples() {
            let vial = &self.vials[id];
            let place = match &vial.at {
                Truth::Slot(address) => Place::At(address.clone()),
                Truth::Held => Place::Gripper,
                Truth::Dropped => continue,
            };
            assert!(
                known.whereabouts.may_be(&place) || vial.carried_off,
                "{id} is at {place}, and the ledger has it at {}; notices: {:#?}",
                known.whereabouts,
                self.notices
            );
        }
        let held = self.vials.values().filter(|vial| vial.at == Truth::Held).count();
        assert!(held <= 1, "two vials between the fingers");
    }

    /// After everything has come to rest: no slot has two vials, and what the ledger is certain of is true.
    pub fn check_at_rest(&self) {
        for (id, known) in self.durable.samples() {
            if let Whereabouts::At(place) = &known.whereabouts {
                let truth = match &self.vials[id].at {
                    Truth::Slot(address) => Some(Place::At(address.clone())),
                    Truth::Held => Some(Place::Gripper),
                    Truth::Dropped => None,
                };
                let sliding = self.slip_armed.is_some();
                assert!(truth.as_ref() == Some(place) || sliding, "{id}: ledger {place}, truth {truth:?}");
            }
        }
    }

    // --- the base ---

    fn station_from_base(&self) -> Option<(StationId, Pose2<nightshift_core::frames::Station, Base>)> {
        let (id, nominal) = match &self.base {
            BaseAt::Free => return None,
            BaseAt::Staging(id) => (id, self.site.stations[id].dock.staging),
            BaseAt::Docked(id) => (id, self.site.stations[id].dock.docked),
        };
        let error = Pose2::<Base, Base>::new(0.0, self.faults.dock_error_m, 0.004);
        Some((id.clone(), nominal * error))
    }

    fn map_from_base(&self) -> Pose2<nightshift_core::frames::Map, Base> {
        match self.station_from_base() {
            Some((id, station_from_base)) => self.site.stations[&id].pose * station_from_base,
            None => self.site.start,
        }
    }

    fn navigate(&mut self, input: NavInput) {
        match input {
            NavInput::Command(NavCommand::Stop) => {
                // As the navigator does: it answers at once, and the base coasts for a second.
                if let Some((id, _)) = &self.navigation {
                    let (id, result) = (*id, Err(Failure::new(Code::Cancelled, "stopped")));
                    self.after(1, Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })));
                    self.coasts_until = self.now + Duration::from_secs(1);
                }
            }
            NavInput::Command(NavCommand::DriveToStation { id, station }) => {
                self.commands.push(format!("drive {station}"));
                let drive = self.robot.arm.posture("drive").unwrap();
                let off = drive.iter().zip(self.joints()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(off < 0.05 && self.motion.is_none(), "the base drives with its arm out by {off} rad");
                self.base = BaseAt::Free;
                self.navigation = Some((id, NavCommand::DriveToStation { id, station }));
                let result = self.faults.drive.pop_front().map_or(Ok(()), Err);
                self.after(4000, Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })));
            }
            NavInput::Command(NavCommand::Dock { id, station }) => {
                self.commands.push(format!("dock {station}"));
                assert_eq!(self.base, BaseAt::Staging(station.clone()), "docking begins at staging");
                if let Some(failure) = self.faults.dock.pop_front() {
                    let result = Err(failure);
                    self.navigation = Some((id, NavCommand::Dock { id, station }));
                    self.after(1000, Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })));
                    return;
                }
                let look = NavOutput::LookForDock { station: station.clone() };
                self.navigation = Some((id, NavCommand::Dock { id, station }));
                self.after(100, Due::Input(SkillInput::Navigation(look)));
            }
            NavInput::DockSeen { base_from_tag, .. } => {
                let Some((id, NavCommand::Dock { station, .. })) = self.navigation.clone() else { return };
                let last = self.base == BaseAt::Docked(station.clone());
                let result = match base_from_tag {
                    Some(seen) => {
                        let (_, station_from_base) = self.station_from_base().unwrap();
                        let mount = self.site.stations[&station].dock.tag.pose;
                        let truth: Pose<Base, Tag> = station_from_base.inverse().spatial() * mount;
                        let off = (seen.translation() - truth.translation()).norm();
                        assert!(off < 0.002, "the dock's tag is told {off} m from where it is");
                        if !last {
                            // Seen from staging: the base drives in, and wants to see the tag once more.
                            self.base = BaseAt::Docked(station.clone());
                            let look = NavOutput::LookForDock { station };
                            return self.after(2000, Due::Input(SkillInput::Navigation(look)));
                        }
                        Ok(())
                    }
                    None => Err(Failure::new(Code::DockNotSeen, "no tag")),
                };
                self.after(1000, Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })));
            }
            other => panic!("the executive has no business with {other:?}"),
        }
    }

    fn navigation_ends(&mut self, id: CommandId, result: Result<(), Failure>) {
        if self.navigation.as_ref().is_some_and(|(running, _)| *running == id)
            && let Some((_, command)) = self.navigation.take()
            && result.is_ok()
        {
            self.base = match command {
                NavCommand::DriveToStation { station, .. } => BaseAt::Staging(station),
                NavCommand::Dock { station, .. } => BaseAt::Docked(station),
                other => panic!("{other:?} was never begun"),
            };
        }
        self.feed(SkillInput::Navigation(NavOutput::Done { id, result }));
    }

    // --- the arm ---

    /// Where the joints are now.
    pub fn joints(&self) -> Vec<f64> {
        match &self.motion {
            Some((_, _, start, trajectory)) => trajectory.sample(self.now.since(*start)),
            None => self.q.clone(),
        }
    }

    fn no_way_around(&mut self, goal: &Pose<Base, Tool>) -> bool {
        let Some((slot, left)) = self.faults.no_way_around.clone() else { return false };
        let Some(base_from_slot) = self.base_from_slot(&slot) else { return false };
        let at = (base_from_slot.inverse() * *goal).translation();
        let cap_m = self.site.catalogue.vials.values().next().unwrap().height_m;
        let meant = left > 0 && at.xy().norm() < 0.001 && at.z < cap_m;
        if meant {
            self.faults.no_way_around = Some((slot, left - 1));
        }
        meant
    }

    fn plan(&mut self, request: &PlanRequest) -> Result<JointTrajectory, Failure> {
        if self.real_planner {
            return nightshift_motion::plan(&self.arm, request).inspect_err(|failure| {
                eprintln!("no motion: {failure} for {:?}", request.goal);
            });
        }
        let seed = Seed(request.seed);
        let unreachable = || Failure::new(Code::Unreachable, "no joint positions");
        let end = match &request.goal {
            MotionGoal::Joints(q) => q.clone(),
            MotionGoal::ToolAnySpin(pose) => {
                if let Some(slot) = &self.faults.no_motion_above
                    && let Some(base_from_slot) = self.base_from_slot(slot)
                    && (base_from_slot.translation() - pose.translation()).xy().norm() < 0.01
                {
                    return Err(Failure::new(Code::NoMotion, "something is in the way"));
                }
                self.arm
                    .inverse_free_spin(pose, &request.start, seed)
                    .into_iter()
                    .next()
                    .ok_or_else(unreachable)?
            }
            MotionGoal::Tool(pose) | MotionGoal::Line(pose) => {
                if self.no_way_around(pose) {
                    return Err(Failure::new(Code::NoMotion, "a neighbour is too near to a finger"));
                }
                self.arm.inverse(pose, &request.start, seed).into_iter().next().ok_or_else(unreachable)?
            }
        };
        let point = |time_s, positions: Vec<f64>| {
            let velocities = vec![0.0; positions.len()];
            TrajectoryPoint { time_s, positions, velocities }
        };
        Ok(JointTrajectory { points: vec![point(0.0, request.start.clone()), point(2.0, end)] })
    }

    fn command(&mut self, command: RobotCommand) {
        match command {
            RobotCommand::MoveArm { id, trajectory } => {
                self.commands.push("move".into());
                let still = self.navigation.is_none() && self.now >= self.coasts_until;
                assert!(still, "the arm moves while the base does");
                let (now, first) = (self.joints(), &trajectory.points[0].positions);
                let off = now.iter().zip(first).map(|(a, b)| (a - b).abs());
                assert!(off.fold(0.0, f64::max) < 0.05, "a trajectory must begin where the arm is");
                let ms = (trajectory.duration_s() * 1e3) as u64;
                self.motions += 1;
                self.motion_serial += 1;
                self.motion = Some((self.motion_serial, id, self.now, trajectory));
                if !self.faults.arm_silent {
                    self.after(ms + 10, Due::ArmEnds(self.motion_serial));
                }
                if self.vials.values().any(|vial| vial.at == Truth::Held) {
                    if self.faults.slips > 0 {
                        self.faults.slips -= 1;
                        self.slip_armed = Some(false);
                    } else if self.faults.drops > 0 {
                        self.faults.drops -= 1;
                        self.slip_armed = Some(true);
                    }
                }
            }
            RobotCommand::StopArm => {
                self.q = self.joints();
                if let Some((_, id, ..)) = self.motion.take() {
                    let done = RobotEvent::ArmDone { id, ok: false, message: "stopped".into() };
                    self.after(200, Due::Input(SkillInput::Robot(done)));
                }
            }
            RobotCommand::Grip { id, opening_m, force_n } => self.grip(id, opening_m, force_n),
            RobotCommand::Drive(_) => panic!("the executive does not drive"),
        }
    }

    fn arm_ends(&mut self, serial: u64) {
        if self.motion.as_ref().is_none_or(|motion| motion.0 != serial) {
            return;
        }
        self.q = self.joints();
        let Some((_, id, ..)) = self.motion.take() else { return };
        let ok = self.faults.arm_fault_after.is_none_or(|after| self.motions <= after);
        let message = if ok { String::new() } else { "joint_3 is 0.2 rad from its trajectory".into() };
        self.feed(SkillInput::Robot(RobotEvent::ArmDone { id, ok, message }));
    }

    fn slip_if_due(&mut self) {
        let Some((_, _, start, trajectory)) = &self.motion else { return };
        if self.now.since(*start) < 0.3 * trajectory.duration_s() {
            return;
        }
        let Some(to_floor) = self.slip_armed.take() else { return };
        for vial in self.vials.values_mut().filter(|vial| vial.at == Truth::Held) {
            let back = vial.from.clone().filter(|_| !to_floor);
            vial.at = back.map_or(Truth::Dropped, Truth::Slot);
            (self.opening_m, self.force_n) = (0.0, 0.0);
        }
    }

    // --- the fingers ---

    fn base_from_nest(&self, address: &Address) -> Option<Pose<Base, Nest>> {
        if address.on_deck() {
            return Some(self.robot.deck.get(&address.nest)?.pose);
        }
        let (at, station_from_base) = self.station_from_base()?;
        if at != address.station {
            return None;
        }
        let shift = self.faults.nest_shift.get(&at).copied().unwrap_or(0.0);
        let shifted = Pose::from_xyz_rpy([0.0, shift, 0.0], [0.0; 3]);
        let pose = self.site.stations[&at].nest_pose(&address.nest)?;
        Some(station_from_base.inverse().spatial() * shifted * pose)
    }

    fn base_from_slot(&self, address: &Address) -> Option<Pose<Base, Slot>> {
        let racks = &self.site.catalogue.racks;
        let rack = match address.on_deck() {
            true => &racks[&self.robot.deck.get(&address.nest)?.rack],
            false => self.site.slot(address)?.0,
        };
        Some(self.base_from_nest(address)? * rack.nest_from_slot(&address.slot)?)
    }

    fn all_slots(&self) -> Vec<Address> {
        let rack = &self.site.catalogue.racks["rack_2x4"];
        let mut nests: Vec<(String, String)> =
            self.robot.deck.keys().map(|nest| ("deck".into(), nest.to_string())).collect();
        for (id, station) in &self.site.stations {
            nests.extend(station.nests.keys().map(|nest| (id.to_string(), nest.to_string())));
        }
        let slots = rack.slots();
        nests
            .iter()
            .flat_map(|(s, n)| slots.iter().map(move |slot| Address::new(s, n, slot.as_str())))
            .collect()
    }

    /// The slot that the fingers are around, within `off_m` of its axis and of a vial's grasp height.
    fn slot_at_fingers(&self, off_m: f64) -> Option<Address> {
        let base_from_tool = self.arm.base_from_tool(&self.joints());
        let height = self.site.catalogue.vials.values().next().unwrap().grasp.height_m;
        self.all_slots().into_iter().find(|address| {
            let Some(base_from_slot) = self.base_from_slot(address) else { return false };
            let tool = (base_from_slot.inverse() * base_from_tool).translation();
            tool.xy().norm() < off_m && (tool.z - height).abs() < off_m && base_from_tool.z_axis().z < -0.99
        })
    }

    fn grip(&mut self, id: CommandId, opening_m: f64, force_n: f64) {
        let width = self.site.catalogue.vials.values().next().unwrap().diameter_m;
        let closing = opening_m < width;
        // What is held may be pressed otherwise, but nothing else is done with fingers that move along.
        let held = self.vials.values().any(|vial| vial.at == Truth::Held);
        assert!(self.motion.is_none() || closing && held, "the fingers move while the arm does");
        let word = if !closing {
            "open"
        } else if held {
            "press"
        } else {
            "close"
        };
        self.commands.push(word.to_owned());
        let (mut stalled, mut touched) = (false, None);
        if closing {
            let slot = self.slot_at_fingers(0.004).filter(|_| {
                let missed = self.faults.misses > 0;
                self.faults.misses -= u32::from(missed);
                !missed
            });
            let around = self.vials.iter_mut().find(|(_, vial)| {
                vial.at == Truth::Held
                    || slot.as_ref().is_some_and(|slot| vial.at == Truth::Slot(slot.clone()))
            });
            (self.opening_m, self.force_n) = (opening_m, 0.0);
            if let Some((_, vial)) = around {
                if let Truth::Slot(slot) = &vial.at {
                    vial.from = Some(slot.clone());
                    touched = Some(slot.clone());
                }
                vial.at = Truth::Held;
                stalled = true;
                (self.opening_m, self.force_n) = (width + 0.0002, force_n);
            }
        } else {
            let slot = self.slot_at_fingers(0.003);
            (self.opening_m, self.force_n) = (opening_m, 0.0);
            let botched = self.faults.botched_places > 0;
            if self.vials.values().any(|vial| vial.at == Truth::Held) {
                touched.clone_from(&slot);
            }
            let taken = slot
                .clone()
                .is_some_and(|slot| self.vials.values().any(|vial| vial.at == Truth::Slot(slot.clone())));
            for vial in self.vials.values_mut().filter(|vial| vial.at == Truth::Held) {
                vial.at = match &slot {
                    Some(slot) if !taken && !botched => Truth::Slot(slot.clone()),
                    _ => Truth::Dropped,
                };
                self.faults.botched_places -= u32::from(botched);
            }
        }
        touched.iter().for_each(|slot| self.assert_ready(slot));
        let done = RobotEvent::GripperDone { id, opening_m: self.opening_m, force_n: self.force_n, stalled };
        self.after(400, Due::Input(SkillInput::Robot(done)));
    }

    // --- the camera ---

    fn look(&mut self) -> Look {
        let stamp = self.now;
        let sha256 = format!("{:064x}", stamp.0);
        if self.faults.blind > 0 {
            self.faults.blind -= 1;
            let ok = Err(Failure::new(Code::UnreadableCode, "the picture is dark"));
            return Look { stamp, ok, tags: Vec::new(), sha256, path: String::new() };
        }
        let base_from_camera = self.arm.base_from_flange(&self.joints()) * self.robot.camera.pose;
        let tags = self.tags().iter().filter_map(|tag| self.project(&base_from_camera, tag)).collect();
        Look { stamp, ok: Ok(()), tags, sha256, path: format!("pictures/{}.png", stamp.0) }
    }

    /// Every fiducial around, in the base's frame.
    fn tags(&self) -> Vec<PlacedTag<Base>> {
        let mut tags = Vec::new();
        let station = self.station_from_base().map(|(id, pose)| (id, pose.inverse().spatial()));
        if let Some((id, base_from_station)) = &station {
            let mount = self.site.stations[id].dock.tag;
            tags.push(PlacedTag {
                id: mount.id,
                size_m: mount.size_m,
                pose: *base_from_station * mount.pose,
            });
        }
        let racks = &self.site.catalogue.racks;
        let deck =
            self.robot.deck.iter().map(|(name, nest)| ("deck".to_owned(), name, &nest.rack, &nest.tags));
        let stations = station.iter().flat_map(|(id, _)| {
            let nests = self.site.stations[id].nests.iter();
            nests.map(move |(name, nest)| (id.to_string(), name, &nest.rack, &nest.tags))
        });
        for (place, name, rack, ids) in deck.chain(stations) {
            let nest = self.base_from_nest(&Address::new(&place, name.as_str(), "A1")).unwrap();
            tags.extend(ids.iter().zip(&racks[rack].tags).map(|(id, tag)| PlacedTag {
                id: *id,
                size_m: tag.size_m,
                pose: nest * tag.pose,
            }));
        }
        let vial_type = self.site.catalogue.vials.values().next().unwrap();
        for vial in self.vials.values().filter(|vial| vial.readable) {
            let Truth::Slot(address) = &vial.at else { continue };
            let Some(base_from_slot) = self.base_from_slot(address) else { continue };
            // A little off the axis, as play allows, and turned as it was set down.
            let slot_from_tag = Pose::from_xyz_rpy([0.0007, -0.0005, vial_type.height_m], [0.0, 0.0, 0.4]);
            let pose = base_from_slot * slot_from_tag;
            tags.push(PlacedTag { id: vial.tag, size_m: vial_type.cap.tag_size_m, pose });
        }
        tags
    }

    fn project(&self, base_from_camera: &Pose<Base, Camera>, tag: &PlacedTag<Base>) -> Option<TagSight> {
        let k = &self.robot.camera.intrinsics;
        let facing = (base_from_camera.inverse() * tag.pose).z_axis().z < -0.3;
        let corners = tag.corners().map(|corner| {
            let p = base_from_camera.inverse().point(&corner);
            (p.z > 0.05).then(|| [k.cx + k.fx * p.x / p.z, k.cy + k.fy * p.y / p.z])
        });
        let [Some(a), Some(b), Some(c), Some(d)] = corners else { return None };
        let inside =
            |[u, v]: [f64; 2]| u > 2.0 && v > 2.0 && u < k.width as f64 - 3.0 && v < k.height as f64 - 3.0;
        let edge = (a[0] - b[0]).hypot(a[1] - b[1]);
        let seen = facing && edge > 20.0 && [a, b, c, d].into_iter().all(inside);
        seen.then_some(TagSight { id: tag.id, corners: [a, b, c, d] })
    }
}

/// One sample from where the ledger has it.
/// A person puts a vial elsewhere.
pub fn carry_off(lab: &mut Lab, sample: &str, to: &str) {
    let vial = lab.vials.get_mut(&sample.into()).expect("there is such a vial");
    (vial.at, vial.carried_off) = (at(to), true);
}

pub fn transfer(job: &str, items: &[(&str, &str, &str)]) -> JobRequest {
    JobRequest {
        kind: nightshift_core::api::JobKind::Transfer,
        job_id: job.into(),
        caller: "tester".into(),
        items: items
            .iter()
            .map(|(sample, source, target)| RequestItem {
                sample_id: (*sample).into(),
                labware_type: String::new(),
                source: (*source).into(),
                target: (*target).into(),
                expected_code: String::new(),
            })
            .collect(),
        stations: Vec::new(),
        on_failure: String::new(),
        verify: String::new(),
        deadline_s: 0.0,
        dry_run: false,
    }
}

/// The phases of a transfer between stations without a handshake.
pub fn usual_phases() -> Vec<Phase> {
    let others = [Phase::PrepareSite, Phase::ReleaseSite, Phase::Done];
    Phase::ALL.into_iter().filter(|phase| !others.contains(phase)).collect()
}

/// The transfer that most tests are about.
pub fn usual(job: &str) -> JobRequest {
    transfer(job, &[("S-001", "storage/rack/A1", "photolysis/rack/A1")])
}

/// The address of a text.
pub fn at(text: &str) -> Truth {
    Truth::Slot(text.parse().unwrap())
}
