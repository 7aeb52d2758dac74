//! The executive's side of the API: what each call is answered.

use crate::executive::{Active, Executive, Written};
use crate::item::Halt;
use crate::job::{JobRecord, Work};
use crate::job_run;
use crate::ledger::Body;
use crate::limits;
use crate::messages::SkillOutput;
use crate::run::Stimulus;
use crate::store::StoreRecord;
use crate::validate::{self, Outlook};
use nightshift_core::api::{Call, ItemStatus, JobEvent, JobRequest, Phase, Reply, Request};
use nightshift_core::robot::CommandId;
use nightshift_core::{Code, Failure, JobId, Outbox, SampleId, Stamp};
use nightshift_navigation::{NavCommand, NavInput};

impl Executive {
    pub(crate) fn call(&mut self, now: Stamp, call: Call, out: &mut Outbox<SkillOutput>) {
        let id = call.id;
        let reply = match call.request {
            Request::Submit(request) => match self.submit(now, id, request, out) {
                Ok(None) => return,
                Ok(Some(job)) => Reply::Submitted(Ok(job)),
                Err(failure) => Reply::Submitted(Err(failure)),
            },
            Request::Cancel { job_id } => Reply::Acknowledged(self.cancel(now, &JobId::new(job_id), out)),
            Request::GetJob { job_id } => {
                Reply::Job(self.record(&JobId::new(job_id)).map(|job| Box::new(job.state())))
            }
            Request::QueryLedger { sample_id } => {
                let only = (!sample_id.is_empty()).then(|| SampleId::new(sample_id));
                Reply::Ledger(self.core.ledger.lines(only.as_ref()))
            }
            Request::SetPassage { passage, closed, caller } => {
                match self.set_passage(now, id, passage, closed, caller, out) {
                    Ok(()) => return,
                    Err(failure) => Reply::Acknowledged(Err(failure)),
                }
            }
            Request::Resume { caller, note } => match self.resume(now, id, caller, note, out) {
                Ok(None) => return,
                Ok(Some(words)) => Reply::Acknowledged(Ok(words)),
                Err(failure) => Reply::Acknowledged(Err(failure)),
            },
        };
        out.push(SkillOutput::Answer { id, reply });
    }

    fn record(&self, id: &JobId) -> Option<&JobRecord> {
        match &self.active {
            Active::Job(run) if run.record().job_id == *id => Some(run.record()),
            _ => self.jobs.get(id),
        }
    }

    /// The job's id where it can be answered at once, none where it is answered once the job is on disk.
    fn submit(
        &mut self,
        now: Stamp,
        call: CommandId,
        request: JobRequest,
        out: &mut Outbox<SkillOutput>,
    ) -> Result<Option<JobId>, Failure> {
        let job_id = JobId::new(&request.job_id);
        if let Some(known) = self.record(&job_id) {
            if known.request != request {
                let words = format!("job {job_id} was submitted before with another request");
                return Err(Failure::new(Code::JobConflict, words));
            }
            let result = known.result.clone();
            out.push(SkillOutput::Answer { id: call, reply: Reply::Submitted(Ok(job_id)) });
            out.extend(result.map(|result| SkillOutput::Event(JobEvent::Finished(result))));
            return Ok(None);
        }
        for pending in self.writing.values_mut() {
            if let Written::Accepted { calls, job, .. } = pending
                && job.job_id == job_id
            {
                if job.request != request {
                    let words = format!("job {job_id} was submitted before with another request");
                    return Err(Failure::new(Code::JobConflict, words));
                }
                calls.push(call);
                return Ok(None);
            }
        }
        let work = validate::read(&self.core.world, &self.core.ledger, &request)?;
        if let Some(failure) = self.dead.as_ref().or(self.halted.as_ref()) {
            return Err(failure.clone());
        }
        if !matches!(work, Work::Charge(_)) && !request.dry_run {
            self.check_battery()?;
        }
        let accepting = self.writing.values().filter(|w| matches!(w, Written::Accepted { .. })).count();
        if self.queue.len() + accepting >= limits::QUEUE {
            let words = format!("{} jobs wait already, which is the most", limits::QUEUE);
            return Err(Failure::new(Code::Busy, words));
        }
        if let Work::Move(spec) = &work {
            self.outlook().admit_all(spec)?;
        }
        let job = JobRecord {
            job_id,
            request,
            accepted: now,
            phase: Phase::Accepted,
            outcomes: Vec::new(),
            result: None,
            seen: Vec::new(),
            unseen: Vec::new(),
        };
        let records = vec![StoreRecord::Job(job.clone())];
        self.store(records, Written::Accepted { calls: vec![call], job: Box::new(job), work }, out);
        Ok(None)
    }

    /// Whether the battery has enough left to begin a job.
    fn check_battery(&self) -> Result<(), Failure> {
        let Some((battery, known)) = self.core.belief.battery.zip(self.core.world.robot.battery) else {
            return Ok(());
        };
        if battery.charge >= known.low {
            return Ok(());
        }
        let words = format!(
            "the battery has {:.0} % left, and jobs are begun from {:.0} % on",
            100.0 * battery.charge,
            100.0 * known.low
        );
        Err(Failure::new(Code::BatteryLow, words))
    }

    /// Where samples will be once all that was taken on is done.
    fn outlook(&self) -> Outlook {
        let mut outlook = Outlook::now(&self.core.ledger);
        if let Active::Job(run) = &self.active {
            outlook.after(run.items_left());
        }
        self.queue.iter().for_each(|(_, work)| outlook.after(work.moves()));
        for pending in self.writing.values() {
            if let Written::Accepted { work, .. } = pending {
                outlook.after(work.moves());
            }
        }
        outlook
    }

    fn cancel(&mut self, now: Stamp, id: &JobId, out: &mut Outbox<SkillOutput>) -> Result<String, Failure> {
        let unknown = || Failure::new(Code::UnknownJob, format!("there is no job {id}"));
        if let Active::Job(run) = &self.active
            && run.record().job_id == *id
        {
            self.step(now, Stimulus::Halt(Halt::Cancelled), out);
            return Ok(format!("job {id} ends as soon as its sample is at a safe place"));
        }
        if let Some(index) = self.queue.iter().position(|(queued, _)| queued == id) {
            self.queue.remove(index);
            let job = self.jobs.get_mut(id).ok_or_else(unknown)?;
            for item in job.request.items.clone() {
                let sample = SampleId::new(item.sample_id);
                let failure = Halt::Cancelled.failure(&format!("{sample} was not touched"));
                job.outcomes.push(job_run::untouched(
                    &self.core.ledger,
                    &sample,
                    ItemStatus::Cancelled,
                    failure,
                ));
            }
            job.finish(Some(Halt::Cancelled.failure("it was not begun")));
            let records = vec![StoreRecord::Job(job.clone())];
            self.store(records, Written::Ended(id.clone()), out);
            return Ok(format!("job {id} was not begun and is off the list"));
        }
        match self.record(id) {
            Some(_) => Ok(format!("job {id} has ended already")),
            None => Err(unknown()),
        }
    }

    fn resume(
        &mut self,
        now: Stamp,
        call: CommandId,
        caller: String,
        note: String,
        out: &mut Outbox<SkillOutput>,
    ) -> Result<Option<String>, Failure> {
        if caller.trim().is_empty() {
            return Err(Failure::new(
                Code::MalformedRequest,
                "caller is empty: an acknowledgement has a name",
            ));
        }
        if let Some(failure) = &self.dead {
            return Err(failure.clone());
        }
        if self.halted.is_none() {
            return Ok(Some("nothing waits for it: the robot may move".into()));
        }
        let entries = self.core.ledger.draft(now, vec![Body::Acknowledged { caller, note }])?;
        for entry in &entries {
            self.core.ledger.apply(entry)?;
        }
        let records = entries.into_iter().map(StoreRecord::Ledger).collect();
        self.store(records, Written::Acknowledged { call }, out);
        Ok(None)
    }

    /// Closes a passage at once, or opens it once that is on disk: what was closed before a restart stays closed after it.
    fn set_passage(
        &mut self,
        now: Stamp,
        call: CommandId,
        passage: String,
        closed: bool,
        caller: String,
        out: &mut Outbox<SkillOutput>,
    ) -> Result<(), Failure> {
        if caller.trim().is_empty() {
            let words = "caller is empty: whoever closes or opens a passage has a name";
            return Err(Failure::new(Code::MalformedRequest, words));
        }
        let known: Vec<&str> = self.core.world.site.passages().collect();
        if !known.contains(&passage.as_str()) {
            let words = format!(
                "the site has no passage {passage:?}; it has {known:?} (zones of kind passage in site.toml)"
            );
            return Err(Failure::new(Code::MalformedRequest, words));
        }
        let command = NavCommand::SetPassage { passage: passage.clone(), closed };
        if closed {
            out.push(SkillOutput::Navigation(NavInput::Command(command)));
        }
        if let Some(failure) = &self.dead {
            let words = if closed {
                "closed as long as this stack runs, and not written down"
            } else {
                "left closed"
            };
            return Err(Failure::new(failure.code, format!("{passage} is {words}: {}", failure.message)));
        }
        let body = Body::PassageSet { passage: passage.clone(), closed, caller };
        let entries = self.core.ledger.draft(now, vec![body])?;
        for entry in &entries {
            self.core.ledger.apply(entry)?;
        }
        let records = entries.into_iter().map(StoreRecord::Ledger).collect();
        self.store(records, Written::PassageSet { call, passage, closed }, out);
        Ok(())
    }
}
