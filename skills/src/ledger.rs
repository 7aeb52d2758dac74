//! The sample ledger: where every sample is, as a chain of entries that is only ever appended to.
//!
//! Double entry in two phases. A transfer is *reserved* (source to target), moved in legs (source to gripper,
//! gripper to deck slot, ...), and then *posted* or *voided*. A leg is *begun* before the fingers act, from when on
//! the sample may be at either end, and *settled* by what was measured or seen. Nothing here is settled by a timer:
//! physical doubt does not expire.

use crate::chain::{Entry, Head};
use nightshift_core::api::{LedgerLine, Place};
use nightshift_core::{Address, Code, Failure, JobId, LabwareType, SampleId, Stamp, StationId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// The stock file brought a sample in.
    Seeded {
        /// Which.
        sample: SampleId,
        /// Its type.
        labware: LabwareType,
        /// What is printed on it.
        code: String,
        /// Where it stands.
        at: Address,
    },
    /// A job means to move a sample: phase one.
    Reserved {
        /// Whose.
        job: JobId,
        /// Which.
        sample: SampleId,
        /// Where to.
        to: Address,
    },
    /// The fingers are about to act: from now on the sample is at one of two places.
    Begun {
        /// Which.
        sample: SampleId,
        /// Where it was.
        from: Place,
        /// Where it shall be.
        to: Place,
    },
    /// It is known where the sample is.
    Settled {
        /// Which.
        sample: SampleId,
        /// Where.
        at: Place,
        /// How that is known: what was measured or seen.
        by: String,
    },
    /// It is no longer known where the sample is.
    Doubted {
        /// Which.
        sample: SampleId,
        /// Where it may be.
        places: BTreeSet<Place>,
        /// What happened.
        why: String,
    },
    /// The sample's label was read in a slot where nobody else can be: it stands there, wherever it was thought to be.
    Found {
        /// Which.
        sample: SampleId,
        /// Where.
        at: Address,
        /// What shows it.
        by: String,
    },
    /// The sample is not in a slot where it was thought to be: another stands there.
    Missed {
        /// Which.
        sample: SampleId,
        /// Where it is not.
        at: Address,
        /// What shows it.
        by: String,
    },
    /// The sample is where the job was to bring it: phase two.
    Posted {
        /// Whose.
        job: JobId,
        /// Which.
        sample: SampleId,
    },
    /// The job has let go of the sample, wherever it is: phase two.
    Voided {
        /// Whose.
        job: JobId,
        /// Which.
        sample: SampleId,
        /// Why.
        why: String,
    },
    /// A station is about to be made ready for the robot's hand: from now on its release is owed.
    SitePrepared {
        /// Whose.
        job: JobId,
        /// Which.
        station: StationId,
    },
    /// The hand is out, and the station knows.
    SiteReleased {
        /// Whose.
        job: JobId,
        /// Which.
        station: StationId,
    },
    /// A person has closed a passage to the base, or opened it again.
    PassageSet {
        /// Its name in the site's zones.
        passage: String,
        /// Whether it is closed from now on.
        closed: bool,
        /// Who.
        caller: String,
    },
    /// A person has allowed motion after an unclean end.
    Acknowledged {
        /// Who.
        caller: String,
        /// What was looked at.
        note: String,
    },
}

/// Where a sample is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whereabouts {
    /// Known.
    At(Place),
    /// Not known for certain: it was last on its way between these.
    OneOf(BTreeSet<Place>),
}

impl Whereabouts {
    /// Whether it may be there.
    pub fn may_be(&self, place: &Place) -> bool {
        match self {
            Self::At(at) => at == place,
            Self::OneOf(places) => places.contains(place),
        }
    }

    /// Where it is, if that is known.
    pub fn known(&self) -> Option<&Place> {
        match self {
            Self::At(at) => Some(at),
            Self::OneOf(_) => None,
        }
    }
}

impl std::fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::OneOf(places) => {
                let names: Vec<String> = places.iter().map(Place::to_string).collect();
                f.write_str(&names.join("|"))
            }
        }
    }
}

/// What the ledger knows of a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its type.
    pub labware: LabwareType,
    /// What is printed on it.
    pub code: String,
    /// Where it is.
    pub whereabouts: Whereabouts,
    /// Which job means to move it where.
    pub reserved: Option<(JobId, Address)>,
    /// Whether the fingers have acted on it since it was last reserved.
    pub touched: bool,
    /// The last entry about it.
    pub last_seq: u64,
}

/// Where every sample is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    samples: BTreeMap<SampleId, Sample>,
    /// Stations whose release is owed, and the job that had them made ready.
    #[serde(default)]
    owed: BTreeMap<StationId, JobId>,
    /// Passages that a person has closed or opened, and whether they are closed.
    #[serde(default)]
    passages: BTreeMap<String, bool>,
    head: Head,
}

impl Ledger {
    /// All samples.
    pub fn samples(&self) -> impl Iterator<Item = (&SampleId, &Sample)> {
        self.samples.iter()
    }

    /// One sample.
    pub fn sample(&self, id: &SampleId) -> Option<&Sample> {
        self.samples.get(id)
    }

    /// The stations whose release is owed, and the job that had them made ready.
    pub fn owed(&self) -> &BTreeMap<StationId, JobId> {
        &self.owed
    }

    /// The passages that a person has closed or opened, by name, and whether they are closed.
    pub fn passages(&self) -> &BTreeMap<String, bool> {
        &self.passages
    }

    /// The last entry's place in the chain.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Everybody who stands there, may stand there, or is on the way there. Nowhere has room for all.
    pub fn claimants<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a SampleId> {
        let claims = move |sample: &Sample| match place {
            Place::At(at) => {
                sample.whereabouts.may_be(place) || sample.reserved.as_ref().is_some_and(|(_, to)| to == at)
            }
            Place::Gripper => sample.whereabouts.may_be(place),
            Place::Nowhere => false,
        };
        self.samples.iter().filter(move |(_, sample)| claims(sample)).map(|(id, _)| id)
    }

    /// Lines for a caller: one sample, or all.
    pub fn lines(&self, only: Option<&SampleId>) -> Vec<LedgerLine> {
        let wanted = self.samples.iter().filter(|(id, _)| only.is_none_or(|only| only == *id));
        wanted
            .map(|(id, sample)| LedgerLine {
                sample_id: id.clone(),
                location: sample.whereabouts.to_string(),
                in_doubt: sample.whereabouts.known().is_none(),
                ledger_seq: sample.last_seq,
            })
            .collect()
    }

    /// The entries that would say `bodies`, in order. Fails where they cannot follow on what is known.
    pub fn draft(&self, stamp: Stamp, bodies: Vec<Body>) -> Result<Vec<Entry>, Failure> {
        let mut after = self.clone();
        let mut entries = Vec::with_capacity(bodies.len());
        for body in bodies {
            let entry = after.head.next(stamp, body);
            after.apply(&entry)?;
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Takes one entry that continues the chain.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Failure> {
        self.head.verify(entry)?;
        self.check(&entry.body).map_err(|reason| {
            Failure::new(reason.code, format!("ledger entry {}: {}", entry.seq, reason.message))
        })?;
        self.write(entry);
        self.head = Head::of(entry);
        Ok(())
    }

    fn check(&self, body: &Body) -> Result<(), Failure> {
        let known = |id: &SampleId| {
            self.sample(id)
                .ok_or_else(|| Failure::new(Code::UnknownSample, format!("nobody knows sample {id}")))
        };
        let free_for = |id: &SampleId, place: &Place| match self.claimants(place).find(|other| *other != id) {
            Some(other) => Err(Failure::new(
                Code::TargetOccupied,
                format!("{place} is taken by {other} and cannot take {id}"),
            )),
            None => Ok(()),
        };
        let reserved_by = |id: &SampleId, job: &JobId| match &known(id)?.reserved {
            Some((holder, to)) if holder == job => Ok(to.clone()),
            _ => Err(Failure::new(Code::InDoubt, format!("{id} is not reserved by job {job}"))),
        };
        match body {
            Body::Settled { sample, at: Place::Nowhere, .. }
            | Body::Begun { sample, to: Place::Nowhere, .. } => {
                Err(Failure::new(Code::InDoubt, format!("{sample} cannot be known to be nowhere")))
            }
            Body::Seeded { sample, at, .. } => {
                if self.samples.contains_key(sample) {
                    return Err(Failure::new(Code::DuplicateItem, format!("{sample} is known already")));
                }
                free_for(sample, &Place::At(at.clone()))
            }
            Body::Reserved { job, sample, to } => {
                if let Some((holder, _)) = &known(sample)?.reserved {
                    let words = format!("{sample} is reserved by job {holder} and cannot be by job {job}");
                    return Err(Failure::new(Code::Busy, words));
                }
                free_for(sample, &Place::At(to.clone()))
            }
            Body::Begun { sample, from, to } => {
                let whereabouts = &known(sample)?.whereabouts;
                if whereabouts.known() != Some(from) || from == to {
                    let words =
                        format!("{sample} is at {whereabouts} and cannot be moved from {from} to {to}");
                    return Err(Failure::new(Code::InDoubt, words));
                }
                free_for(sample, to)
            }
            Body::Settled { sample, at, .. } => {
                let whereabouts = &known(sample)?.whereabouts;
                if !whereabouts.may_be(at) {
                    let words = format!("{sample} may be at {whereabouts} and cannot be settled at {at}");
                    return Err(Failure::new(Code::InDoubt, words));
                }
                Ok(())
            }
            Body::Doubted { sample, places, .. } => {
                known(sample)?;
                if places.iter().all(|place| *place == Place::Nowhere) {
                    return Err(Failure::new(Code::InDoubt, format!("{sample} must be possible somewhere")));
                }
                places.iter().try_for_each(|place| free_for(sample, place))
            }
            Body::Found { sample, at, .. } => {
                if let Some((holder, _)) = &known(sample)?.reserved {
                    let words =
                        format!("{sample} is being moved by job {holder} and cannot be found at {at}");
                    return Err(Failure::new(Code::Busy, words));
                }
                free_for(sample, &Place::At(at.clone()))
            }
            Body::Missed { sample, at, .. } => {
                let whereabouts = &known(sample)?.whereabouts;
                if !whereabouts.may_be(&Place::At(at.clone())) {
                    let words = format!("{sample} may be at {whereabouts} and cannot be missed at {at}");
                    return Err(Failure::new(Code::InDoubt, words));
                }
                Ok(())
            }
            Body::Posted { job, sample } => {
                let to = Place::At(reserved_by(sample, job)?);
                let whereabouts = &known(sample)?.whereabouts;
                if whereabouts.known() != Some(&to) {
                    let words = format!("{sample} is at {whereabouts} and not at its target {to}");
                    return Err(Failure::new(Code::InDoubt, words));
                }
                Ok(())
            }
            Body::Voided { job, sample, .. } => reserved_by(sample, job).map(|_| ()),
            Body::SitePrepared { job, station } => match self.owed.get(station) {
                Some(other) if other != job => {
                    let words = format!("{station} is still to be released for job {other}");
                    Err(Failure::new(Code::SiteBusy, words))
                }
                _ => Ok(()),
            },
            Body::SiteReleased { job, station } => match self.owed.get(station) {
                Some(owner) if owner == job => Ok(()),
                _ => {
                    let words = format!("no release of {station} is owed for job {job}");
                    Err(Failure::new(Code::SiteRefused, words))
                }
            },
            Body::PassageSet { .. } | Body::Acknowledged { .. } => Ok(()),
        }
    }

    fn write(&mut self, entry: &Entry) {
        let seq = entry.seq;
        let mut change = |id: &SampleId, f: &dyn Fn(&mut Sample)| {
            if let Some(sample) = self.samples.get_mut(id) {
                f(sample);
                sample.last_seq = seq;
            }
        };
        match &entry.body {
            Body::Seeded { sample, labware, code, at } => {
                let whereabouts = Whereabouts::At(Place::At(at.clone()));
                let new = Sample {
                    labware: labware.clone(),
                    code: code.clone(),
                    whereabouts,
                    reserved: None,
                    touched: false,
                    last_seq: seq,
                };
                self.samples.insert(sample.clone(), new);
            }
            Body::Reserved { job, sample, to } => {
                change(sample, &|s| {
                    s.reserved = Some((job.clone(), to.clone()));
                    s.touched = false;
                });
            }
            Body::Begun { sample, from, to } => {
                let places = BTreeSet::from([from.clone(), to.clone()]);
                change(sample, &|s| {
                    s.whereabouts = Whereabouts::OneOf(places.clone());
                    s.touched = true;
                });
            }
            Body::Settled { sample, at, .. } => {
                change(sample, &|s| s.whereabouts = Whereabouts::At(at.clone()));
            }
            Body::Doubted { sample, places, .. } => {
                change(sample, &|s| s.whereabouts = Whereabouts::OneOf(places.clone()));
            }
            Body::Found { sample, at, .. } => {
                change(sample, &|s| s.whereabouts = Whereabouts::At(Place::At(at.clone())));
            }
            // Wherever else it may be, it may also be where nobody has looked.
            Body::Missed { sample, at, .. } => change(sample, &|s| {
                let mut places = match &s.whereabouts {
                    Whereabouts::At(place) => BTreeSet::from([place.clone()]),
                    Whereabouts::OneOf(places) => places.clone(),
                };
                places.remove(&Place::At(at.clone()));
                places.insert(Place::Nowhere);
                s.whereabouts = Whereabouts::OneOf(places);
            }),
            Body::Posted { sample, .. } | Body::Voided { sample, .. } => {
                change(sample, &|s| s.reserved = None);
            }
            Body::SitePrepared { job, station } => {
                self.owed.insert(station.clone(), job.clone());
            }
            Body::SiteReleased { station, .. } => {
                self.owed.remove(station);
            }
            Body::PassageSet { passage, closed, .. } => {
                self.passages.insert(passage.clone(), *closed);
            }
            Body::Acknowledged { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
