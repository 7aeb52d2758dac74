//! The services by which jobs and samples are asked about, ended, a restart is acknowledged, and passages are closed.

use super::Shared;
use super::calls::Calls;
use crate::convert::{jobs, text};
use crate::error::RosError;
use crate::names;
use crate::node::{Arrivals, next};
use nightshift_core::Failure;
use nightshift_core::api::{Reply, Request};
use nightshift_core::robot::CommandId;
use r2r::nightshift_interfaces::srv::{Cancel, GetJob, QueryLedger, Resume, SetPassage};
use r2r::{Node, QosProfile, ServiceRequest, WrappedServiceTypeSupport};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Serves all five.
pub struct Services {
    get_job: Arrivals<ServiceRequest<GetJob::Service>>,
    query_ledger: Arrivals<ServiceRequest<QueryLedger::Service>>,
    resume: Arrivals<ServiceRequest<Resume::Service>>,
    cancel: Arrivals<ServiceRequest<Cancel::Service>>,
    set_passage: Arrivals<ServiceRequest<SetPassage::Service>>,
    open: BTreeMap<CommandId, Open>,
    shared: Arc<Shared>,
}

enum Open {
    GetJob(ServiceRequest<GetJob::Service>),
    QueryLedger(ServiceRequest<QueryLedger::Service>),
    Resume(ServiceRequest<Resume::Service>),
    Cancel(ServiceRequest<Cancel::Service>),
    SetPassage(ServiceRequest<SetPassage::Service>),
}

impl Services {
    /// Announces the services.
    pub fn open(node: &mut Node, shared: Arc<Shared>) -> Result<Self, RosError> {
        Ok(Self {
            get_job: serve(node, names::GET_JOB)?,
            query_ledger: serve(node, names::QUERY_LEDGER)?,
            resume: serve(node, names::RESUME)?,
            cancel: serve(node, names::CANCEL)?,
            set_passage: serve(node, names::SET_PASSAGE)?,
            open: BTreeMap::new(),
            shared,
        })
    }

    /// Takes requests.
    pub fn poll(&mut self, calls: &mut Calls) {
        while let Some(request) = next(&mut self.get_job) {
            let call = Request::GetJob { job_id: request.message.job_id.clone() };
            self.ask(call, Open::GetJob(request), calls);
        }
        while let Some(request) = next(&mut self.query_ledger) {
            let call = Request::QueryLedger { sample_id: request.message.sample_id.clone() };
            self.ask(call, Open::QueryLedger(request), calls);
        }
        while let Some(request) = next(&mut self.resume) {
            let (caller, note) = (request.message.caller.clone(), request.message.note.clone());
            self.ask(Request::Resume { caller, note }, Open::Resume(request), calls);
        }
        while let Some(request) = next(&mut self.cancel) {
            let call = Request::Cancel { job_id: request.message.job_id.clone() };
            self.ask(call, Open::Cancel(request), calls);
        }
        while let Some(request) = next(&mut self.set_passage) {
            let asked = &request.message;
            let call = Request::SetPassage {
                passage: asked.passage.clone(),
                closed: asked.closed,
                caller: asked.caller.clone(),
            };
            self.ask(call, Open::SetPassage(request), calls);
        }
    }

    /// An answer to one of them.
    pub fn answer(&mut self, id: CommandId, reply: Reply) {
        let Some(open) = self.open.remove(&id) else {
            return self
                .shared
                .health
                .unsent("calls", format!("an answer to call {}, which nobody made", id.0));
        };
        let sent = match (open, reply) {
            (Open::GetJob(request), Reply::Job(state)) => request.respond(jobs::to_job(state.as_deref())),
            (Open::QueryLedger(request), Reply::Ledger(lines)) => request.respond(jobs::to_ledger(&lines)),
            (Open::Resume(request), Reply::Acknowledged(said)) => {
                let (accepted, message) = acknowledged(said);
                request.respond(Resume::Response { accepted, message })
            }
            (Open::Cancel(request), Reply::Acknowledged(said)) => {
                let (accepted, message) = acknowledged(said);
                request.respond(Cancel::Response { accepted, message })
            }
            (Open::SetPassage(request), Reply::Acknowledged(said)) => {
                let (accepted, message) = acknowledged(said);
                request.respond(SetPassage::Response { accepted, message })
            }
            (open, reply) => refuse(open, &format!("the stack answered with something else: {reply:?}")),
        };
        self.note(sent);
    }

    fn ask(&mut self, call: Request, open: Open, calls: &mut Calls) {
        match calls.ask(call) {
            Ok(id) => {
                self.open.insert(id, open);
            }
            Err(failure) => self.note(refuse(open, &failure.to_string())),
        }
    }

    fn note(&self, sent: r2r::Result<()>) {
        if let Err(error) = sent {
            self.shared.health.unsent("calls", error);
        }
    }
}

fn serve<S: WrappedServiceTypeSupport + 'static>(
    node: &mut Node,
    name: &str,
) -> Result<Arrivals<ServiceRequest<S>>, RosError> {
    let requests = node.create_service(name, QosProfile::services_default());
    Ok(Box::new(requests.map_err(RosError::middleware(name))?))
}

fn acknowledged(said: Result<String, Failure>) -> (bool, String) {
    match said {
        Ok(words) => (true, text(words)),
        Err(failure) => (false, text(failure.to_string())),
    }
}

/// Answers a request that could not be served. Where the response has no words, it is empty.
fn refuse(open: Open, words: &str) -> r2r::Result<()> {
    let message = text(words);
    match open {
        Open::GetJob(request) => request.respond(GetJob::Response::default()),
        Open::QueryLedger(request) => request.respond(QueryLedger::Response::default()),
        Open::Resume(request) => request.respond(Resume::Response { accepted: false, message }),
        Open::Cancel(request) => request.respond(Cancel::Response { accepted: false, message }),
        Open::SetPassage(request) => request.respond(SetPassage::Response { accepted: false, message }),
    }
}
