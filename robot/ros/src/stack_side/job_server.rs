//! The actions by which jobs come. Behind them is the durable job store; a goal is a view of its job: several goals
//! may follow the same one, and each gets its result, also where the job has ended before the goal came.

use super::Shared;
use super::calls::Calls;
use crate::actions::{GoalDoor, OpenGoal};
use crate::convert::jobs::JobAction;
use crate::error::RosError;
use nightshift_core::JobId;
use nightshift_core::api::{JobEvent, JobResult, Reply, Request};
use nightshift_core::robot::CommandId;
use r2r::{ActionServerCancelRequest, Node};
use std::sync::Arc;

/// One of the actions.
pub trait Jobs {
    /// Takes goals and requests to cancel.
    fn poll(&mut self, calls: &mut Calls);
    /// An answer; false where it is none of this action's calls.
    fn answer(&mut self, id: CommandId, reply: &Reply, calls: &mut Calls) -> bool;
    /// News of a job.
    fn tell(&mut self, event: &JobEvent);
}

/// Serves one action.
pub struct JobServer<A: JobAction> {
    door: GoalDoor<A>,
    goals: Vec<Goal<A>>,
    shared: Arc<Shared>,
}

struct Goal<A: JobAction> {
    open: OpenGoal<A>,
    stage: Stage,
    /// Requests to cancel that came before the job was known.
    early_cancels: Vec<ActionServerCancelRequest>,
    cancels: Vec<(CommandId, ActionServerCancelRequest)>,
}

enum Stage {
    /// The call that submits it is under way.
    Submitted(CommandId),
    /// It follows its job. The call, while it is under way, asks whether the job has ended before.
    Follows(JobId, Option<CommandId>),
}

impl<A: JobAction> JobServer<A> {
    /// Announces the action.
    pub fn open(node: &mut Node, shared: Arc<Shared>) -> Result<Self, RosError> {
        Ok(Self { door: GoalDoor::open(node, A::NAME)?, goals: Vec::new(), shared })
    }

    fn submit(&mut self, open: OpenGoal<A>, calls: &mut Calls) {
        let request = A::request(open.goal());
        match calls.ask(Request::Submit(request.clone())) {
            Ok(id) => {
                let stage = Stage::Submitted(id);
                self.goals.push(Goal { open, stage, early_cancels: Vec::new(), cancels: Vec::new() });
            }
            Err(failure) => self.note(open.end(false, A::refusal(&request.job_id, &failure))),
        }
    }

    fn finish(&mut self, index: usize, success: bool, result: A::Result) {
        let goal = self.goals.remove(index);
        // Too late: r2r wants each to be answered.
        for request in
            goal.early_cancels.into_iter().chain(goal.cancels.into_iter().map(|(_, request)| request))
        {
            request.reject();
        }
        self.note(goal.open.end(success, result));
    }

    fn finish_all_of(&mut self, result: &JobResult) {
        let follows = |goal: &Goal<A>| matches!(&goal.stage, Stage::Follows(job, _) if *job == result.job_id);
        while let Some(index) = self.goals.iter().position(follows) {
            self.finish(index, result.success, A::result(result));
        }
    }

    fn submitted(&mut self, index: usize, reply: &Reply, calls: &mut Calls) {
        match reply {
            Reply::Submitted(Ok(job)) => {
                let ended_before = calls.ask(Request::GetJob { job_id: job.as_str().to_owned() });
                let goal = &mut self.goals[index];
                goal.stage = Stage::Follows(job.clone(), ended_before.ok());
                for request in std::mem::take(&mut goal.early_cancels) {
                    cancel(goal, job.clone(), request, calls);
                }
            }
            Reply::Submitted(Err(failure)) => {
                let refusal = A::refusal(&A::request(self.goals[index].open.goal()).job_id, failure);
                self.finish(index, false, refusal);
            }
            other => self.shared.health.unsent(A::NAME, format!("a submission was answered by {other:?}")),
        }
    }

    fn note(&self, sent: r2r::Result<()>) {
        if let Err(error) = sent {
            self.shared.health.unsent(A::NAME, error);
        }
    }
}

fn cancel<A: JobAction>(
    goal: &mut Goal<A>,
    job: JobId,
    request: ActionServerCancelRequest,
    calls: &mut Calls,
) {
    match calls.ask(Request::Cancel { job_id: job.as_str().to_owned() }) {
        Ok(id) => goal.cancels.push((id, request)),
        Err(_) => request.reject(),
    }
}

impl<A: JobAction> Jobs for JobServer<A> {
    fn poll(&mut self, calls: &mut Calls) {
        while let Some(arrival) = self.door.next() {
            self.shared.health.note(A::NAME, |health| health.received += 1);
            match arrival {
                Ok(open) => self.submit(open, calls),
                Err(problem) => self.shared.health.malformed(A::NAME, problem),
            }
        }
        for goal in &mut self.goals {
            while let Some(request) = goal.open.cancel_asked() {
                match &goal.stage {
                    Stage::Submitted(_) => goal.early_cancels.push(request),
                    Stage::Follows(job, _) => cancel(goal, job.clone(), request, calls),
                }
            }
        }
    }

    fn answer(&mut self, id: CommandId, reply: &Reply, calls: &mut Calls) -> bool {
        for index in 0..self.goals.len() {
            let goal = &mut self.goals[index];
            if let Some(at) = goal.cancels.iter().position(|(cancel, _)| *cancel == id) {
                let (_, request) = goal.cancels.remove(at);
                match reply {
                    Reply::Acknowledged(Ok(_)) => goal.open.accept_cancel(request),
                    _ => request.reject(),
                }
                return true;
            }
            match &mut goal.stage {
                Stage::Submitted(submit) if *submit == id => {
                    self.submitted(index, reply, calls);
                    return true;
                }
                Stage::Follows(_, ended_before) if *ended_before == Some(id) => {
                    *ended_before = None;
                    if let Reply::Job(Some(state)) = reply
                        && let Some(result) = &state.result
                    {
                        self.finish(index, result.success, A::result(result));
                    }
                    return true;
                }
                Stage::Submitted(_) | Stage::Follows(..) => {}
            }
        }
        false
    }

    fn tell(&mut self, event: &JobEvent) {
        match event {
            JobEvent::Feedback(job, feedback) => {
                for goal in &self.goals {
                    if matches!(&goal.stage, Stage::Follows(follows, _) if follows == job) {
                        self.note(goal.open.feedback(A::feedback(feedback)));
                    }
                }
            }
            JobEvent::Finished(result) => self.finish_all_of(result),
        }
    }
}
