//! The handshake with a station that has doors, trays, lids, carousels or programmes, as plain data.
//!
//! It follows SiLA 2's labware transfer (PrepareForInput, LabwareDelivered): the station is asked to get ready for a
//! hand, asked what its sensor says of the seat, and released when the hand is out. Each answer comes at once; what
//! takes time is begun, and the status tells how far it is.

use crate::ids::{NestId, PartId, SlotId, StateId, StationId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is asked of a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verb {
    /// Be ready for the hand, and stay so until it is released.
    Prepare,
    /// Tell what the seat's sensor says.
    Seated,
    /// The hand is out.
    Release,
    /// Tell how things are.
    Status,
}

/// What a hand is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Purpose {
    /// Put something down.
    Place,
    /// Take something away.
    Take,
    /// Only look.
    Look,
}

/// Where in a station a hand is going to be, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The nest.
    pub nest: NestId,
    /// Its slot.
    pub slot: SlotId,
    /// What for.
    pub purpose: Purpose,
}

/// One step of a handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteCall {
    /// Whom it goes to.
    pub station: StationId,
    /// What is asked.
    pub verb: Verb,
    /// Who asks: the same word from `Prepare` to `Release`, also after a restart.
    pub token: String,
    /// Of `Prepare` and `Seated`.
    pub reach: Option<Reach>,
}

/// What a station makes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// It is done, or begun.
    Ok,
    /// Not now.
    Busy,
    /// Not in this state of things.
    Interlock,
    /// Not this.
    Refused,
    /// It is broken down.
    Fault,
}

/// A station's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteAnswer {
    /// What it makes of the call.
    pub verdict: Verdict,
    /// Its state, by the name in its file.
    pub state: StateId,
    /// Whether the hand may reach in now.
    pub ready: bool,
    /// Of `Seated`: what the sensor says; none where there is none.
    pub seated: Option<bool>,
    /// The token that holds it.
    pub holder: Option<String>,
    /// Until it is ready, or no longer busy, seconds; none where the station does not know.
    pub wait_s: Option<f64>,
    /// Where its parts were measured, 0 to 1 over their travel; empty where they are not.
    pub parts: BTreeMap<PartId, f64>,
    /// Words for a person.
    pub message: String,
}
