use super::*;
use proptest::prelude::*;

const SAMPLES: [&str; 3] = ["S-1", "S-2", "S-3"];
const PLACES: [&str; 6] = ["a/r/A1", "a/r/A2", "a/r/A3", "deck/r/A1", "gripper", "nowhere"];

fn place() -> impl Strategy<Value = Place> {
    prop::sample::select(PLACES.to_vec()).prop_map(|text| text.parse().unwrap())
}

fn slot() -> impl Strategy<Value = Address> {
    prop::sample::select(PLACES[..4].to_vec()).prop_map(|text| text.parse().unwrap())
}

fn body() -> impl Strategy<Value = Body> {
    let sample = || prop::sample::select(SAMPLES.to_vec()).prop_map(SampleId::from);
    let job = || prop::sample::select(vec!["J1", "J2"]).prop_map(JobId::from);
    prop_oneof![
        (sample(), slot()).prop_map(|(sample, at)| Body::Seeded {
            sample,
            labware: "vial".into(),
            code: "tag36h11:1".into(),
            at
        }),
        (job(), sample(), slot()).prop_map(|(job, sample, to)| Body::Reserved { job, sample, to }),
        (sample(), place(), place()).prop_map(|(sample, from, to)| Body::Begun { sample, from, to }),
        (sample(), place()).prop_map(|(sample, at)| Body::Settled { sample, at, by: "seen".into() }),
        (sample(), prop::collection::btree_set(place(), 0..3)).prop_map(|(sample, places)| Body::Doubted {
            sample,
            places,
            why: "slipped".into()
        }),
        (job(), sample()).prop_map(|(job, sample)| Body::Posted { job, sample }),
        (job(), sample()).prop_map(|(job, sample)| Body::Voided { job, sample, why: "failed".into() }),
    ]
}

fn seeded() -> Ledger {
    let mut ledger = Ledger::default();
    let bodies = SAMPLES.iter().zip(PLACES).map(|(sample, at)| Body::Seeded {
        sample: (*sample).into(),
        labware: "vial".into(),
        code: "tag36h11:1".into(),
        at: at.parse().unwrap(),
    });
    for entry in ledger.draft(Stamp::ZERO, bodies.collect()).unwrap() {
        ledger.apply(&entry).unwrap();
    }
    ledger
}

/// Each place is claimed by one sample at most: no sample can be where another is or may be. Each sample is possible in
/// some place that can be looked at.
fn conserved(ledger: &Ledger) -> Result<(), TestCaseError> {
    prop_assert_eq!(ledger.samples().count(), SAMPLES.len());
    for text in PLACES {
        let place: Place = text.parse().unwrap();
        let claimants: Vec<&SampleId> = ledger.claimants(&place).collect();
        prop_assert!(claimants.len() <= 1, "{} is claimed by {:?}", text, claimants);
    }
    for (_, sample) in ledger.samples() {
        let possible = |text: &&str| sample.whereabouts.may_be(&text.parse().unwrap());
        prop_assert!(PLACES[..5].iter().any(possible), "{:?}", sample.whereabouts);
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_is_written_no_sample_is_lost_or_doubled(bodies in prop::collection::vec(body(), 0..60)) {
        let mut ledger = seeded();
        let mut entries = Vec::new();
        for (index, body) in bodies.into_iter().enumerate() {
            let before = ledger.clone();
            match ledger.draft(Stamp(index as u64), vec![body]) {
                Ok(drafted) => {
                    prop_assert_eq!(&ledger, &before, "a draft changes nothing");
                    for entry in drafted {
                        ledger.apply(&entry).unwrap();
                        entries.push(entry);
                    }
                }
                Err(_) => prop_assert_eq!(&ledger, &before, "a refused entry changes nothing"),
            }
            conserved(&ledger)?;
        }
        // What is written can be read: the same entries give the same ledger.
        let mut again = seeded();
        for entry in &entries {
            again.apply(entry).unwrap();
        }
        prop_assert_eq!(again, ledger);
    }

    #[test]
    fn a_changed_past_shows(bodies in prop::collection::vec(body(), 1..30), which in 0usize..30, what in 0u8..4) {
        let mut ledger = seeded();
        let mut entries = Vec::new();
        for body in bodies {
            if let Ok(drafted) = ledger.draft(Stamp(7), vec![body]) {
                ledger.apply(&drafted[0]).unwrap();
                entries.extend(drafted);
            }
        }
        prop_assume!(!entries.is_empty());
        let which = which % entries.len();
        let changed = &mut entries[which];
        match what {
            0 => changed.stamp = Stamp(8),
            1 => changed.seq += 1,
            2 => changed.previous = "00".repeat(32),
            _ => changed.body = Body::Acknowledged { caller: "mallory".into(), note: String::new() },
        }
        let mut again = seeded();
        let failed = entries.iter().position(|entry| again.apply(entry).is_err());
        prop_assert_eq!(failed, Some(which));
    }
}

fn write(ledger: &mut Ledger, body: Body) -> Result<(), Code> {
    let entries = ledger.draft(Stamp::ZERO, vec![body]).map_err(|failure| failure.code)?;
    entries.iter().try_for_each(|entry| ledger.apply(entry)).map_err(|failure| failure.code)
}

#[test]
fn a_transfer_in_two_phases() {
    let mut ledger = seeded();
    let (job, sample): (JobId, SampleId) = ("J1".into(), "S-1".into());
    let to: Address = "deck/r/A1".parse().unwrap();
    let place = |text: &str| text.parse::<Place>().unwrap();
    let begun = |from: &str, to: &str| Body::Begun { sample: "S-1".into(), from: place(from), to: place(to) };
    let settled = |at: &str| Body::Settled { sample: "S-1".into(), at: place(at), by: "felt".into() };
    write(&mut ledger, Body::Reserved { job: job.clone(), sample: sample.clone(), to }).unwrap();
    assert_eq!(ledger.claimants(&place("deck/r/A1")).next(), Some(&sample));
    assert_eq!(write(&mut ledger, begun("gripper", "deck/r/A1")), Err(Code::InDoubt), "it is not there");
    write(&mut ledger, begun("a/r/A1", "gripper")).unwrap();
    assert_eq!(ledger.lines(Some(&sample))[0].location, "a/r/A1|gripper");
    assert!(ledger.lines(Some(&sample))[0].in_doubt && ledger.sample(&sample).unwrap().touched);
    assert_eq!(write(&mut ledger, begun("a/r/A1", "deck/r/A1")), Err(Code::InDoubt), "it is not settled");
    assert_eq!(write(&mut ledger, settled("a/r/A3")), Err(Code::InDoubt), "it was on no way there");
    write(&mut ledger, settled("gripper")).unwrap();
    assert_eq!(
        write(&mut ledger, Body::Posted { job: job.clone(), sample: sample.clone() }),
        Err(Code::InDoubt),
        "it is not at its target"
    );
    write(&mut ledger, begun("gripper", "deck/r/A1")).unwrap();
    write(&mut ledger, settled("deck/r/A1")).unwrap();
    write(&mut ledger, Body::Posted { job: job.clone(), sample: sample.clone() }).unwrap();
    assert_eq!(write(&mut ledger, Body::Voided { job, sample, why: String::new() }), Err(Code::InDoubt));
}

#[test]
fn a_place_that_is_taken_or_may_be_is_refused() {
    let mut ledger = seeded();
    let reserve = |sample: &str, to: &str| Body::Reserved {
        job: "J1".into(),
        sample: sample.into(),
        to: to.parse().unwrap(),
    };
    assert_eq!(write(&mut ledger, reserve("S-1", "a/r/A2")), Err(Code::TargetOccupied));
    write(&mut ledger, reserve("S-1", "deck/r/A1")).unwrap();
    assert_eq!(write(&mut ledger, reserve("S-2", "deck/r/A1")), Err(Code::TargetOccupied), "it is reserved");
    assert_eq!(write(&mut ledger, reserve("S-1", "deck/r/A1")), Err(Code::Busy), "once is enough");
    let grip = |sample: &str, from: &str| Body::Begun {
        sample: sample.into(),
        from: from.parse().unwrap(),
        to: Place::Gripper,
    };
    write(&mut ledger, grip("S-2", "a/r/A2")).unwrap();
    assert_eq!(write(&mut ledger, grip("S-1", "a/r/A1")), Err(Code::TargetOccupied), "the fingers are taken");
}
