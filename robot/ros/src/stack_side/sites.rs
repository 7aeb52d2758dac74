//! What the stack asks stations by: one service each.

use super::{Shared, StackSideInput};
use crate::clock::Stopwatch;
use crate::convert::sites;
use crate::error::RosError;
use crate::names;
use futures::FutureExt;
use nightshift_core::handshake::{SiteAnswer, SiteCall};
use nightshift_core::{Code, Failure, StationId};
use r2r::nightshift_interfaces::srv::Handshake;
use r2r::{Client, Node, QosProfile};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a station's driver may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

type Coming = Pin<Box<dyn Future<Output = r2r::Result<Handshake::Response>>>>;

/// The stations, to be asked.
pub struct Sites {
    clients: BTreeMap<StationId, Client<Handshake::Service>>,
    pending: Vec<Pending>,
    shared: Arc<Shared>,
}

struct Pending {
    id: u64,
    station: StationId,
    since: Stopwatch,
    coming: Coming,
}

impl Sites {
    /// Looks for the stations' services.
    pub fn open(node: &mut Node, stations: &[StationId], shared: Arc<Shared>) -> Result<Self, RosError> {
        let client = |id: &StationId| {
            let name = names::handshake(id);
            let client = node.create_client::<Handshake::Service>(&name, QosProfile::services_default());
            Ok((id.clone(), client.map_err(RosError::middleware(name))?))
        };
        let clients = stations.iter().map(client).collect::<Result<_, RosError>>()?;
        Ok(Self { clients, pending: Vec::new(), shared })
    }

    /// Asks. It is always answered, also where nobody is there.
    pub fn ask(&mut self, id: u64, call: &SiteCall) {
        let station = call.station.clone();
        let asked = match self.clients.get(&station) {
            Some(client) => client.request(&sites::to_request(call)).map_err(|error| error.to_string()),
            None => Err("the site's description gives it no handshake".to_owned()),
        };
        match asked {
            Ok(coming) => {
                let (since, coming): (_, Coming) = (Stopwatch::start(), Box::pin(coming));
                self.pending.push(Pending { id, station, since, coming });
            }
            Err(words) => self.tell(id, &station, Err(words)),
        }
    }

    /// Passes on what has been answered.
    pub fn poll(&mut self) {
        for mut pending in std::mem::take(&mut self.pending) {
            let answer = match (&mut pending.coming).now_or_never() {
                Some(Ok(response)) => sites::from_response(&response).map_err(|error| error.to_string()),
                Some(Err(error)) => Err(error.to_string()),
                None if pending.since.elapsed() > ANSWER => Err(format!(
                    "{} is not answered within {} s",
                    names::handshake(&pending.station),
                    ANSWER.as_secs()
                )),
                None => {
                    self.pending.push(pending);
                    continue;
                }
            };
            self.tell(pending.id, &pending.station, answer);
        }
    }

    /// In a slot of its own: there are no more answers than questions.
    fn tell(&self, id: u64, station: &StationId, answer: Result<SiteAnswer, String>) {
        let name = names::handshake(station);
        let answer = answer.map_err(|words| {
            self.shared.health.unsent(&name, &words);
            Failure::new(Code::SiteUnavailable, format!("{station}: {words}"))
        });
        self.shared.inbox.put_latest(&format!("{name} {id}"), StackSideInput::Site { id, answer });
    }
}
