//! A search underway: rack after rack looked at, every label read, the ledger brought to what was seen. Nothing is touched.

mod compare;

use crate::context::Context;
use crate::item::{Halt, stops_robot};
use crate::job::{JobRecord, Search};
use crate::job_run::untouched;
use crate::ledger::{Ledger, Whereabouts};
use crate::program::{approach_plans, docked, ledger_tag, prepare_plans, release_plans};
use crate::run::{Report, Run, Stimulus};
use crate::runner::{End, Planned, Runner};
use crate::stages::{Debt, Expect, Plan};
use crate::world::{NestRef, World};
use nightshift_core::api::{
    Custody, Effect, Evidence, Feedback, ItemOutcome, ItemStatus, Phase, Place, Sighting, Unseen,
};
use nightshift_core::describe::StationKind;
use nightshift_core::handshake::Purpose;
use nightshift_core::ids::DECK;
use nightshift_core::{Code, Failure, SampleId, Stamp, StationId};
use std::collections::VecDeque;

/// Usual time for a rack, seconds: for the racks that are yet to come.
const RACK_S: f64 = 25.0;

/// A search underway.
#[derive(Debug)]
pub struct SearchRun {
    record: JobRecord,
    search: Search,
    deadline: Option<Stamp>,
    halt: Option<Halt>,
    runner: Runner,
    tour: Vec<NestRef>,
    left: VecDeque<NestRef>,
    doing: Doing,
    progress: f64,
}

#[derive(Debug)]
enum Doing {
    /// Getting to a nest, and looking at it.
    Looking { nest: NestRef, since: Stamp },
    /// What was seen is being written.
    Writing,
    /// The arm is being put away.
    Parking,
    /// The result is being written. The failure, if any, that keeps the robot from further work.
    Closing(Option<Failure>),
}

impl SearchRun {
    /// A search whose record is durable.
    pub fn new(record: JobRecord, search: Search) -> Self {
        let deadline = search.deadline.map(|span| record.accepted + span);
        Self {
            record,
            search,
            deadline,
            halt: None,
            runner: Runner::default(),
            tour: Vec::new(),
            left: VecDeque::new(),
            doing: Doing::Writing,
            progress: 0.0,
        }
    }

    fn begin(&mut self, ctx: &mut Context<'_>) -> Option<End> {
        // With something between the fingers the camera does not see what is below them.
        let held = ctx.ledger.claimants(&Place::Gripper).next().cloned();
        if let Some(other) = held {
            let words = format!("the gripper holds, or may hold, {other}: move that first");
            return self.close(ctx, Some(Failure::new(Code::Busy, words)), None);
        }
        let stations = match &self.search.stations[..] {
            [] => everywhere(ctx),
            named => named.to_vec(),
        };
        self.tour = stations.iter().flat_map(|id| ctx.world.nests(id).unwrap_or_default()).collect();
        self.left = self.tour.iter().cloned().collect();
        self.go_on(ctx)
    }

    /// To the next rack; home where none is left, or where all is found that was asked for.
    fn go_on(&mut self, ctx: &mut Context<'_>) -> Option<End> {
        let nest =
            if self.halt.is_some() || self.is_found(ctx.ledger) { None } else { self.left.pop_front() };
        let docked = docked(ctx.belief);
        let owed = docked.clone().filter(|id| ctx.ledger.owed().contains_key(id));
        let mut list: Vec<Planned> = vec![(Some(Phase::Navigate), Plan::Retreat)];
        list.extend(owed.iter().flat_map(|id| release_plans(ctx.world, id, Debt::MayStay)));
        let Some(nest) = nest else {
            self.doing = Doing::Parking;
            list.push((None, Plan::Posture("drive")));
            return self.runner.begin(ctx, list);
        };
        let anew = ctx.belief.docks_anew();
        if !nest.on_deck() && (anew || docked.as_ref() != Some(&nest.station)) {
            list.extend(approach_plans(&nest.station, Some(Phase::Navigate), Some(Phase::Dock)));
        }
        if ctx.world.has_handshake(&nest.station)
            && let Some(slot) = slots(ctx.world, &nest).first()
        {
            list.extend(prepare_plans(ctx.world, &self.record.job_id, &nest.slot(slot), Purpose::Look));
        }
        // Those that the ledger has there are worth a second look.
        let here = |(id, known): (&SampleId, &crate::ledger::Sample)| match known.whereabouts.known() {
            Some(Place::At(at)) if NestRef::of(at) == nest => {
                let tag = ledger_tag(ctx.ledger, id).ok()?;
                Some(Expect::Stands { sample: id.clone(), slot: at.slot.clone(), tag })
            }
            _ => None,
        };
        let expect = ctx.ledger.samples().filter_map(here).collect();
        list.push((Some(Phase::Locate), Plan::Survey(nest.clone(), expect)));
        self.doing = Doing::Looking { nest, since: ctx.now };
        self.runner.begin(ctx, list)
    }

    /// Whether all that was asked for by name is found.
    fn is_found(&self, ledger: &Ledger) -> bool {
        let found: Vec<&SampleId> = compare::found(ledger, &self.record.seen).map(|(id, _)| id).collect();
        !self.search.samples.is_empty() && self.search.samples.iter().all(|id| found.contains(&id))
    }

    fn after(&mut self, ctx: &mut Context<'_>, ended: End, report: &mut Report) -> Option<End> {
        let stopped = matches!(ended, End::Stopped);
        let failure = match ended {
            End::Failed(failure) if failure.code == Code::StoreUnavailable => {
                report.dead = Some(failure);
                return None;
            }
            End::Failed(failure) => Some(failure),
            End::Done | End::Stopped => None,
        };
        match std::mem::replace(&mut self.doing, Doing::Writing) {
            Doing::Closing(stop) => {
                report.ended = Some(stop);
                None
            }
            Doing::Parking => {
                let stop = failure.clone().filter(|failure| stops_robot(failure.code));
                if let Some(failure) = &failure {
                    let words = format!("the arm could not be put away: {failure}");
                    report.notices.push((failure.code.level(), words));
                }
                self.close(ctx, None, stop)
            }
            _ if failure.as_ref().is_some_and(|failure| stops_robot(failure.code)) => {
                self.close(ctx, failure.clone(), failure)
            }
            Doing::Writing => {
                report.notices.extend(failure.map(|failure| (failure.code.level(), failure.to_string())));
                self.go_on(ctx)
            }
            Doing::Looking { nest, .. } if stopped => {
                self.left.push_front(nest);
                self.go_on(ctx)
            }
            Doing::Looking { nest, since } => {
                let sight = ctx.belief.nest(&nest).filter(|sight| sight.stamp >= since).cloned();
                // That not all is as it was expected is what is looked for: only what was not seen at all is amiss.
                let (Some(sight), true) = (sight, failure.as_ref().is_none_or(of_samples)) else {
                    if let Some(failure) = failure {
                        self.skip(&nest, &failure);
                        report.notices.push((failure.code.level(), format!("{nest} is left out: {failure}")));
                    }
                    return self.go_on(ctx);
                };
                if let Some(failure) = failure.filter(|failure| failure.code == Code::SeenUnseated) {
                    report.notices.push((failure.code.level(), failure.to_string()));
                }
                let here = compare::sightings(ctx.ledger, &nest, &sight);
                let slots = slots(ctx.world, &nest);
                let bodies = compare::entries(ctx.ledger, &slots, &nest, &here, &self.record.seen);
                self.record.seen.extend(here);
                if bodies.is_empty() {
                    return self.go_on(ctx);
                }
                self.runner.begin(ctx, vec![(None, Plan::Write(bodies, None))])
            }
        }
    }

    /// A rack that could not be seen; where the way to it is the reason, all of its station.
    fn skip(&mut self, nest: &NestRef, failure: &Failure) {
        let mut skipped = vec![nest.clone()];
        if (300..400).contains(&failure.code.number()) || (600..700).contains(&failure.code.number()) {
            skipped.extend(self.left.iter().filter(|other| other.station == nest.station).cloned());
            self.left.retain(|other| other.station != nest.station);
        }
        let unseen = |nest: NestRef| Unseen { nest: nest.to_string(), error: failure.clone() };
        self.record.unseen.extend(skipped.into_iter().map(unseen));
    }

    fn close(&mut self, ctx: &mut Context<'_>, cause: Option<Failure>, stop: Option<Failure>) -> Option<End> {
        let unfinished = !self.left.is_empty() && !self.is_found(ctx.ledger);
        let halt = self.halt.filter(|_| unfinished);
        let cause = cause.or_else(|| halt.map(|halt| halt.failure("the search was not finished")));
        self.conclude(ctx.ledger, cause);
        self.doing = Doing::Closing(stop);
        let record = Some(Box::new(self.record.clone()));
        self.runner.begin(ctx, vec![(None, Plan::Write(Vec::new(), record))])
    }

    fn conclude(&mut self, ledger: &Ledger, cause: Option<Failure>) {
        let wanted: Vec<SampleId> = match &self.search.samples[..] {
            [] => ledger
                .samples()
                .filter(|(id, _)| self.concerns(ledger, id))
                .map(|(id, _)| id.clone())
                .collect(),
            named => named.to_vec(),
        };
        self.record.outcomes = wanted.iter().map(|id| self.outcome(ledger, id, cause.as_ref())).collect();
        self.record.finish(cause);
    }

    /// Whether a sample was seen, may be in one of the racks on the way, or may be in none.
    fn concerns(&self, ledger: &Ledger, sample: &SampleId) -> bool {
        let here = |place: &Place| match place {
            Place::At(address) => self.tour.contains(&NestRef::of(address)),
            Place::Nowhere => true,
            Place::Gripper => false,
        };
        let may_be = ledger.sample(sample).is_some_and(|known| match &known.whereabouts {
            Whereabouts::At(place) => here(place),
            Whereabouts::OneOf(places) => places.iter().any(here),
        });
        may_be || self.record.seen.iter().any(|seen| seen.sample_id.as_ref() == Some(sample))
    }

    fn outcome(&self, ledger: &Ledger, sample: &SampleId, cause: Option<&Failure>) -> ItemOutcome {
        let seen: Vec<&Sighting> =
            self.record.seen.iter().filter(|seen| seen.sample_id.as_ref() == Some(sample)).collect();
        let evidence = |seen: &&Sighting| Evidence {
            kind: "code".into(),
            sha256: seen.sha256.clone(),
            path: seen.path.clone(),
            text: format!("{} {:.1} mm from the axis of {}", seen.code, seen.off_axis_m * 1e3, seen.at),
            stamp: seen.stamp,
        };
        let found = compare::found(ledger, &self.record.seen).any(|(id, _)| id == sample);
        let places: Vec<String> = seen.iter().map(|seen| seen.at.to_string()).collect();
        let failure = match (&places[..], cause) {
            _ if found => None,
            ([], Some(cause)) => Some(cause.clone()),
            ([], None) => Some(Failure::new(Code::SampleMissing, self.in_vain(sample))),
            ([at], _) => {
                let words =
                    format!("{sample}'s label is seen over {at}, and not as a vial in that slot wears it");
                Some(Failure::new(Code::SampleMissing, words))
            }
            (many, _) => {
                let words = format!("{sample}'s label is seen over {}", many.join(" and "));
                Some(Failure::new(Code::ContradictoryIdentity, words))
            }
        };
        let status = match self.halt {
            _ if found => ItemStatus::Done,
            Some(halt) if places.is_empty() && cause.is_some() => halt.status(),
            _ => ItemStatus::Failed,
        };
        let blank = untouched(ledger, sample, status, Failure::new(Code::SampleMissing, ""));
        ItemOutcome {
            error: failure,
            evidence: seen.iter().map(evidence).collect(),
            effect: Effect::None,
            ..blank
        }
    }

    fn in_vain(&self, sample: &SampleId) -> String {
        let looked = self.tour.len() - self.left.len() - self.record.unseen.len();
        let mut words = format!("{sample} was not seen in {looked} of {} racks", self.tour.len());
        if !self.record.unseen.is_empty() {
            let nests: Vec<&str> = self.record.unseen.iter().map(|unseen| unseen.nest.as_str()).collect();
            words += &format!("; not looked at: {}", nests.join(", "));
        }
        words
    }

    fn settle(&mut self, ctx: &mut Context<'_>, mut end: Option<End>) -> Report {
        let mut report = Report::default();
        loop {
            // Pictures are in the sightings; the views' own lines are not kept twice.
            ctx.evidence.clear();
            self.tell(ctx.ledger, &mut report);
            let Some(ended) = end.take() else { return report };
            end = self.after(ctx, ended, &mut report);
            if report.ended.is_some() || report.dead.is_some() {
                return report;
            }
        }
    }

    fn tell(&mut self, ledger: &Ledger, report: &mut Report) {
        let racks = self.tour.len().max(1) as f64;
        let done = racks - self.left.len() as f64 - 1.0;
        for started in std::mem::take(&mut self.runner.started) {
            self.record.phase = started.phase.unwrap_or(self.record.phase);
            self.progress = self.progress.max(((done + started.share) / racks).clamp(0.0, 1.0));
            let found: Vec<&SampleId> = compare::found(ledger, &self.record.seen).map(|(id, _)| id).collect();
            let sought = self.search.samples.iter().find(|id| !found.contains(id));
            report.feedback.push(Feedback {
                phase: self.record.phase,
                sample_id: sought.cloned().unwrap_or_else(|| SampleId::new("")),
                custody: Custody::Unknown,
                progress: self.progress,
                eta_s: started.left_s + self.left.len() as f64 * RACK_S,
                message: started.what,
            });
        }
    }

    fn halt(&mut self, ctx: &mut Context<'_>, halt: Halt) -> Option<End> {
        if self.halt.is_some() {
            return None;
        }
        self.halt = Some(halt);
        match self.doing {
            Doing::Looking { .. } => self.runner.stop(ctx),
            Doing::Writing | Doing::Parking | Doing::Closing(_) => None,
        }
    }
}

impl Run for SearchRun {
    fn record(&self) -> &JobRecord {
        &self.record
    }

    fn into_record(self: Box<Self>) -> JobRecord {
        self.record
    }

    fn next_wake(&self) -> Option<Stamp> {
        let deadline = self.deadline.filter(|_| self.halt.is_none());
        self.runner.next_wake().into_iter().chain(deadline).min()
    }

    fn take(&mut self, ctx: &mut Context<'_>, with: Stimulus<'_>) -> Report {
        let end = match with {
            Stimulus::Begin => self.begin(ctx),
            Stimulus::Input(input) => self.runner.on(ctx, input),
            Stimulus::Time if self.halt.is_none() && self.deadline.is_some_and(|end| end <= ctx.now) => {
                self.halt(ctx, Halt::Deadline)
            }
            Stimulus::Time => self.runner.wake(ctx),
            Stimulus::Halt(halt) => self.halt(ctx, halt),
            // It begins with nothing between the fingers, and takes nothing.
            Stimulus::Slip | Stimulus::Weak(_) => None,
        };
        self.settle(ctx, end)
    }

    fn abandon(&mut self, ledger: &Ledger, failure: &Failure) {
        self.conclude(ledger, Some(failure.clone()));
    }
}

/// Whether a look showed the rack, and something else in it than was expected.
fn of_samples(failure: &Failure) -> bool {
    matches!(
        failure.code,
        Code::SampleMissing | Code::WrongIdentity | Code::ContradictoryIdentity | Code::SeenUnseated
    )
}

fn slots(world: &World, nest: &NestRef) -> Vec<nightshift_core::SlotId> {
    world.rack(nest).map(nightshift_core::describe::RackType::slots).unwrap_or_default()
}

/// The deck, and every storage: where the base stands first, then always the one that is nearest.
fn everywhere(ctx: &Context<'_>) -> Vec<StationId> {
    let sites = ctx.world.site.stations.iter();
    let mut left: Vec<&StationId> =
        sites.filter(|(_, station)| station.kind == StationKind::Storage).map(|(id, _)| id).collect();
    let mut tour = vec![StationId::new(DECK)];
    let mut here = ctx.belief.base_in_map(ctx.world).or(ctx.belief.map_from_base);
    while !left.is_empty() {
        let away = |id: &StationId| ctx.world.way_m(&here, id);
        let (index, _) =
            (left.iter().enumerate()).min_by(|a, b| away(a.1).total_cmp(&away(b.1))).expect("one is left");
        let next = left.remove(index);
        here = ctx.world.map_from_docked(next).or(here);
        tour.push(next.clone());
    }
    tour
}
