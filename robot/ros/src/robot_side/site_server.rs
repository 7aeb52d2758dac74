//! The simulated stations' services: what each instrument's driver serves in a real laboratory.

use super::RobotSideInput;
use crate::convert::sites;
use crate::error::RosError;
use crate::health::HealthBook;
use crate::inbox::Inbox;
use crate::names;
use crate::node::{Arrivals, next};
use nightshift_core::StationId;
use nightshift_core::handshake::SiteAnswer;
use r2r::nightshift_interfaces::srv::Handshake;
use r2r::{Node, QosProfile, ServiceRequest};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Serves them all.
pub struct SiteServer {
    requests: Vec<(StationId, Arrivals<ServiceRequest<Handshake::Service>>)>,
    open: BTreeMap<u64, (StationId, ServiceRequest<Handshake::Service>)>,
    last_id: u64,
    inbox: Arc<Inbox<RobotSideInput>>,
    health: Arc<HealthBook>,
}

impl SiteServer {
    /// Announces the services.
    pub fn open(
        node: &mut Node,
        stations: &[StationId],
        inbox: Arc<Inbox<RobotSideInput>>,
        health: Arc<HealthBook>,
    ) -> Result<Self, RosError> {
        let mut requests: Vec<(StationId, Arrivals<_>)> = Vec::new();
        for id in stations {
            let name = names::handshake(id);
            let arrivals = node.create_service::<Handshake::Service>(&name, QosProfile::services_default());
            requests.push((id.clone(), Box::new(arrivals.map_err(RosError::middleware(name))?)));
        }
        Ok(Self { requests, open: BTreeMap::new(), last_id: 0, inbox, health })
    }

    /// Takes requests. One that cannot be read is answered at once.
    pub fn poll(&mut self) {
        for (station, arrivals) in &mut self.requests {
            while let Some(request) = next(arrivals) {
                let name = names::handshake(station);
                let refusal = match sites::from_request(station, &request.message) {
                    Ok(call) => {
                        let id = self.last_id + 1;
                        match self.inbox.put(RobotSideInput::Site { id, call }) {
                            Ok(()) => {
                                self.last_id = id;
                                self.open.insert(id, (station.clone(), request));
                                continue;
                            }
                            Err(_) => "too many requests wait".to_owned(),
                        }
                    }
                    Err(problem) => {
                        let words = problem.to_string();
                        self.health.malformed(&name, problem);
                        words
                    }
                };
                let response = Handshake::Response {
                    verdict: "REFUSED".to_owned(),
                    seated: "UNKNOWN".to_owned(),
                    wait_s: -1.0,
                    message: refusal,
                    ..Handshake::Response::default()
                };
                if let Err(error) = request.respond(response) {
                    self.health.unsent(&name, error);
                }
            }
        }
    }

    /// The answer to one of them.
    pub fn answer(&mut self, id: u64, answer: &SiteAnswer) {
        let Some((station, request)) = self.open.remove(&id) else { return };
        if let Err(error) = request.respond(sites::to_response(answer)) {
            self.health.unsent(&names::handshake(&station), error);
        }
    }
}
