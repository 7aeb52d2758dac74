//! What is wrong with a request, found before anything moves.

use crate::job::{Charge, Item, Policy, Search, Spec, Verify, Work};
use crate::ledger::{Ledger, Whereabouts};
use crate::program::ledger_tag;
use crate::world::World;
use nightshift_core::api::{JobKind, JobRequest, Place, RequestItem};
use nightshift_core::describe::{StationKind, fiducial_of_code};
use nightshift_core::{Address, Code, Failure, SampleId, StationId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Ids and callers are kept for ever and shown everywhere: a line's worth is enough.
const NAME_LENGTH: usize = 128;
/// A week: longer is a slip of units.
const DEADLINE_S: f64 = 7.0 * 86_400.0;
/// More items than any rack has slots are a mistake.
const ITEMS: usize = 256;

/// Reads a request by itself: form and names, without a look at the ledger's places.
///
/// # Errors
/// `MALFORMED_REQUEST`, `DUPLICATE_ITEM`, `UNKNOWN_*`, `LABWARE_DOES_NOT_FIT`, each with the item's number.
pub fn read(world: &World, ledger: &Ledger, request: &JobRequest) -> Result<Work, Failure> {
    name("job_id", &request.job_id)?;
    name("caller", &request.caller)?;
    if request.kind == JobKind::Search {
        return read_search(world, ledger, request).map(Work::Search);
    }
    if request.kind == JobKind::Charge {
        return read_charge(world, request).map(Work::Charge);
    }
    if request.items.is_empty() || request.items.len() > ITEMS {
        return Err(malformed(format!("items: {} given, a job has 1 to {ITEMS}", request.items.len())));
    }
    let spec = Spec {
        kind: request.kind,
        policy: policy(&request.on_failure)?,
        verify: match request.verify.as_str() {
            "" | "FULL" => Verify::Full,
            "LIGHT" => Verify::Light,
            other => return Err(malformed(format!("verify: {other:?} is none of LIGHT, FULL"))),
        },
        deadline: deadline(request.deadline_s)?,
        dry_run: request.dry_run,
        items: numbered(&request.items, |item| read_item(world, ledger, item))?,
    };
    let (mut samples, mut targets) = (BTreeSet::new(), BTreeSet::new());
    for (index, item) in spec.items.iter().enumerate() {
        let duplicate =
            |what: String| Err(Failure::new(Code::DuplicateItem, format!("items[{index}]: {what}")));
        if !samples.insert(&item.sample) {
            return duplicate(format!("sample {} is named twice", item.sample));
        }
        if !targets.insert(&item.target) {
            return duplicate(format!("target {} is named twice", item.target));
        }
    }
    check_instrument(world, &spec, ledger)?;
    Ok(Work::Move(spec))
}

fn read_search(world: &World, ledger: &Ledger, request: &JobRequest) -> Result<Search, Failure> {
    if request.items.len() > ITEMS {
        let words = format!("sample_ids: {} given, a search has at most {ITEMS}", request.items.len());
        return Err(malformed(words));
    }
    let mut samples: Vec<SampleId> = Vec::new();
    for (index, item) in request.items.iter().enumerate() {
        let fail = |f: Failure| Failure::new(f.code, format!("sample_ids[{index}]: {}", f.message));
        name("sample_id", &item.sample_id).map_err(fail)?;
        let sample = SampleId::new(&item.sample_id);
        ledger_tag(ledger, &sample).map_err(fail)?;
        if samples.contains(&sample) {
            let words = format!("sample_ids[{index}]: sample {sample} is named twice");
            return Err(Failure::new(Code::DuplicateItem, words));
        }
        samples.push(sample);
    }
    let mut stations: Vec<StationId> = Vec::new();
    for (index, text) in request.stations.iter().enumerate() {
        let fail = |f: Failure| Failure::new(f.code, format!("stations[{index}]: {}", f.message));
        name("station", text).map_err(fail)?;
        let id = StationId::new(text);
        if world.nests(&id).map_err(fail)?.is_empty() {
            return Err(malformed(format!("stations[{index}]: {id} has no nest to look at")));
        }
        if stations.contains(&id) {
            return Err(malformed(format!("stations[{index}]: {id} is named twice")));
        }
        stations.push(id);
    }
    Ok(Search { samples, stations, deadline: deadline(request.deadline_s)? })
}

fn read_charge(world: &World, request: &JobRequest) -> Result<Charge, Failure> {
    if world.robot.battery.is_none() {
        let words =
            format!("{} tells nothing of a battery: its robot.toml has no [battery]", world.robot.name);
        return Err(malformed(words));
    }
    let is_charger = |id: &StationId| {
        world.site.stations.get(id).is_some_and(|station| station.kind == StationKind::Charger)
    };
    let station = match &request.stations[..] {
        [] if world.site.stations.keys().any(is_charger) => None,
        [] => return Err(malformed("the site has no charger (a station of kind charger)".to_owned())),
        [text] => {
            name("station", text)?;
            let id = StationId::new(text);
            if !world.site.stations.contains_key(&id) {
                return Err(Failure::new(Code::UnknownStation, format!("there is no station {id}")));
            }
            if !is_charger(&id) {
                return Err(malformed(format!("station: {id} is no charger")));
            }
            Some(id)
        }
        many => return Err(malformed(format!("stations: {} given, it charges at one", many.len()))),
    };
    Ok(Charge { station, deadline: deadline(request.deadline_s)? })
}

fn malformed(words: String) -> Failure {
    Failure::new(Code::MalformedRequest, words)
}

fn numbered<A, B>(items: &[A], read: impl Fn(&A) -> Result<B, Failure>) -> Result<Vec<B>, Failure> {
    let number = |(index, item)| {
        read(item).map_err(|f: Failure| Failure::new(f.code, format!("items[{index}]: {}", f.message)))
    };
    items.iter().enumerate().map(number).collect()
}

fn name(key: &str, text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(malformed(format!("{key} is empty")));
    }
    if text.len() > NAME_LENGTH || text.chars().any(char::is_control) {
        return Err(malformed(format!("{key} must be one line of at most {NAME_LENGTH} bytes")));
    }
    Ok(())
}

fn policy(text: &str) -> Result<Policy, Failure> {
    match text {
        "" | "PUT_BACK" => return Ok(Policy::PutBack),
        "HOLD" => return Ok(Policy::Hold),
        _ => {}
    }
    let count = text.strip_prefix("RETRY_").and_then(|n| n.parse::<u32>().ok());
    match count {
        Some(count @ 1..=9) => Ok(Policy::Retry(count)),
        _ => Err(malformed(format!("on_failure: {text:?} is none of PUT_BACK, HOLD, RETRY_1 to RETRY_9"))),
    }
}

fn deadline(seconds: f64) -> Result<Option<Duration>, Failure> {
    if !(0.0..=DEADLINE_S).contains(&seconds) {
        let words = format!("deadline_s: {seconds} is not within 0 (none) to {DEADLINE_S} s");
        return Err(malformed(words));
    }
    Ok((seconds > 0.0).then(|| Duration::from_secs_f64(seconds)))
}

fn read_item(world: &World, ledger: &Ledger, item: &RequestItem) -> Result<Item, Failure> {
    name("sample_id", &item.sample_id)?;
    let target: Address = item.target.parse().map_err(|bad| malformed(format!("target: {bad}")))?;
    world.slot(&target).map_err(|f| Failure::new(f.code, format!("target: {}", f.message)))?;
    let source = match item.source.as_str() {
        "" => None,
        text => Some(text.parse::<Place>().map_err(|bad| malformed(format!("source: {bad}")))?),
    };
    if let Some(Place::At(address)) = &source {
        world.slot(address).map_err(|f| Failure::new(f.code, format!("source: {}", f.message)))?;
    }
    let expected_tag = match item.expected_code.as_str() {
        "" => None,
        code => Some(fiducial_of_code(code).ok_or_else(|| {
            malformed(format!("expected_code: {code:?} is not of the form tag36h11:<0 to 586>"))
        })?),
    };
    if !item.labware_type.is_empty() {
        world.vial(&item.labware_type.as_str().into())?;
    }
    let sample = SampleId::new(&item.sample_id);
    let known = ledger
        .sample(&sample)
        .ok_or_else(|| Failure::new(Code::UnknownSample, format!("sample {sample} is not in the ledger")))?;
    if !item.labware_type.is_empty() && item.labware_type != known.labware.as_str() {
        let words =
            format!("labware_type: {sample} is {} by the ledger, not {}", known.labware, item.labware_type);
        return Err(malformed(words));
    }
    world.check_fit(&known.labware, &target)?;
    Ok(Item { sample, source, target, expected_tag })
}

/// `Load` into a storage, a charger or the deck, and `Unload` from one, make no sense.
fn check_instrument(world: &World, spec: &Spec, ledger: &Ledger) -> Result<(), Failure> {
    let stations: Vec<Option<StationId>> = match spec.kind {
        JobKind::Transfer | JobKind::Search | JobKind::Charge => return Ok(()),
        JobKind::Load => spec.items.iter().map(|item| Some(item.target.station.clone())).collect(),
        JobKind::Unload => spec.items.iter().map(|item| source_station(item, ledger)).collect(),
    };
    let (action, end) = match spec.kind {
        JobKind::Load => ("Load", "target"),
        _ => ("Unload", "source"),
    };
    for (index, station) in stations.iter().enumerate() {
        let Some(station) = station else { continue };
        let kind = world.site.stations.get(station).map(|station| station.kind);
        if kind != Some(StationKind::Instrument) {
            let words = format!(
                "items[{index}]: {station} is no instrument; {action} needs one as {end}, Transfer does not"
            );
            return Err(malformed(words));
        }
        if let Some(Some(first)) = stations.first().filter(|first| *first != &Some(station.clone())) {
            let words = format!(
                "items[{index}]: {action} is for one instrument; {end}s are at {first} and {station}"
            );
            return Err(malformed(words));
        }
    }
    Ok(())
}

fn source_station(item: &Item, ledger: &Ledger) -> Option<StationId> {
    let by_ledger = || ledger.sample(&item.sample)?.whereabouts.known().cloned();
    match item.source.clone().or_else(by_ledger)? {
        Place::At(address) => Some(address.station),
        Place::Gripper | Place::Nowhere => None,
    }
}

/// Where samples are expected to be once everything that was taken on has been done.
#[derive(Clone, Debug)]
pub struct Outlook {
    places: BTreeMap<SampleId, Whereabouts>,
}

/// What an item comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It has to be moved.
    Move,
    /// It is at its target.
    AlreadyThere,
}

impl Outlook {
    /// As things are now.
    pub fn now(ledger: &Ledger) -> Self {
        let places = ledger.samples().map(|(id, sample)| (id.clone(), sample.whereabouts.clone()));
        Self { places: places.collect() }
    }

    /// After items that were taken on before.
    pub fn after(&mut self, items: &[Item]) {
        for item in items {
            self.places.insert(item.sample.clone(), Whereabouts::At(Place::At(item.target.clone())));
        }
    }

    /// Whether an item can be done, and what it comes to.
    ///
    /// # Errors
    /// `SOURCE_EMPTY`, `TARGET_OCCUPIED`, `IN_DOUBT`, `UNKNOWN_SAMPLE`.
    pub fn admit(&self, item: &Item) -> Result<Admitted, Failure> {
        let sample = &item.sample;
        let is = self.places.get(sample).ok_or_else(|| {
            Failure::new(Code::UnknownSample, format!("sample {sample} is not in the ledger"))
        })?;
        let target = Place::At(item.target.clone());
        if is.known() == Some(&target) {
            return Ok(Admitted::AlreadyThere);
        }
        let taken = self.places.iter().find(|(other, at)| *other != sample && at.may_be(&target));
        if let Some((other, at)) = taken {
            let words = format!("the ledger has {other} at {at}, so {} cannot take {sample}", item.target);
            return Err(Failure::new(Code::TargetOccupied, words));
        }
        match (is, &item.source) {
            (Whereabouts::At(at), Some(source)) if at != source => {
                let words = format!("the ledger has {sample} at {at}, and not at {source}");
                Err(Failure::new(Code::SourceEmpty, words))
            }
            (Whereabouts::OneOf(_), None) => {
                let words =
                    format!("{sample} may be at {is}: name one of these as its source, to look there first");
                Err(Failure::new(Code::InDoubt, words))
            }
            (Whereabouts::OneOf(_), Some(source)) if !is.may_be(source) => {
                let words = format!("{sample} may be at {is}, and not at {source}");
                Err(Failure::new(Code::InDoubt, words))
            }
            _ => Ok(Admitted::Move),
        }
    }

    /// Whether all items of a job can be done one after the other.
    ///
    /// # Errors
    /// As [`Outlook::admit`], with the item's number.
    pub fn admit_all(&self, spec: &Spec) -> Result<(), Failure> {
        let mut after = self.clone();
        for (index, item) in spec.items.iter().enumerate() {
            after.admit(item).map_err(|f| Failure::new(f.code, format!("items[{index}]: {}", f.message)))?;
            let there = Whereabouts::At(Place::At(item.target.clone()));
            after.places.insert(item.sample.clone(), there);
        }
        Ok(())
    }
}
