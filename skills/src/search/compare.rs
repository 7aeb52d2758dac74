//! What a look at a nest says about the ledger: who stands where, who does not stand where he was thought to, and whose
//! label cannot be believed.

use crate::ledger::{Body, Ledger, Sample, Whereabouts};
use crate::limits;
use crate::sight::NestSight;
use crate::world::NestRef;
use nightshift_core::api::{Place, Sighting};
use nightshift_core::describe::fiducial_of_code;
use nightshift_core::{SampleId, SlotId};
use std::collections::BTreeSet;

/// The labels over a nest's slots. A sample's label is its own where no other sample has the same.
pub fn sightings(ledger: &Ledger, nest: &NestRef, sight: &NestSight) -> Vec<Sighting> {
    let owner = |tag: u32| {
        let mut owners = ledger.samples().filter(|(_, known)| fiducial_of_code(&known.code) == Some(tag));
        match (owners.next(), owners.next()) {
            (Some((id, _)), None) => Some(id.clone()),
            _ => None,
        }
    };
    let told = sight.caps.iter().map(|cap| Sighting {
        at: nest.slot(&cap.slot),
        code: format!("tag36h11:{}", cap.tag),
        sample_id: owner(cap.tag),
        off_axis_m: cap.off_axis_m(),
        sha256: sight.sha256.clone(),
        path: sight.path.clone(),
        stamp: sight.stamp,
    });
    told.collect()
}

/// The entries that make the ledger agree with what was seen over `slots`, all slots of a nest.
///
/// `here` are the labels over them, `before` those that were seen elsewhere in the same search. A slot over which two
/// labels stand, or one that no vial could wear so far from the axis, changes nothing. A vial without a label that can be
/// read looks like none: so a slot that seems empty is only doubted, and stays taken until another's label is read there.
pub fn entries(
    ledger: &Ledger,
    slots: &[SlotId],
    nest: &NestRef,
    here: &[Sighting],
    before: &[Sighting],
) -> Vec<Body> {
    let (mut missed, mut found, mut doubted) = (Vec::new(), Vec::new(), Vec::new());
    let all = || here.iter().chain(before);
    for slot in slots {
        let at = nest.slot(slot);
        let place = Place::At(at.clone());
        let over: Vec<&Sighting> = here.iter().filter(|seen| seen.at == at).collect();
        let thought = ledger.samples().filter(|(_, known)| known.whereabouts.may_be(&place));
        let [seen] = over[..] else {
            if over.is_empty() {
                let gone = thought.filter(|(id, _)| !all().any(|seen| seen.sample_id.as_ref() == Some(*id)));
                let why = format!("looked for at {at}, and no label was seen there");
                doubted.extend(gone.filter_map(|(id, known)| doubt(id, known, BTreeSet::new(), &why)));
            }
            continue;
        };
        let by = format!("{} was read over {at}, picture {}", seen.code, seen.sha256);
        let worn: BTreeSet<Place> =
            all().filter(|other| other.code == seen.code).map(|other| Place::At(other.at.clone())).collect();
        let others = thought.filter(|(id, _)| seen.sample_id.as_ref() != Some(*id));
        // A label that is elsewhere, too, does not show that who was thought to be here is not.
        if worn.len() > 1 {
            doubted.extend(others.filter_map(|(id, known)| doubt(id, known, BTreeSet::new(), &by)));
        } else {
            let missed_here =
                |(id, _): (&SampleId, _)| Body::Missed { sample: id.clone(), at: at.clone(), by: by.clone() };
            missed.extend(others.map(missed_here));
        }
        let Some((sample, known)) = seen.sample_id.as_ref().and_then(|id| Some((id, ledger.sample(id)?)))
        else {
            continue;
        };
        if worn.len() > 1 {
            let free = |place: &Place| ledger.claimants(place).all(|other| other == sample);
            let free = worn.into_iter().filter(free).collect();
            let body = doubt(sample, known, free, &format!("{} was read in more than one slot", seen.code));
            doubted.extend(body.filter(|body| !doubted.contains(body)).into_iter().collect::<Vec<_>>());
        } else if known.whereabouts.known() != Some(&place) && seen.off_axis_m <= limits::SLOT_OFFSET_M {
            found.push(Body::Found { sample: sample.clone(), at, by });
        }
    }
    missed.into_iter().chain(found).chain(doubted).collect()
}

/// That a sample may also be in those places, or in no slot at all; none where that is known already.
fn doubt(id: &SampleId, known: &Sample, more: BTreeSet<Place>, why: &str) -> Option<Body> {
    let mut places = match &known.whereabouts {
        Whereabouts::At(place) => BTreeSet::from([place.clone()]),
        Whereabouts::OneOf(places) => places.clone(),
    };
    let before = places.len();
    places.extend(more.into_iter().chain([Place::Nowhere]));
    (places.len() > before).then(|| Body::Doubted { sample: id.clone(), places, why: why.to_owned() })
}

/// The samples that were seen once, where the ledger now has them.
pub fn found<'a>(
    ledger: &'a Ledger,
    seen: &'a [Sighting],
) -> impl Iterator<Item = (&'a SampleId, &'a Sighting)> {
    seen.iter().filter_map(move |one| {
        let id = one.sample_id.as_ref()?;
        let once = seen.iter().filter(|other| other.code == one.code).count() == 1;
        let there = ledger.sample(id)?.whereabouts.known() == Some(&Place::At(one.at.clone()));
        (once && there).then_some((id, one))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sight::CapSight;
    use nightshift_core::{Address, Failure, Stamp};
    use nightshift_perception::seat::Height;

    fn at(text: &str) -> Address {
        text.parse().expect("an address")
    }

    fn ledger(samples: &[(&str, u32, &str)]) -> Ledger {
        let mut ledger = Ledger::default();
        let body = |(id, tag, place): &(&str, u32, &str)| Body::Seeded {
            sample: SampleId::new(*id),
            labware: "vial".into(),
            code: format!("tag36h11:{tag}"),
            at: at(place),
        };
        write(&mut ledger, samples.iter().map(body).collect()).expect("it can be seeded");
        ledger
    }

    fn write(ledger: &mut Ledger, bodies: Vec<Body>) -> Result<(), Failure> {
        for entry in ledger.draft(Stamp::ZERO, bodies)? {
            ledger.apply(&entry)?;
        }
        Ok(())
    }

    /// Looks at `shelf/rack`, which has the slots A1 to A4.
    fn look(
        ledger: &mut Ledger,
        nest: &str,
        caps: &[(u32, &str, f64)],
        before: &[Sighting],
    ) -> Vec<Sighting> {
        let nest = NestRef::of(&at(&format!("{nest}/A1")));
        let slots: Vec<SlotId> = ["A1", "A2", "A3", "A4"].map(SlotId::new).into();
        let cap = |(tag, slot, off): &(u32, &str, f64)| CapSight {
            tag: *tag,
            slot: SlotId::new(*slot),
            offset_m: [*off, 0.0],
            height: Height { raised_m: 0.0, sigma_m: 0.001 },
        };
        let sight = NestSight {
            located: crate::located::tests::located((0.0, 0.0), (1e-4, 1e-3)),
            caps: caps.iter().map(cap).collect(),
            rms_px: 0.1,
            stamp: Stamp::ZERO,
            sha256: "abc".into(),
            path: "pictures/abc.png".into(),
        };
        let here = sightings(ledger, &nest, &sight);
        let bodies = entries(ledger, &slots, &nest, &here, before);
        write(ledger, bodies).expect("what was seen can be written");
        here
    }

    fn whereabouts(ledger: &Ledger, id: &str) -> String {
        ledger.sample(&SampleId::new(id)).expect("it is known").whereabouts.to_string()
    }

    #[test]
    fn what_stands_where_it_should_changes_nothing() {
        let mut book = ledger(&[("a", 1, "shelf/rack/A1"), ("b", 2, "shelf/rack/A2")]);
        let before = book.clone();
        look(&mut book, "shelf/rack", &[(1, "A1", 0.001), (2, "A2", 0.0)], &[]);
        assert_eq!(book, before);
    }

    #[test]
    fn two_that_changed_places_are_found_where_they_are() {
        let mut book = ledger(&[("a", 1, "shelf/rack/A1"), ("b", 2, "shelf/rack/A2")]);
        let seen = look(&mut book, "shelf/rack", &[(2, "A1", 0.0), (1, "A2", 0.0)], &[]);
        assert_eq!(whereabouts(&book, "a"), "shelf/rack/A2");
        assert_eq!(whereabouts(&book, "b"), "shelf/rack/A1");
        assert_eq!(found(&book, &seen).count(), 2);
    }

    #[test]
    fn a_slot_that_seems_empty_stays_taken_and_one_with_a_stranger_does_not() {
        let mut book = ledger(&[("a", 1, "shelf/rack/A1"), ("b", 2, "shelf/rack/A2")]);
        let seen = look(&mut book, "shelf/rack", &[(99, "A2", 0.0)], &[]);
        assert_eq!(whereabouts(&book, "a"), "shelf/rack/A1|nowhere");
        assert_eq!(whereabouts(&book, "b"), "nowhere");
        assert_eq!(seen[0].sample_id, None);
        // Seen again it is where it was.
        look(&mut book, "shelf/rack", &[(1, "A1", 0.0), (99, "A2", 0.0)], &[]);
        assert_eq!(whereabouts(&book, "a"), "shelf/rack/A1");
    }

    #[test]
    fn a_label_at_two_places_is_believed_at_neither() {
        let mut book = ledger(&[("a", 1, "shelf/rack/A1"), ("b", 2, "shelf/rack/A2")]);
        let mut seen = look(&mut book, "shelf/rack", &[(1, "A1", 0.0), (2, "A2", 0.0)], &[]);
        let more = look(&mut book, "bench/rack", &[(1, "A3", 0.0)], &seen);
        seen.extend(more);
        assert_eq!(whereabouts(&book, "a"), "bench/rack/A3|shelf/rack/A1|nowhere");
        let sure: Vec<_> = found(&book, &seen).map(|(id, _)| id.as_str().to_owned()).collect();
        assert_eq!(sure, ["b"]);
        let mut book = ledger(&[("a", 1, "shelf/rack/A1")]);
        look(&mut book, "shelf/rack", &[(1, "A1", 0.0), (1, "A4", 0.0)], &[]);
        assert_eq!(whereabouts(&book, "a"), "shelf/rack/A1|shelf/rack/A4|nowhere");
    }

    #[test]
    fn who_stands_under_anothers_label_is_not_given_up() {
        let mut book = ledger(&[("a", 1, "shelf/rack/A1"), ("b", 2, "shelf/rack/A2")]);
        look(&mut book, "shelf/rack", &[(1, "A1", 0.0), (1, "A2", 0.0)], &[]);
        assert_eq!(whereabouts(&book, "a"), "shelf/rack/A1|nowhere");
        assert_eq!(whereabouts(&book, "b"), "shelf/rack/A2|nowhere");
    }

    #[test]
    fn what_stands_askew_or_under_two_labels_is_settled_nowhere() {
        let mut book = ledger(&[("a", 1, "shelf/rack/A1"), ("b", 2, "shelf/rack/A2")]);
        look(&mut book, "shelf/rack", &[(1, "A3", 0.02), (2, "A2", 0.0)], &[]);
        assert_eq!(whereabouts(&book, "a"), "shelf/rack/A1");
        let before = book.clone();
        look(&mut book, "shelf/rack", &[(1, "A2", 0.0), (2, "A2", 0.0)], &[]);
        assert_eq!(whereabouts(&book, "b"), whereabouts(&before, "b"));
    }
}
