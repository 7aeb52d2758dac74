//! Whether a charger feeds the battery, and what is tried where it does not.

use crate::control::Miss;
use nightshift_core::time::Stamp;
use nightshift_core::{Code, Failure};

/// A charger that feeds says so within this, seconds: batteries tell once a second, chargers look for a battery first.
const FED_S: f64 = 4.0;
/// A battery that has said nothing for so long is not known, seconds.
const SILENT_S: f64 = 10.0;
/// Moves on the contacts before the base comes in anew from the staging pose: they rub off what lies on them.
const MOVES: u32 = 2;
/// A move on the contacts: so far back, and in again, metres.
pub const BACK_M: f64 = 0.02;

/// What the battery has told while the base docks at a charger.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    told: Option<(Stamp, bool)>,
    moves: u32,
}

/// What to do in the dock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It may be fed yet.
    Wait,
    /// It is.
    Fed,
    /// Move on the contacts.
    Move,
    /// Come in anew, or give up.
    Again,
}

impl Contact {
    /// The battery has told.
    pub fn told(&mut self, stamp: Stamp, charging: bool) {
        self.told = Some((stamp, charging));
    }

    /// For a base that has stood on the contacts since then.
    pub fn next(&mut self, now: Stamp, since: Stamp) -> Next {
        if self.told.is_some_and(|(stamp, charging)| charging && stamp > since) {
            return Next::Fed;
        }
        if now.since(since) <= FED_S {
            return Next::Wait;
        }
        self.moves += 1;
        if self.moves <= MOVES {
            return Next::Move;
        }
        self.moves = 0;
        Next::Again
    }

    /// Why it gives up, so far from the docked pose.
    pub fn failure(&self, dock: &str, miss: &Miss, now: Stamp, tries: u32) -> Failure {
        let stands = format!(
            "{dock}: the base stands {:.1} mm and {:.2} deg from the docked pose",
            miss.distance_m * 1e3,
            miss.turn_rad.to_degrees()
        );
        match self.told {
            Some((stamp, _)) if now.since(stamp) <= SILENT_S => {
                let words = format!(
                    "{stands}, and the battery is not fed: after {tries} tries from the staging pose, each with {MOVES} moves on \
                     the contacts"
                );
                Failure::new(Code::NotCharging, words)
            }
            _ => {
                let words = format!(
                    "{stands}; whether it charges is not known: the battery has told nothing for {SILENT_S:.0} s"
                );
                Failure::new(Code::SensorStale, words)
            }
        }
    }
}
