//! Charging underway: into a charger's dock, and standing there until the battery is full. Nothing is touched.

use crate::context::Context;
use crate::item::{Halt, stops_robot};
use crate::job::{Charge, JobRecord};
use crate::ledger::Ledger;
use crate::messages::SkillInput;
use crate::program::{approach_plans, docked, release_plans};
use crate::run::{Report, Run, Stimulus};
use crate::runner::{End, Planned, Runner};
use crate::stages::{Debt, Plan};
use nightshift_core::api::{Custody, Feedback, Phase, Place};
use nightshift_core::describe::StationKind;
use nightshift_core::robot::RobotEvent;
use nightshift_core::{Code, Failure, SampleId, Stamp, StationId};
use std::time::Duration;

/// A battery with so much is full: the last percents take as long as the ten before.
const FULL: f64 = 0.98;
/// A battery in a dock that is not fed, or says nothing, for so long is not charging any more.
const UNFED: Duration = Duration::from_secs(60);
/// Filling an empty battery usually takes so long, seconds: what is told of the time left.
const FILLS_IN_S: f64 = 5400.0;
/// Told anew at each such share of a full charge.
const TOLD_EACH: f64 = 0.02;

/// Charging underway.
#[derive(Debug)]
pub struct ChargeRun {
    record: JobRecord,
    charge: Charge,
    deadline: Option<Stamp>,
    halt: Option<Halt>,
    runner: Runner,
    doing: Doing,
    /// Share of a full charge that was told last.
    told: f64,
}

#[derive(Debug)]
enum Doing {
    /// Getting into the dock.
    Going,
    /// Standing in it; when the battery was fed last.
    Standing { fed: Stamp },
    /// The result is being written. The failure, if any, that keeps the robot from further work.
    Closing(Option<Failure>),
}

impl ChargeRun {
    /// Charging whose record is durable.
    pub fn new(record: JobRecord, charge: Charge) -> Self {
        let deadline = charge.deadline.map(|span| record.accepted + span);
        let (runner, doing) = (Runner::default(), Doing::Going);
        Self { record, charge, deadline, halt: None, runner, doing, told: -1.0 }
    }

    fn begin(&mut self, ctx: &mut Context<'_>) -> Option<End> {
        // Charging takes an hour, and fingers get tired.
        let held = ctx.ledger.claimants(&Place::Gripper).next().cloned();
        if let Some(other) = held {
            let words = format!("the gripper holds, or may hold, {other}: move that first");
            return self.close(ctx, Some(Failure::new(Code::Busy, words)), None);
        }
        let Some(station) = self.charge.station.clone().or_else(|| nearest(ctx)) else {
            let words = "the site has no charger".to_owned();
            return self.close(ctx, Some(Failure::new(Code::UnknownStation, words)), None);
        };
        let docked = docked(ctx.belief);
        let owed = docked.clone().filter(|id| ctx.ledger.owed().contains_key(id));
        let mut list: Vec<Planned> = vec![(Some(Phase::Navigate), Plan::Retreat)];
        list.extend(owed.iter().flat_map(|id| release_plans(ctx.world, id, Debt::MayStay)));
        let fed = ctx.belief.battery.is_some_and(|battery| battery.charging);
        if docked.as_ref() != Some(&station) || !fed {
            list.extend(approach_plans(&station, Some(Phase::Navigate), Some(Phase::Dock)));
        }
        list.push((Some(Phase::Charge), Plan::Posture("drive")));
        self.runner.begin(ctx, list)
    }

    fn after(&mut self, ctx: &mut Context<'_>, ended: End, report: &mut Report) -> Option<End> {
        let failure = match ended {
            End::Failed(failure) if failure.code == Code::StoreUnavailable => {
                report.dead = Some(failure);
                return None;
            }
            End::Failed(failure) => Some(failure),
            End::Done | End::Stopped => None,
        };
        match &mut self.doing {
            Doing::Closing(stop) => {
                report.ended = Some(stop.take());
                None
            }
            _ if failure.is_some() || self.halt.is_some() => {
                let stop = failure.clone().filter(|failure| stops_robot(failure.code));
                self.close(ctx, failure, stop)
            }
            Doing::Going | Doing::Standing { .. } => {
                self.doing = Doing::Standing { fed: ctx.now };
                self.look(ctx, report)
            }
        }
    }

    /// How full it is, and whether it is still fed.
    fn look(&mut self, ctx: &mut Context<'_>, report: &mut Report) -> Option<End> {
        let Doing::Standing { fed } = &mut self.doing else { return None };
        let battery = ctx.belief.battery.filter(|battery| ctx.now.since(battery.stamp) < UNFED.as_secs_f64());
        if let Some(battery) = battery.filter(|battery| battery.charging) {
            *fed = ctx.now;
            if battery.charge >= self.told + TOLD_EACH {
                self.told = battery.charge;
                report.feedback.push(Feedback {
                    phase: Phase::Charge,
                    sample_id: SampleId::new(""),
                    custody: Custody::Unknown,
                    progress: battery.charge,
                    eta_s: (FULL - battery.charge).max(0.0) * FILLS_IN_S,
                    message: format!("the battery has {:.0} %", 100.0 * battery.charge),
                });
            }
            return if battery.charge >= FULL { self.close(ctx, None, None) } else { None };
        }
        let unfed_s = ctx.now.since(*fed);
        if unfed_s < UNFED.as_secs_f64() {
            return None;
        }
        let what = if battery.is_some() { "has not been fed" } else { "has said nothing" };
        let words = format!("the base stands in the dock, and the battery {what} for {unfed_s:.0} s");
        self.close(ctx, Some(Failure::new(Code::NotCharging, words)), None)
    }

    fn close(&mut self, ctx: &mut Context<'_>, cause: Option<Failure>, stop: Option<Failure>) -> Option<End> {
        let cause = cause.or_else(|| self.halt.map(|halt| halt.failure("the battery is not full")));
        self.record.finish(cause);
        self.doing = Doing::Closing(stop);
        let record = Some(Box::new(self.record.clone()));
        self.runner.begin(ctx, vec![(None, Plan::Write(Vec::new(), record))])
    }

    fn halt(&mut self, ctx: &mut Context<'_>, halt: Halt) -> Option<End> {
        if self.halt.is_some() {
            return None;
        }
        match self.doing {
            Doing::Going => {
                self.halt = Some(halt);
                self.runner.stop(ctx)
            }
            Doing::Standing { .. } => {
                self.halt = Some(halt);
                self.close(ctx, None, None)
            }
            Doing::Closing(_) => None,
        }
    }

    fn settle(&mut self, ctx: &mut Context<'_>, mut end: Option<End>, mut report: Report) -> Report {
        loop {
            ctx.evidence.clear();
            for started in std::mem::take(&mut self.runner.started) {
                self.record.phase = started.phase.unwrap_or(self.record.phase);
                let full = ctx.belief.battery.map_or(0.0, |battery| battery.charge);
                report.feedback.push(Feedback {
                    phase: self.record.phase,
                    sample_id: SampleId::new(""),
                    custody: Custody::Unknown,
                    progress: full,
                    eta_s: started.left_s + (FULL - full).max(0.0) * FILLS_IN_S,
                    message: started.what,
                });
            }
            let Some(ended) = end.take() else { return report };
            end = self.after(ctx, ended, &mut report);
            if report.ended.is_some() || report.dead.is_some() {
                return report;
            }
        }
    }
}

impl Run for ChargeRun {
    fn record(&self) -> &JobRecord {
        &self.record
    }

    fn into_record(self: Box<Self>) -> JobRecord {
        self.record
    }

    fn next_wake(&self) -> Option<Stamp> {
        let deadline = self.deadline.filter(|_| self.halt.is_none());
        let unfed = if let Doing::Standing { fed } = self.doing { Some(fed + UNFED) } else { None };
        self.runner.next_wake().into_iter().chain(deadline).chain(unfed).min()
    }

    fn take(&mut self, ctx: &mut Context<'_>, with: Stimulus<'_>) -> Report {
        let mut report = Report::default();
        let end = match with {
            Stimulus::Begin => self.begin(ctx),
            Stimulus::Input(SkillInput::Robot(RobotEvent::Battery(_))) => self.look(ctx, &mut report),
            Stimulus::Input(input) => self.runner.on(ctx, input),
            Stimulus::Time if self.halt.is_none() && self.deadline.is_some_and(|end| end <= ctx.now) => {
                self.halt(ctx, Halt::Deadline)
            }
            Stimulus::Time => self.runner.wake(ctx).or_else(|| self.look(ctx, &mut report)),
            Stimulus::Halt(halt) => self.halt(ctx, halt),
            // It begins with nothing between the fingers, and takes nothing.
            Stimulus::Slip | Stimulus::Weak(_) => None,
        };
        self.settle(ctx, end, report)
    }

    fn abandon(&mut self, _ledger: &Ledger, failure: &Failure) {
        self.record.finish(Some(failure.clone()));
    }
}

/// The charger that is nearest to where the base stands.
fn nearest(ctx: &Context<'_>) -> Option<StationId> {
    let here = ctx.belief.base_in_map(ctx.world).or(ctx.belief.map_from_base);
    let stations = ctx.world.site.stations.iter();
    let chargers = stations.filter(|(_, station)| station.kind == StationKind::Charger).map(|(id, _)| id);
    chargers.min_by(|a, b| ctx.world.way_m(&here, a).total_cmp(&ctx.world.way_m(&here, b))).cloned()
}
