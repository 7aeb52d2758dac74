//! Names of things, typed so that one cannot stand for another.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the name as it is; what names are allowed is checked where they are read.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    )*};
}

names! {
    /// A station of the site, or the robot's own `deck`.
    StationId,
    /// A nest (rack, tray) of a station.
    NestId,
    /// A moving part of a station: door, tray, lid, carousel.
    PartId,
    /// A state of a station's machine.
    StateId,
    /// A slot of a nest: row letter and column number, `A1`.
    SlotId,
    /// One physical sample.
    SampleId,
    /// A job: the caller's own id (a ULID by convention).
    JobId,
    /// A labware type of the site's catalogue.
    LabwareType,
}

/// The station id under which the robot's own deck is addressed.
pub const DECK: &str = "deck";

/// Where a sample can stand: `station/nest/slot`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The station.
    pub station: StationId,
    /// The nest of that station.
    pub nest: NestId,
    /// The slot of that nest.
    pub slot: SlotId,
}

impl Address {
    /// An address from its three parts.
    pub fn new(station: &str, nest: &str, slot: &str) -> Self {
        Self { station: station.into(), nest: nest.into(), slot: slot.into() }
    }

    /// Whether this is a slot of the robot's own deck.
    pub fn on_deck(&self) -> bool {
        self.station.as_str() == DECK
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.station, self.nest, self.slot)
    }
}

/// Text that is not `station/nest/slot`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("address {0:?} is not of the form station/nest/slot, for instance storage/rack/A1")]
pub struct BadAddress(pub String);

impl FromStr for Address {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let word = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        };
        match text.split('/').collect::<Vec<_>>()[..] {
            [station, nest, slot] if word(station) && word(nest) && word(slot) => {
                Ok(Self::new(station, nest, slot))
            }
            _ => Err(BadAddress(text.to_owned())),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_and_nonsense_is_refused() {
        let address: Address = "storage/rack/A1".parse().unwrap();
        assert_eq!(address, Address::new("storage", "rack", "A1"));
        assert_eq!(address.to_string(), "storage/rack/A1");
        for bad in ["", "storage", "storage/rack", "a/b/c/d", "a//c", "a/b/c d", "a/b/\u{e9}"] {
            assert_eq!(bad.parse::<Address>(), Err(BadAddress(bad.to_owned())));
        }
    }
}
