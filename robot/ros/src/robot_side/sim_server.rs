//! The services by which a running simulator is held, stepped, set back and made to fail. No real robot has them.

use super::RobotSideInput;
use crate::convert::text;
use crate::error::RosError;
use crate::health::HealthBook;
use crate::inbox::Inbox;
use crate::names;
use crate::node::{Arrivals, next};
use r2r::rcl_interfaces::msg::SetParametersResult;
use r2r::rcl_interfaces::srv::SetParameters;
use r2r::std_srvs::srv::{SetBool, Trigger};
use r2r::{Node, QosProfile, ServiceRequest, WrappedServiceTypeSupport};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `rcl_interfaces/msg/ParameterType`: a string.
const STRING: u8 = 4;

/// What the graph asks of a simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimRequest {
    /// Stand still, or go on.
    Pause(bool),
    /// Go on by one step, and stand still.
    Step,
    /// Be as at the start.
    Reset,
    /// Keep the present state.
    Snapshot,
    /// Be as it was kept.
    Restore,
    /// Have these faults, as they were written.
    Faults(Vec<String>),
}

/// Serves them all.
pub struct SimServer {
    pause: Arrivals<ServiceRequest<SetBool::Service>>,
    triggers: [(SimRequest, Arrivals<ServiceRequest<Trigger::Service>>); 4],
    faults: Arrivals<ServiceRequest<SetParameters::Service>>,
    open: BTreeMap<u64, Open>,
    last_id: u64,
    inbox: Arc<Inbox<RobotSideInput>>,
    health: Arc<HealthBook>,
}

enum Open {
    Pause(ServiceRequest<SetBool::Service>),
    Trigger(ServiceRequest<Trigger::Service>),
    Faults(ServiceRequest<SetParameters::Service>),
}

impl SimServer {
    /// Announces the services.
    pub fn open(
        node: &mut Node,
        inbox: Arc<Inbox<RobotSideInput>>,
        health: Arc<HealthBook>,
    ) -> Result<Self, RosError> {
        Ok(Self {
            pause: serve(node, names::SIM_PAUSE)?,
            triggers: [
                (SimRequest::Step, serve(node, names::SIM_STEP)?),
                (SimRequest::Reset, serve(node, names::SIM_RESET)?),
                (SimRequest::Snapshot, serve(node, names::SIM_SNAPSHOT)?),
                (SimRequest::Restore, serve(node, names::SIM_RESTORE)?),
            ],
            faults: serve(node, names::INJECT_FAULTS)?,
            open: BTreeMap::new(),
            last_id: 0,
            inbox,
            health,
        })
    }

    /// Takes requests. One that cannot be read, or is one too many, is answered at once.
    pub fn poll(&mut self) {
        while let Some(request) = next(&mut self.pause) {
            self.ask(SimRequest::Pause(request.message.data), Open::Pause(request));
        }
        for index in 0..self.triggers.len() {
            while let Some(request) = next(&mut self.triggers[index].1) {
                self.ask(self.triggers[index].0.clone(), Open::Trigger(request));
            }
        }
        while let Some(request) = next(&mut self.faults) {
            let texts = request.message.parameters.iter().map(|parameter| {
                let value = &parameter.value;
                (parameter.name == "fault" && value.type_ == STRING).then(|| value.string_value.clone())
            });
            match texts.collect::<Option<Vec<String>>>() {
                Some(texts) => self.ask(SimRequest::Faults(texts), Open::Faults(request)),
                None => {
                    let words = "no fault of this call was taken: each parameter must be named `fault` and be a string";
                    self.health.malformed(names::INJECT_FAULTS, words);
                    self.respond(Open::Faults(request), &[Err(words.to_owned())]);
                }
            }
        }
    }

    fn ask(&mut self, asked: SimRequest, open: Open) {
        let id = self.last_id + 1;
        if self.inbox.put(RobotSideInput::Sim { id, request: asked }).is_err() {
            return self.respond(open, &[Err("too many requests wait for the simulator".to_owned())]);
        }
        self.last_id = id;
        self.open.insert(id, open);
    }

    /// The answer to one of them: one result, or one a fault.
    pub fn answer(&mut self, id: u64, results: &[Result<String, String>]) {
        if let Some(open) = self.open.remove(&id) {
            self.respond(open, results);
        }
    }

    fn respond(&self, open: Open, results: &[Result<String, String>]) {
        let all_well = results.iter().all(Result::is_ok);
        let words: Vec<&str> =
            results.iter().map(|result| result.as_ref().unwrap_or_else(|e| e).as_str()).collect();
        let message = text(words.join("; "));
        let (name, sent) = match open {
            Open::Pause(request) => {
                (names::SIM_PAUSE, request.respond(SetBool::Response { success: all_well, message }))
            }
            Open::Trigger(request) => {
                ("/nightshift_sim", request.respond(Trigger::Response { success: all_well, message }))
            }
            Open::Faults(request) => {
                // A call that was refused as a whole has one answer for all.
                let each = (0..request.message.parameters.len()).filter_map(|index| {
                    let result = results.get(index).or(results.first())?;
                    let reason = text(result.as_ref().unwrap_or_else(|e| e));
                    Some(SetParametersResult { successful: result.is_ok(), reason })
                });
                let results = each.collect();
                (names::INJECT_FAULTS, request.respond(SetParameters::Response { results }))
            }
        };
        if let Err(error) = sent {
            self.health.unsent(name, error);
        }
    }
}

fn serve<T: WrappedServiceTypeSupport + 'static>(
    node: &mut Node,
    name: &str,
) -> Result<Arrivals<ServiceRequest<T>>, RosError> {
    let requests = node.create_service::<T>(name, QosProfile::services_default());
    Ok(Box::new(requests.map_err(RosError::middleware(name))?))
}
