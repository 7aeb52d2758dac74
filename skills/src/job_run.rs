//! A job underway: its items one after the other.

use crate::context::Context;
use crate::item::{Halt, ItemRun, Next, needs_a_look};
use crate::job::{Item, JobRecord, Spec};
use crate::ledger::{Body, Ledger, Whereabouts};
use crate::program::{Order, free_deck_slot, ledger_tag, release_plans};
use crate::run::{Report, Run, Stimulus};
use crate::runner::{End, Planned, Runner};
use crate::stages::{Debt, Plan};
use crate::validate::{Admitted, Outlook};
use crate::world::slot_of;
use nightshift_core::api::{Custody, Effect, Feedback, ItemOutcome, ItemStatus, Place};
use nightshift_core::{Code, Failure, SampleId, Stamp, StationId};

/// A job underway.
#[derive(Debug)]
pub struct JobRun {
    record: JobRecord,
    spec: Spec,
    deadline: Option<Stamp>,
    halt: Option<Halt>,
    item: Option<ItemRun>,
    runner: Runner,
    closing: Closing,
    /// Where its samples stood when their items began, for the custody that planners are told.
    source: Option<Place>,
    /// Share that planners were told: it never falls, whatever has to be done again.
    progress: f64,
}

/// How far an item's end is.
#[derive(Debug)]
enum Closing {
    /// It has not ended.
    No,
    /// The arm is being put away, after the job's last item.
    Parking,
    /// The outcome is being written. The failure, if any, that keeps the robot from further work.
    Writing(Option<Failure>),
}

impl JobRun {
    /// A job whose record is durable. It begins with [`JobRun::begin`].
    pub fn new(record: JobRecord, spec: Spec) -> Self {
        let deadline = spec.deadline.map(|span| record.accepted + span);
        Self {
            record,
            spec,
            deadline,
            halt: None,
            item: None,
            progress: 0.0,
            runner: Runner::default(),
            closing: Closing::No,
            source: None,
        }
    }

    /// Begins.
    fn begin(&mut self, ctx: &mut Context<'_>) -> Report {
        let mut report = Report::default();
        let end = self.next_item(ctx, &mut report);
        self.settle(ctx, end, report)
    }

    /// Takes an input.
    fn on(&mut self, ctx: &mut Context<'_>, input: &crate::messages::SkillInput) -> Report {
        let end = self.with_evidence(ctx, |runner, ctx| runner.on(ctx, input));
        self.settle(ctx, end, Report::default())
    }

    /// Time has come to `ctx.now`.
    fn wake(&mut self, ctx: &mut Context<'_>) -> Report {
        if self.halt.is_none() && self.deadline.is_some_and(|deadline| deadline <= ctx.now) {
            return self.halt(ctx, Halt::Deadline);
        }
        let end = self.with_evidence(ctx, Runner::wake);
        self.settle(ctx, end, Report::default())
    }

    /// Ends it early: nothing more is begun, and the sample at hand goes to a safe place.
    fn halt(&mut self, ctx: &mut Context<'_>, halt: Halt) -> Report {
        if self.halt.is_some() {
            return Report::default();
        }
        self.halt = Some(halt);
        let Some(item) = &mut self.item else { return Report::default() };
        if !matches!(self.closing, Closing::No) {
            return Report::default();
        }
        item.halt(halt);
        let end = self.with_evidence(ctx, Runner::stop);
        self.settle(ctx, end, Report::default())
    }

    /// The gripper says that what it held is gone.
    fn slipped(&mut self, ctx: &mut Context<'_>) -> Report {
        let Some(item) = self.item.as_mut().filter(|_| matches!(self.closing, Closing::No)) else {
            return Report::default();
        };
        item.slipped();
        let end = self.with_evidence(ctx, Runner::halt);
        self.settle(ctx, end, Report::default())
    }

    /// What the fingers hold is about to be lost.
    fn weak(&mut self, ctx: &mut Context<'_>, failure: &Failure) -> Report {
        let Some(item) = self.item.as_mut().filter(|_| matches!(self.closing, Closing::No)) else {
            return Report::default();
        };
        item.weak(failure.clone());
        let end = self.with_evidence(ctx, Runner::halt);
        self.settle(ctx, end, Report::default())
    }

    fn with_evidence(
        &mut self,
        ctx: &mut Context<'_>,
        f: impl FnOnce(&mut Runner, &mut Context<'_>) -> Option<End>,
    ) -> Option<End> {
        let end = f(&mut self.runner, ctx);
        if let Some(item) = &mut self.item {
            item.evidence.append(ctx.evidence);
        }
        end
    }

    /// Goes on until something has to be waited for, and gathers what there is to tell.
    fn settle(&mut self, ctx: &mut Context<'_>, mut end: Option<End>, mut report: Report) -> Report {
        while let Some(ended) = end.take() {
            self.tell(ctx, &mut report);
            end = match std::mem::replace(&mut self.closing, Closing::No) {
                Closing::No => self.after(ctx, ended, &mut report),
                Closing::Parking => {
                    if let End::Failed(failure) = ended {
                        let words = format!("the arm could not be put away: {failure}");
                        report.notices.push((failure.code.level(), words));
                    }
                    self.write_outcome(ctx)
                }
                Closing::Writing(stop) => match ended {
                    End::Failed(failure) => {
                        report.dead = Some(failure);
                        return report;
                    }
                    End::Done | End::Stopped if self.record.result.is_some() || stop.is_some() => {
                        report.ended = Some(stop);
                        return report;
                    }
                    End::Done | End::Stopped => self.next_item(ctx, &mut report),
                },
            };
        }
        self.tell(ctx, &mut report);
        report
    }

    fn after(&mut self, ctx: &mut Context<'_>, ended: End, report: &mut Report) -> Option<End> {
        let item = self.item.as_mut()?;
        if let End::Failed(failure) = &ended
            && failure.code == Code::StoreUnavailable
        {
            report.dead = Some(failure.clone());
            return None;
        }
        match item.after(ctx, ended, &mut report.notices) {
            Next::Run(list) => self.run(ctx, list),
            Next::Over => self.item_over(ctx),
        }
    }

    fn run(&mut self, ctx: &mut Context<'_>, list: Vec<Planned>) -> Option<End> {
        self.with_evidence(ctx, |runner, ctx| runner.begin(ctx, list))
    }

    /// After the last item the arm is put away, as long as it may move.
    fn item_over(&mut self, ctx: &mut Context<'_>) -> Option<End> {
        let item = self.item.as_ref()?;
        let last = self.record.outcomes.len() + 1 >= self.spec.items.len() || self.halt.is_some();
        let outcome = item.outcome(ctx.ledger, 0);
        let hands_off = outcome.error.as_ref().is_some_and(|error| needs_a_look(error, outcome.status));
        // What ended early may still owe a station its release.
        let owed: Vec<StationId> =
            ctx.ledger.owed().keys().filter(|id| ctx.belief.at_hand(id)).cloned().collect();
        if (last || !owed.is_empty()) && !hands_off && !self.spec.dry_run {
            self.closing = Closing::Parking;
            let mut list = vec![(None, Plan::Retreat), (None, Plan::Posture("drive"))];
            list.extend(owed.iter().flat_map(|id| release_plans(ctx.world, id, Debt::MayStay)));
            return self.run(ctx, list);
        }
        self.write_outcome(ctx)
    }

    /// Phase two: the reservation is posted or voided, and the outcome is written with it.
    fn write_outcome(&mut self, ctx: &mut Context<'_>) -> Option<End> {
        let item = self.item.take()?;
        let order = item.order();
        let known = ctx.ledger.sample(&order.sample);
        let reserved = known.is_some_and(|known| known.reserved.is_some());
        let delivered =
            known.is_some_and(|known| known.whereabouts == Whereabouts::At(Place::At(order.target.clone())));
        let (job, sample) = (self.record.job_id.clone(), order.sample.clone());
        let bodies = match (reserved, delivered) {
            (false, _) => Vec::new(),
            (true, true) => vec![Body::Posted { job, sample }],
            (true, false) => {
                let why = item.cause().map_or_else(|| "ended by the caller".to_owned(), ToString::to_string);
                vec![Body::Voided { job, sample, why }]
            }
        };
        let ledger_seq = if bodies.is_empty() { 0 } else { ctx.ledger.head().seq + 1 };
        let outcome = item.outcome(ctx.ledger, ledger_seq);
        self.close(ctx, outcome, bodies)
    }

    fn close(&mut self, ctx: &mut Context<'_>, outcome: ItemOutcome, bodies: Vec<Body>) -> Option<End> {
        let stop = outcome.error.clone().filter(|error| needs_a_look(error, outcome.status));
        self.record.outcomes.push(outcome);
        if let Some(failure) = &stop {
            self.give_up_rest(ctx.ledger, failure);
        }
        if self.record.outcomes.len() == self.spec.items.len() {
            self.record.finish(None);
        }
        self.closing = Closing::Writing(stop);
        let record = Some(Box::new(self.record.clone()));
        self.run(ctx, vec![(None, Plan::Write(bodies, record))])
    }

    fn give_up_rest(&mut self, ledger: &Ledger, failure: &Failure) {
        let rest: Vec<SampleId> =
            self.spec.items.iter().skip(self.record.outcomes.len()).map(|item| item.sample.clone()).collect();
        for sample in rest {
            let words = format!("not begun, because an item before it ended with: {failure}");
            let outcome = untouched(ledger, &sample, ItemStatus::Failed, Failure::new(failure.code, words));
            self.record.outcomes.push(outcome);
        }
    }

    /// Begins the next item, or ends those that need no motion.
    fn next_item(&mut self, ctx: &mut Context<'_>, report: &mut Report) -> Option<End> {
        let index = self.record.outcomes.len();
        let wanted = self.spec.items.get(index)?.clone();
        let sample = &wanted.sample;
        if let Some(halt) = self.halt {
            let failure = halt.failure(&format!("{sample} was not touched"));
            let outcome = untouched(ctx.ledger, sample, halt.status(), failure);
            return self.close(ctx, outcome, Vec::new());
        }
        match Outlook::now(ctx.ledger).admit(&wanted) {
            Ok(Admitted::AlreadyThere) => {
                let mut outcome =
                    untouched(ctx.ledger, sample, ItemStatus::AlreadyThere, Failure::new(Code::InDoubt, ""));
                outcome.error = None;
                return self.close(ctx, outcome, Vec::new());
            }
            Ok(Admitted::Move) => {}
            Err(failure) => return self.refuse(ctx, sample, failure, report),
        }
        let known = ctx.ledger.sample(sample)?;
        let at = known.whereabouts.known().cloned().or_else(|| wanted.source.clone());
        let tag = match wanted.expected_tag.map_or_else(|| ledger_tag(ctx.ledger, sample), Ok) {
            Ok(tag) => tag,
            Err(failure) => return self.refuse(ctx, sample, failure, report),
        };
        let order = Order {
            job: self.record.job_id.clone(),
            sample: sample.clone(),
            source: at.as_ref().and_then(slot_of).cloned(),
            target: wanted.target.clone(),
            tag,
            verify: self.spec.verify,
        };
        if let Err(failure) = hands_free(ctx, &order) {
            return self.refuse(ctx, sample, failure, report);
        }
        self.source = at;
        let item = ItemRun::new(order, &self.spec);
        let list = item.begin(&self.record.job_id);
        self.item = Some(item);
        self.run(ctx, list)
    }

    fn refuse(
        &mut self,
        ctx: &mut Context<'_>,
        sample: &SampleId,
        failure: Failure,
        report: &mut Report,
    ) -> Option<End> {
        report.notices.push((failure.code.level(), format!("{sample}: {failure}")));
        let outcome = untouched(ctx.ledger, sample, ItemStatus::Failed, failure);
        self.close(ctx, outcome, Vec::new())
    }

    /// Turns stages that have begun into feedback.
    fn tell(&mut self, ctx: &Context<'_>, report: &mut Report) {
        let count = self.spec.items.len() as f64;
        for started in std::mem::take(&mut self.runner.started) {
            let Some(item) = &self.item else { continue };
            self.record.phase = started.phase.unwrap_or(self.record.phase);
            let done = self.record.outcomes.len() as f64;
            self.progress = self.progress.max(((done + started.share) / count).clamp(0.0, 1.0));
            report.feedback.push(Feedback {
                phase: self.record.phase,
                sample_id: item.order().sample.clone(),
                custody: custody(ctx, item.order(), self.source.as_ref()),
                progress: self.progress,
                eta_s: started.left_s + (count - done - 1.0).max(0.0) * TRANSFER_S,
                message: started.what,
            });
        }
    }
}

impl Run for JobRun {
    fn record(&self) -> &JobRecord {
        &self.record
    }

    fn into_record(self: Box<Self>) -> JobRecord {
        self.record
    }

    fn items_left(&self) -> &[Item] {
        self.spec.moves().get(self.record.outcomes.len()..).unwrap_or_default()
    }

    fn next_wake(&self) -> Option<Stamp> {
        let deadline = self.deadline.filter(|_| self.halt.is_none());
        self.runner.next_wake().into_iter().chain(deadline).min()
    }

    fn take(&mut self, ctx: &mut Context<'_>, with: Stimulus<'_>) -> Report {
        match with {
            Stimulus::Begin => self.begin(ctx),
            Stimulus::Input(input) => self.on(ctx, input),
            Stimulus::Time => self.wake(ctx),
            Stimulus::Slip => self.slipped(ctx),
            Stimulus::Weak(failure) => self.weak(ctx, failure),
            Stimulus::Halt(halt) => self.halt(ctx, halt),
        }
    }

    fn abandon(&mut self, ledger: &Ledger, failure: &Failure) {
        if let Some(item) = self.item.take() {
            let mut outcome = item.outcome(ledger, 0);
            outcome.error = Some(failure.clone());
            if outcome.status == ItemStatus::Done {
                outcome.status = ItemStatus::Failed;
            }
            self.record.outcomes.push(outcome);
        }
        self.give_up_rest(ledger, failure);
        self.record.finish(None);
    }
}
/// Usual time of a whole transfer between stations, seconds: for the items that are yet to come.
pub const TRANSFER_S: f64 = 150.0;

/// The fingers and a place on the deck must be free for a sample before it is begun.
fn hands_free(ctx: &Context<'_>, order: &Order) -> Result<(), Failure> {
    let place = Place::Gripper;
    if let Some(other) = ctx.ledger.claimants(&place).find(|other| **other != order.sample) {
        let words = format!("the gripper holds, or may hold, {other}: move that first");
        return Err(Failure::new(Code::Busy, words));
    }
    let by_deck = !order.target.on_deck()
        && order.source.as_ref().is_none_or(|from| !from.on_deck() && from.station != order.target.station);
    if by_deck {
        let now = ctx.situation();
        free_deck_slot(&order.sample, now)?;
    }
    Ok(())
}

/// The outcome of a sample that a job did nothing to.
pub fn untouched(ledger: &Ledger, sample: &SampleId, status: ItemStatus, failure: Failure) -> ItemOutcome {
    let known = ledger.sample(sample);
    ItemOutcome {
        sample_id: sample.clone(),
        status,
        effect: Effect::None,
        location: known.map_or_else(String::new, |known| known.whereabouts.to_string()),
        evidence: Vec::new(),
        error: Some(failure),
        ledger_seq: 0,
    }
}

fn custody(ctx: &Context<'_>, order: &Order, source: Option<&Place>) -> Custody {
    let Some(known) = ctx.ledger.sample(&order.sample) else { return Custody::Unknown };
    if ctx.belief.grip.as_ref().is_some_and(|grip| grip.sample == order.sample) {
        return Custody::Gripper;
    }
    match known.whereabouts.known() {
        Some(place) if Some(place) == source => Custody::Source,
        Some(Place::Gripper) => Custody::Gripper,
        Some(Place::At(address)) if *address == order.target => Custody::Target,
        Some(Place::At(address)) if address.on_deck() => Custody::Deck,
        Some(Place::At(_) | Place::Nowhere) | None => Custody::Unknown,
    }
}
