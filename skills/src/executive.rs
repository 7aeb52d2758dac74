//! The executive: takes calls, keeps the queue, runs one job at a time, and wires inputs to what waits for them.

use crate::belief::{BasePlace, Belief, Hold};
use crate::charge::ChargeRun;
use crate::chores::{self, Chores};
use crate::context::{Context, Ids};
use crate::job::{JobRecord, Work};
use crate::job_run::{self, JobRun};
use crate::ledger::{Body, Ledger};
use crate::located::Located;
use crate::messages::{EffectId, SkillInput, SkillOutput};
use crate::restored::Restored;
use crate::run::{Report, Run, Stimulus};
use crate::search::SearchRun;
use crate::store::StoreRecord;
use crate::world::{NestRef, World};
use crate::{grip, limits, restart};
use nightshift_core::api::{Custody, Evidence, Feedback, JobEvent, Phase, Reply};
use nightshift_core::describe::{Robot, Site};
use nightshift_core::robot::{CommandId, RobotCommand, RobotEvent};
use nightshift_core::{Code, Component, Failure, JobId, Level, NestId, Outbox, SampleId, Stamp, StationId};
use nightshift_motion::Arm;
use nightshift_navigation::localiser::{Localisation, Place};
use nightshift_navigation::{NavCommand, NavInput, NavOutput};
use std::collections::{BTreeMap, VecDeque};

/// The executive.
pub struct Executive {
    pub(crate) core: Core,
    /// Every job that is or was, by its id.
    pub(crate) jobs: BTreeMap<JobId, JobRecord>,
    pub(crate) queue: VecDeque<(JobId, Work)>,
    pub(crate) active: Active,
    pub(crate) writing: BTreeMap<EffectId, Written>,
    begun: bool,
    /// Why nothing moves until a person says so.
    pub(crate) halted: Option<Failure>,
    /// Why nothing moves any more.
    pub(crate) dead: Option<Failure>,
}

/// What actions and stages work with, apart from what is being done.
pub(crate) struct Core {
    pub(crate) world: World,
    pub(crate) belief: Belief,
    pub(crate) ledger: Ledger,
    ids: Ids,
}

impl Core {
    pub(crate) fn context<'a>(
        &'a mut self,
        now: Stamp,
        evidence: &'a mut Vec<Evidence>,
        out: &'a mut Outbox<SkillOutput>,
    ) -> Context<'a> {
        Context {
            now,
            world: &self.world,
            belief: &mut self.belief,
            ledger: &mut self.ledger,
            ids: &mut self.ids,
            evidence,
            out,
        }
    }
}

/// What is being done.
pub(crate) enum Active {
    Nothing,
    Job(Box<dyn Run>),
    Chores(Box<Chores>),
}

/// What to do once something is on disk.
pub(crate) enum Written {
    /// The start.
    Begun { closed: Vec<JobId> },
    /// Tell those who submitted it, and queue it.
    Accepted { calls: Vec<CommandId>, job: Box<JobRecord>, work: Work },
    /// Tell that a job that was never begun has ended.
    Ended(JobId),
    /// Move again.
    Acknowledged { call: CommandId },
    /// Tell that a passage is closed; or open it, and tell so.
    PassageSet { call: CommandId, passage: String, closed: bool },
}

impl Executive {
    /// For this robot at this site, with what the store knew. Nothing is done before the first input or wake-up.
    ///
    /// # Errors
    /// That of [`Arm::new`].
    pub fn new(site: &Site, robot: &Robot, restored: Restored) -> Result<Self, Failure> {
        let world = World { site: site.clone(), robot: robot.clone(), arm: Arm::new(robot)? };
        let halted = restored.restart_needed.then(|| {
            let words = "the stack ended without being told to: look at the robot, then resume";
            Failure::new(Code::RestartNotAcknowledged, words)
        });
        let jobs = restored.jobs.into_iter().map(|job| (job.job_id.clone(), job)).collect();
        let (belief, ids) = (Belief::default(), Ids::default());
        Ok(Self {
            core: Core { world, belief, ledger: restored.ledger, ids },
            jobs,
            queue: VecDeque::new(),
            active: Active::Nothing,
            writing: BTreeMap::new(),
            begun: false,
            halted,
            dead: None,
        })
    }

    /// Where samples are.
    pub fn ledger(&self) -> &Ledger {
        &self.core.ledger
    }

    /// Where several pictures have located a nest since the base stands where it does.
    pub fn located(&self, station: &StationId, nest: &NestId) -> Option<&Located> {
        let nest = NestRef { station: station.clone(), nest: nest.clone() };
        self.core.belief.refinement(&nest).map(|refined| &refined.located)
    }

    /// Whether nothing is being done or waited for.
    pub fn is_idle(&self) -> bool {
        self.begun
            && matches!(self.active, Active::Nothing)
            && self.queue.is_empty()
            && self.writing.is_empty()
    }

    /// First of all: what the stock file has that the ledger has not, and the ends of jobs that a restart cut off.
    fn begin(&mut self, now: Stamp, out: &mut Outbox<SkillOutput>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let mut records = Vec::new();
        for item in &self.core.world.site.stock {
            if self.core.ledger.sample(&item.id).is_some() {
                continue;
            }
            let body = Body::Seeded {
                sample: item.id.clone(),
                labware: item.labware.clone(),
                code: item.code.clone(),
                at: item.at.clone(),
            };
            match self.core.ledger.draft(now, vec![body]) {
                Ok(entries) => {
                    for entry in entries {
                        self.core
                            .ledger
                            .apply(&entry)
                            .expect("a draft can be applied to what it was drafted from");
                        records.push(StoreRecord::Ledger(entry));
                    }
                }
                Err(failure) => {
                    let message = format!("{} of the stock file is left out: {failure}", item.id);
                    out.push(SkillOutput::Notice { level: Level::Warning, message });
                }
            }
        }
        let mut closed = Vec::new();
        for job in self.jobs.values_mut().filter(|job| job.result.is_none()) {
            match restart::close(&mut self.core.ledger, job, now) {
                Ok(entries) => {
                    records.extend(entries.into_iter().map(StoreRecord::Ledger));
                    records.push(StoreRecord::Job(job.clone()));
                    closed.push(job.job_id.clone());
                }
                Err(failure) => {
                    let message = format!("job {} cannot be closed: {failure}", job.job_id);
                    out.push(SkillOutput::Notice { level: Level::Critical, message });
                }
            }
        }
        if let Some(failure) = &self.halted {
            out.push(SkillOutput::Notice { level: failure.code.level(), message: failure.to_string() });
        }
        self.close_passages(out);
        if !records.is_empty() {
            self.store(records, Written::Begun { closed }, out);
        }
    }

    /// What people have closed and opened before, holds.
    fn close_passages(&self, out: &mut Outbox<SkillOutput>) {
        for (passage, closed) in self.core.ledger.passages() {
            if self.core.world.site.passages().any(|known| known == passage) {
                let command = NavCommand::SetPassage { passage: passage.clone(), closed: *closed };
                out.push(SkillOutput::Navigation(NavInput::Command(command)));
            } else if *closed {
                let message = format!("passage {passage:?} was closed, and the site's file has it no more");
                out.push(SkillOutput::Notice { level: Level::Warning, message });
            }
        }
    }

    pub(crate) fn store(&mut self, records: Vec<StoreRecord>, then: Written, out: &mut Outbox<SkillOutput>) {
        let id = self.core.ids.effect();
        self.writing.insert(id, then);
        out.push(SkillOutput::Store { id, records });
    }

    fn stored(
        &mut self,
        now: Stamp,
        id: EffectId,
        result: Result<u64, Failure>,
        out: &mut Outbox<SkillOutput>,
    ) {
        let Some(written) = self.writing.remove(&id) else { return };
        if let Err(failure) = result {
            if let Written::Accepted { calls, .. } = &written {
                for call in calls {
                    let reply = Reply::Submitted(Err(failure.clone()));
                    out.push(SkillOutput::Answer { id: *call, reply });
                }
            }
            if let Written::Acknowledged { call } | Written::PassageSet { call, .. } = written {
                out.push(SkillOutput::Answer { id: call, reply: Reply::Acknowledged(Err(failure.clone())) });
            }
            self.die(failure, out);
            return;
        }
        match written {
            Written::Begun { closed } => closed.iter().for_each(|id| self.tell_end(id, out)),
            Written::Ended(id) => self.tell_end(&id, out),
            Written::Accepted { calls, job, work } => {
                for call in calls {
                    let reply = Reply::Submitted(Ok(job.job_id.clone()));
                    out.push(SkillOutput::Answer { id: call, reply });
                }
                out.push(SkillOutput::Event(JobEvent::Feedback(job.job_id.clone(), accepted(&work))));
                self.queue.push_back((job.job_id.clone(), work));
                self.jobs.insert(job.job_id.clone(), *job);
            }
            Written::PassageSet { call, passage, closed } => {
                let words = if closed {
                    "is closed: ways lead around it, and a drive that led through it is planned anew"
                } else {
                    "is open"
                };
                if !closed {
                    let command = NavCommand::SetPassage { passage: passage.clone(), closed };
                    out.push(SkillOutput::Navigation(NavInput::Command(command)));
                }
                let reply = Reply::Acknowledged(Ok(format!("{passage} {words}")));
                out.push(SkillOutput::Answer { id: call, reply });
            }
            Written::Acknowledged { call } => {
                self.halted = None;
                let reply = Reply::Acknowledged(Ok(
                    "the robot may move, and looks where samples are in doubt".into(),
                ));
                out.push(SkillOutput::Answer { id: call, reply });
                if let Active::Nothing = self.active {
                    self.active = Active::Chores(Box::new(Chores::new(&self.core.ledger)));
                    self.step(now, Stimulus::Begin, out);
                }
            }
        }
    }

    fn tell_end(&self, id: &JobId, out: &mut Outbox<SkillOutput>) {
        if let Some(result) = self.jobs.get(id).and_then(|job| job.result.clone()) {
            out.push(SkillOutput::Event(JobEvent::Finished(result)));
        }
    }

    /// The store is gone: everything stops, and stays stopped until the stack is started again.
    fn die(&mut self, failure: Failure, out: &mut Outbox<SkillOutput>) {
        if self.dead.is_some() {
            return;
        }
        out.push(SkillOutput::Robot(RobotCommand::StopArm));
        out.push(SkillOutput::Navigation(NavInput::Command(NavCommand::Stop)));
        out.push(SkillOutput::Notice { level: Level::Fatal, message: failure.to_string() });
        let active = std::mem::replace(&mut self.active, Active::Nothing);
        if let Active::Job(mut run) = active {
            run.abandon(&self.core.ledger, &failure);
            let record = run.into_record();
            out.extend(record.result.clone().map(|result| SkillOutput::Event(JobEvent::Finished(result))));
            self.jobs.insert(record.job_id.clone(), record);
        }
        self.dead = Some(failure);
    }

    /// Lets what is being done take something in, and deals with what it came to.
    pub(crate) fn step(&mut self, now: Stamp, with: Stimulus<'_>, out: &mut Outbox<SkillOutput>) {
        let mut evidence = Vec::new();
        let mut ctx = self.core.context(now, &mut evidence, out);
        match &mut self.active {
            Active::Nothing => {}
            Active::Job(run) => {
                let report = run.take(&mut ctx, with);
                self.job_report(report, out);
            }
            Active::Chores(chores) => {
                let report = match with {
                    Stimulus::Begin => chores.begin(&mut ctx),
                    Stimulus::Input(input) => chores.on(&mut ctx, input),
                    Stimulus::Time => chores.wake(&mut ctx),
                    Stimulus::Slip => chores.slipped(&mut ctx),
                    // They end by setting down what is held.
                    Stimulus::Weak(_) | Stimulus::Halt(_) => chores::Report::default(),
                };
                tell(report.notices, out);
                if let Some(stop) = report.ended {
                    self.active = Active::Nothing;
                    self.halt(stop, out);
                }
            }
        }
    }

    fn job_report(&mut self, report: Report, out: &mut Outbox<SkillOutput>) {
        tell(report.notices, out);
        if let Active::Job(run) = &self.active {
            let feedback = report.feedback.into_iter();
            out.extend(
                feedback.map(|f| SkillOutput::Event(JobEvent::Feedback(run.record().job_id.clone(), f))),
            );
        }
        if let Some(failure) = report.dead {
            self.die(failure, out);
        }
        if let Some(stop) = report.ended
            && let Active::Job(run) = std::mem::replace(&mut self.active, Active::Nothing)
        {
            let record = run.into_record();
            out.extend(record.result.clone().map(|result| SkillOutput::Event(JobEvent::Finished(result))));
            self.jobs.insert(record.job_id.clone(), record);
            self.halt(stop, out);
        }
    }

    fn halt(&mut self, stop: Option<Failure>, out: &mut Outbox<SkillOutput>) {
        if let Some(failure) = stop {
            let message = format!("nothing moves until somebody has looked and resumed: {failure}");
            out.push(SkillOutput::Notice { level: Level::Critical, message });
            self.halted = Some(failure);
        }
    }

    /// Begins the next job, as long as there is one that ends at once.
    fn start_next(&mut self, now: Stamp, out: &mut Outbox<SkillOutput>) {
        while matches!(self.active, Active::Nothing) && self.halted.is_none() && self.dead.is_none() {
            let Some((id, work)) = self.queue.pop_front() else { return };
            let Some(record) = self.jobs.get(&id).cloned() else { continue };
            self.active = Active::Job(match work {
                Work::Move(spec) => Box::new(JobRun::new(record, spec)),
                Work::Search(search) => Box::new(SearchRun::new(record, search)),
                Work::Charge(charge) => Box::new(ChargeRun::new(record, charge)),
            });
            self.step(now, Stimulus::Begin, out);
        }
    }

    /// What is held has been held for a while with less than was asked for: it is pressed harder, as far as its labware
    /// allows; where that is not enough, it is set down.
    fn weak(&mut self, now: Stamp, measured_n: f64, out: &mut Outbox<SkillOutput>) {
        let Some(grip) = &mut self.core.belief.grip else { return };
        let known = self.core.ledger.sample(&grip.sample);
        let Some(Ok(vial)) = known.map(|known| self.core.world.vial(&known.labware)) else { return };
        let (sample, asked_n) = (grip.sample.clone(), grip.force_n);
        let held = format!("{sample} is held with {measured_n:.1} N, asked were {asked_n:.1} N");
        let gripper_n = self.core.world.robot.gripper.max_force_n;
        if let Some(force_n) = grip::tighter_n(vial, asked_n, gripper_n) {
            grip.force_n = force_n;
            let id = self.core.ids.command();
            let message = format!("{held}: it is pressed harder, with {force_n:.1} N");
            out.push(SkillOutput::Robot(RobotCommand::Grip { id, opening_m: 0.0, force_n }));
            out.push(SkillOutput::Notice { level: Level::Warning, message });
        } else if measured_n < grip.needed_n {
            let words = format!("{held}, and it takes {:.1} N", grip.needed_n);
            let failure = Failure::new(Code::GripTooWeak, words);
            self.step(now, Stimulus::Weak(&failure), out);
        }
    }

    fn localised(&mut self, localisation: &Localisation) {
        self.core.belief.map_from_base = localisation.tracked().map(|estimate| estimate.map_from_base);
        if !matches!(self.active, Active::Nothing) || matches!(self.core.belief.base, BasePlace::Free) {
            return;
        }
        // Nobody drives, and yet the base is elsewhere: it was pushed, or was never where we think.
        let moved = match (&localisation.place, self.core.belief.base_in_map(&self.core.world)) {
            (Place::Lost, _) | (_, None) => true,
            (Place::Ambiguous(_), _) => false,
            (Place::Tracking(estimate), Some(dock)) => {
                dock.distance(&estimate.map_from_base) > limits::MOVED_M
                    || dock.turn_to(&estimate.map_from_base).abs() > limits::MOVED_RAD
            }
        };
        if moved {
            self.core.belief.base_moves();
        }
    }
}

impl Component for Executive {
    type Input = SkillInput;
    type Output = SkillOutput;

    fn handle(&mut self, now: Stamp, input: SkillInput, out: &mut Outbox<SkillOutput>) {
        self.begin(now, out);
        match input {
            SkillInput::Call(call) => self.call(now, call, out),
            SkillInput::Robot(RobotEvent::Joints(state)) => self.core.belief.take_joints(state),
            SkillInput::Robot(RobotEvent::Gripper(state)) => match self.core.belief.take_gripper(state) {
                Hold::Firm => {}
                Hold::Gone => self.step(now, Stimulus::Slip, out),
                Hold::Weak(force_n) => self.weak(now, force_n, out),
            },
            SkillInput::Robot(RobotEvent::Battery(battery)) => {
                self.core.belief.battery = Some(battery);
                self.step(now, Stimulus::Input(&input), out);
            }
            SkillInput::Robot(RobotEvent::Wrist(wrench)) => {
                self.core.belief.wrist.take(wrench);
                self.step(now, Stimulus::Input(&input), out);
            }
            SkillInput::Stored { id, result } if self.writing.contains_key(&id) => {
                self.stored(now, id, result, out);
            }
            input => {
                if let SkillInput::Navigation(NavOutput::Localised(localisation)) = &input {
                    self.localised(localisation);
                }
                self.step(now, Stimulus::Input(&input), out);
            }
        }
        self.start_next(now, out);
    }

    fn next_wake(&self) -> Option<Stamp> {
        if !self.begun {
            return Some(Stamp::ZERO);
        }
        match &self.active {
            Active::Nothing => None,
            Active::Job(run) => run.next_wake(),
            Active::Chores(chores) => chores.next_wake(),
        }
    }

    fn wake(&mut self, now: Stamp, out: &mut Outbox<SkillOutput>) {
        self.begin(now, out);
        self.step(now, Stimulus::Time, out);
        self.start_next(now, out);
    }
}

fn tell(notices: Vec<(Level, String)>, out: &mut Outbox<SkillOutput>) {
    out.extend(notices.into_iter().map(|(level, message)| SkillOutput::Notice { level, message }));
}

fn accepted(work: &Work) -> Feedback {
    let (sample_id, custody, eta_s) = match work {
        Work::Move(spec) => {
            let eta_s = spec.items.len() as f64 * job_run::TRANSFER_S;
            (spec.items[0].sample.clone(), Custody::Source, eta_s)
        }
        Work::Charge(_) => (SampleId::new(""), Custody::Unknown, 0.0),
        Work::Search(search) => {
            (search.samples.first().cloned().unwrap_or_else(|| SampleId::new("")), Custody::Unknown, 0.0)
        }
    };
    let message = "the job is on disk".into();
    Feedback { phase: Phase::Accepted, sample_id, custody, progress: 0.0, eta_s, message }
}
