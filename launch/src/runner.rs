//! Runs a scenario in lockstep and says how it went.

use crate::clock::Stopwatch;
use crate::files::Lab;
use crate::judge::Judge;
use crate::lockstep::{Lockstep, StartError, Step};
use crate::scenario::{Expect, Scenario};
use crate::stack::{StackInput, StackOutput};
use nightshift_core::api::{Call, ItemStatus, JobEvent, JobResult, Phase, Reply, Request};
use nightshift_core::random::Seed;
use nightshift_core::record::Sink;
use nightshift_core::robot::CommandId;
use nightshift_sim::SimConfig;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// How a scenario went: the one object that `nightshift scenario --json` prints.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// `success`, or `failure` where anything stands in `violations`.
    pub outcome: &'static str,
    /// The seed it ran with.
    pub seed: u64,
    /// Samples that were brought to their targets.
    pub transfers: usize,
    /// Simulated seconds.
    pub sim_time_s: f64,
    /// Wall-clock seconds.
    pub wall_time_s: f64,
    /// Over everything that the stack was told and answered.
    pub journal_hash: String,
    /// What must not happen and did.
    pub violations: Vec<String>,
    /// How each job ended.
    pub jobs: Vec<JobResult>,
}

/// Runs a scenario with a seed, as often as it asks for.
pub fn run<S: Sink>(
    lab: &Lab,
    scenario: &Scenario,
    seed: u64,
    album: Option<&Path>,
    mut sink: impl FnMut() -> S,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Verdict, StartError> {
    let watch = Stopwatch::start();
    let cancels: Vec<Option<Phase>> = if scenario.cancel_at_each.is_empty() {
        vec![None]
    } else {
        scenario.cancel_at_each.iter().copied().map(Some).collect()
    };
    let mut hashes = Sha256::new();
    let (mut transfers, mut sim_time_s) = (0, 0.0);
    let (mut violations, mut jobs, mut hash) = (Vec::new(), Vec::new(), String::new());
    for cancel in &cancels {
        let part = Part::run(lab, scenario, seed, *cancel, album, sink(), progress)?;
        let name = cancel.map(|phase| format!("cancel at {}: ", phase.name())).unwrap_or_default();
        violations.extend(part.violations.iter().map(|violation| format!("{name}{violation}")));
        let done = part.jobs.iter().flat_map(|job| &job.outcomes);
        transfers += done.filter(|outcome| outcome.status == ItemStatus::Done).count();
        sim_time_s += part.sim_time_s;
        hashes.update(&part.hash);
        hash = part.hash;
        jobs.extend(part.jobs);
    }
    if cancels.len() > 1 {
        hash = crate::effects::hex(&hashes.finalize());
    }
    Ok(Verdict {
        outcome: if violations.is_empty() { "success" } else { "failure" },
        seed,
        transfers,
        sim_time_s,
        wall_time_s: watch.elapsed().as_secs_f64(),
        journal_hash: hash,
        violations,
        jobs,
    })
}

/// One run from the start of a night to the end of its jobs.
struct Part {
    sim_time_s: f64,
    hash: String,
    violations: Vec<String>,
    jobs: Vec<JobResult>,
}

/// The ids under which the scenario calls.
const LEDGER_CALL: CommandId = CommandId(1_000_000);
const CANCEL_CALL: CommandId = CommandId(1_000_001);
/// Simulated seconds that the laboratory goes on after the last job, so that what was let go can come to rest.
const SETTLING_S: f64 = 1.0;

impl Part {
    fn run<S: Sink>(
        lab: &Lab,
        scenario: &Scenario,
        seed: u64,
        cancel: Option<Phase>,
        album: Option<&Path>,
        sink: S,
        progress: &mut dyn FnMut(&str, f64),
    ) -> Result<Self, StartError> {
        let config = SimConfig { seed: Seed(seed), start: None };
        let mut lockstep = Lockstep::new(lab, config, album, sink)?;
        lockstep.world.see_by(scenario.camera);
        lockstep.world.let_in(scenario.people, Seed(seed))?;
        for planned in &scenario.faults {
            lockstep.plan(planned.clone())?;
        }
        let mut judge = Judge::new(&lab.site, &lab.robot);
        let mut script = Script::new(scenario, cancel);
        let mut over_at = None;
        loop {
            let mut step = lockstep.step();
            let now = lockstep.world.now().seconds();
            if step.restarted {
                script.send_again(&judge.results);
            }
            for input in script.due(now, &step) {
                step.outputs.extend(lockstep.tell(input));
            }
            script.follow(now, &step, progress);
            judge.watch(&mut lockstep.world, &step);
            if over_at.is_none() && judge.results.len() == scenario.jobs.len() {
                over_at = Some(now + SETTLING_S);
            }
            if over_at.is_some_and(|over| now >= over) || now >= scenario.time_limit_s {
                break;
            }
        }
        let ledger = ledger(&mut lockstep);
        // A cancelled run leaves its samples elsewhere than the scenario's own end.
        let expect = if cancel.is_some() { Expect::default() } else { scenario.expect.clone() };
        let sim_time_s = lockstep.world.now().seconds();
        let (mut violations, jobs) =
            judge.close(&lockstep.world.truth(), &ledger, &expect, scenario.jobs.len());
        if let Some(phase) = cancel {
            check_cancelled(phase, script.cancelled, &jobs, &mut violations);
        }
        Ok(Self { sim_time_s, hash: lockstep.journal_hash(), violations, jobs })
    }
}

fn check_cancelled(phase: Phase, cancelled: bool, jobs: &[JobResult], violations: &mut Vec<String>) {
    if !cancelled {
        violations.push(format!("the job never came to {}", phase.name()));
    }
    for outcome in jobs.iter().flat_map(|job| &job.outcomes) {
        // In the last moments the sample may be placed before the cancel is heard: then it is done.
        let ended = matches!(outcome.status, ItemStatus::Cancelled | ItemStatus::Done);
        if !ended {
            violations.push(format!("{} ended {:?}", outcome.sample_id, outcome.status));
        }
        if outcome.location.split('/').count() != 3 {
            violations.push(format!("{} was left at {:?}", outcome.sample_id, outcome.location));
        }
    }
}

/// The ledger's word on every sample.
pub fn ledger<S: Sink>(lockstep: &mut Lockstep<S>) -> BTreeMap<String, String> {
    let request = Request::QueryLedger { sample_id: String::new() };
    let outputs = lockstep.tell(StackInput::Call(Call { id: LEDGER_CALL, request }));
    let lines = outputs.into_iter().find_map(|output| match output {
        StackOutput::Answer { id: LEDGER_CALL, reply: Reply::Ledger(lines) } => Some(lines),
        _ => None,
    });
    let lines = lines.into_iter().flatten();
    lines.map(|line| (line.sample_id.as_str().to_owned(), line.location)).collect()
}

/// What is still to come of a scenario.
struct Script<'a> {
    scenario: &'a Scenario,
    cancel: Option<Phase>,
    cancelled: bool,
    sent: Vec<bool>,
    entered: BTreeMap<Phase, f64>,
}

impl<'a> Script<'a> {
    fn new(scenario: &'a Scenario, cancel: Option<Phase>) -> Self {
        Self {
            scenario,
            cancel,
            cancelled: false,
            sent: vec![false; scenario.jobs.len()],
            entered: BTreeMap::new(),
        }
    }

    fn due(&mut self, now: f64, step: &Step) -> Vec<StackInput> {
        self.note_phases(now, &step.outputs);
        let mut acts = Vec::new();
        for (index, job) in self.scenario.jobs.iter().enumerate() {
            if !self.sent[index] && now >= job.at_s {
                self.sent[index] = true;
                let request = Request::Submit(self.scenario.request(index));
                let call = Call { id: CommandId(index as u64 + 1), request };
                acts.push(StackInput::Call(call));
            }
        }
        if let Some(phase) = self.cancel
            && !self.cancelled
            && self.entered.contains_key(&phase)
        {
            self.cancelled = true;
            let request = Request::Cancel { job_id: self.scenario.request(0).job_id };
            acts.push(StackInput::Call(Call { id: CANCEL_CALL, request }));
        }
        acts
    }

    /// The stack was started anew: what has not ended is asked again under its old id, as a planner would.
    fn send_again(&mut self, ended: &[JobResult]) {
        for (index, sent) in self.sent.iter_mut().enumerate() {
            let id = self.scenario.request(index).job_id;
            *sent = ended.iter().any(|result| result.job_id.as_str() == id);
        }
    }

    fn follow(&mut self, now: f64, step: &Step, progress: &mut dyn FnMut(&str, f64)) {
        self.note_phases(now, &step.outputs);
        for output in &step.outputs {
            match output {
                StackOutput::Event(JobEvent::Feedback(job, feedback)) => {
                    progress(
                        &format!(
                            "{job} {} {}: {}",
                            feedback.sample_id,
                            feedback.phase.name(),
                            feedback.message
                        ),
                        now,
                    );
                }
                StackOutput::Event(JobEvent::Finished(result)) => {
                    let end = result.error.as_ref().map_or("done".to_owned(), ToString::to_string);
                    progress(&format!("{}: {end}", result.job_id), now);
                }
                StackOutput::Notice { level, message } => progress(&format!("{level}: {message}"), now),
                _ => {}
            }
        }
    }

    fn note_phases(&mut self, now: f64, outputs: &[StackOutput]) {
        for output in outputs {
            if let StackOutput::Event(JobEvent::Feedback(_, feedback)) = output {
                self.entered.entry(feedback.phase).or_insert(now);
            }
        }
    }
}
