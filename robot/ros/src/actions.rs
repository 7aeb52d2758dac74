//! Both ends of a ROS action, as plain objects that are looked at in turn.

use crate::clock::Stopwatch;
use crate::error::RosError;
use crate::node::{Arrivals, next};
use futures::future::FutureExt;
use nightshift_core::robot::CommandId;
use r2r::{
    ActionClient, ActionClientGoal, ActionServerCancelRequest, ActionServerGoal, ActionServerGoalRequest,
    GoalStatus, Node, WrappedActionTypeSupport,
};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

/// The serving end: takes goals in.
pub struct GoalDoor<T: WrappedActionTypeSupport> {
    requests: Arrivals<ActionServerGoalRequest<T>>,
    // Of all goals ever: rcl knows them all, too, since r2r lets none expire.
    seen: BTreeSet<[u8; 16]>,
}

impl<T: WrappedActionTypeSupport + 'static> GoalDoor<T> {
    /// Announces the action.
    pub fn open(node: &mut Node, name: &str) -> Result<Self, RosError> {
        let requests = node.create_action_server(name).map_err(RosError::middleware(name))?;
        Ok(Self { requests: Box::new(requests), seen: BTreeSet::new() })
    }

    /// Accepts the next goal that has arrived. A goal is never rejected for what it asks: a rejection carries no
    /// reason, an aborted goal's result does.
    ///
    /// Only a goal under an id that was used before is rejected: rcl gives no handle for it, and r2r would take the
    /// first goal's handle away for it. The first goes on, but its client can no longer cancel it by its action,
    /// since r2r has given its channel to the second by then: the error says so.
    pub fn next(&mut self) -> Option<Result<OpenGoal<T>, String>> {
        let request = next(&mut self.requests)?;
        let id = request.uuid;
        Some(if self.seen.insert(*id.as_bytes()) {
            match request.accept() {
                Ok((goal, cancels)) => Ok(OpenGoal { goal, cancels: Box::new(cancels), cancelling: false }),
                Err(error) => Err(format!("goal {id} was not accepted: {error}")),
            }
        } else {
            let rejected =
                request.reject().map_or_else(|error| error.to_string(), |()| "it is rejected".to_owned());
            Err(format!(
                "a second goal came under the id {id}: {rejected}; the first can no longer be cancelled by its client"
            ))
        })
    }
}

/// A goal that was accepted and has not ended.
pub struct OpenGoal<T: WrappedActionTypeSupport> {
    goal: ActionServerGoal<T>,
    cancels: Arrivals<ActionServerCancelRequest>,
    cancelling: bool,
}

impl<T: WrappedActionTypeSupport + 'static> OpenGoal<T> {
    /// What is asked for.
    pub fn goal(&self) -> &T::Goal {
        &self.goal.goal
    }

    /// The next request to cancel it. It must be accepted or rejected.
    pub fn cancel_asked(&mut self) -> Option<ActionServerCancelRequest> {
        next(&mut self.cancels)
    }

    /// From now on the goal is being cancelled.
    pub fn accept_cancel(&mut self, request: ActionServerCancelRequest) {
        request.accept();
        self.cancelling = true;
    }

    /// Tells how far it is.
    pub fn feedback(&self, feedback: T::Feedback) -> r2r::Result<()> {
        self.goal.publish_feedback(feedback)
    }

    /// Ends it. A goal that is being cancelled ends as cancelled whatever came of it, since r2r has given its handle
    /// away by then: its result says what came of it.
    pub fn end(mut self, success: bool, result: T::Result) -> r2r::Result<()> {
        match (self.cancelling, success) {
            (true, _) => self.goal.cancel(result),
            (false, true) => self.goal.succeed(result),
            (false, false) => self.goal.abort(result),
        }
    }
}

/// How long a server may take to take a goal.
const ANSWER: Duration = Duration::from_secs(3);

type Coming<V> = Pin<Box<dyn Future<Output = r2r::Result<V>>>>;
type ResultOf<T> = Coming<(GoalStatus, <T as WrappedActionTypeSupport>::Result)>;

/// The asking end: at most one goal at a time is of interest, a newer replaces it.
pub struct Caller<T: WrappedActionTypeSupport> {
    client: ActionClient<T>,
    available: Option<Coming<()>>,
    pending: Vec<Pending<T>>,
}

struct Pending<T: WrappedActionTypeSupport> {
    id: CommandId,
    stage: Stage<T>,
    cancel: Cancel,
}

enum Stage<T: WrappedActionTypeSupport> {
    Offered(Stopwatch, Coming<(ActionClientGoal<T>, ResultOf<T>)>),
    Taken(ActionClientGoal<T>, ResultOf<T>),
}

enum Cancel {
    No,
    Wanted,
    Asked(Coming<()>),
}

/// How a command by action ended.
pub enum Ended<R> {
    /// The server says so.
    Result(GoalStatus, R),
    /// It never came to that: words.
    Failed(String),
}

impl<T: WrappedActionTypeSupport + 'static> Caller<T> {
    /// A client of the action.
    pub fn open(node: &mut Node, name: &str) -> Result<Self, RosError> {
        let client = node.create_action_client(name).map_err(RosError::middleware(name))?;
        let available: Coming<()> =
            Box::pin(Node::is_available(&client).map_err(RosError::middleware(name))?);
        Ok(Self { client, available: Some(available), pending: Vec::new() })
    }

    /// Whether a server has been seen.
    pub fn is_served(&mut self) -> bool {
        if let Some(coming) = &mut self.available
            && coming.now_or_never().is_some()
        {
            self.available = None;
        }
        self.available.is_none()
    }

    /// Sends a goal. Where that fails at once, in words.
    pub fn call(&mut self, id: CommandId, goal: T::Goal) -> Result<(), String> {
        let offered = self.client.send_goal_request(goal).map_err(|error| error.to_string())?;
        // Feedback is not listened to.
        let offered = offered.map(|answer| {
            answer.map(|(goal, result, _feedback)| {
                let result: ResultOf<T> = Box::pin(result);
                (goal, result)
            })
        });
        let stage = Stage::Offered(Stopwatch::start(), Box::pin(offered));
        self.pending.push(Pending { id, stage, cancel: Cancel::No });
        Ok(())
    }

    /// Asks for the end of everything that is under way.
    pub fn cancel_all(&mut self) {
        for pending in &mut self.pending {
            if matches!(pending.cancel, Cancel::No) {
                pending.cancel = Cancel::Wanted;
            }
        }
    }

    /// What has ended since.
    pub fn poll(&mut self) -> Vec<(CommandId, Ended<T::Result>)> {
        let mut ended = Vec::new();
        self.pending = std::mem::take(&mut self.pending)
            .into_iter()
            .filter_map(|pending| match pending.go_on() {
                Progress::Open(pending) => Some(pending),
                Progress::Ended(id, how) => {
                    ended.push((id, how));
                    None
                }
            })
            .collect();
        ended
    }
}

enum Progress<T: WrappedActionTypeSupport> {
    Open(Pending<T>),
    Ended(CommandId, Ended<T::Result>),
}

impl<T: WrappedActionTypeSupport + 'static> Pending<T> {
    fn go_on(mut self) -> Progress<T> {
        if let Stage::Offered(since, coming) = &mut self.stage {
            match coming.now_or_never() {
                Some(Ok((goal, result))) => self.stage = Stage::Taken(goal, result),
                Some(Err(error)) => {
                    return Progress::Ended(self.id, Ended::Failed(format!("the goal was refused: {error}")));
                }
                None if since.elapsed() > ANSWER => {
                    let words = format!("no action server answered within {} s", ANSWER.as_secs());
                    return Progress::Ended(self.id, Ended::Failed(words));
                }
                None => {}
            }
        }
        if let Stage::Taken(goal, result) = &mut self.stage {
            match result.now_or_never() {
                Some(Ok((status, result))) => return Progress::Ended(self.id, Ended::Result(status, result)),
                Some(Err(error)) => {
                    return Progress::Ended(
                        self.id,
                        Ended::Failed(format!("the result did not come: {error}")),
                    );
                }
                None => {}
            }
            self.cancel = match self.cancel {
                Cancel::Wanted => match goal.cancel() {
                    Ok(coming) => Cancel::Asked(Box::pin(coming)),
                    // Asked again at the next turn.
                    Err(_) => Cancel::Wanted,
                },
                // A refused cancel is answered by the goal's own end.
                Cancel::Asked(mut coming) => match (&mut coming).now_or_never() {
                    Some(_) => Cancel::No,
                    None => Cancel::Asked(coming),
                },
                Cancel::No => Cancel::No,
            };
        }
        Progress::Open(self)
    }
}
