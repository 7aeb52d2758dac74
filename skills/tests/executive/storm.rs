//! Many things wrong at once, at times drawn by chance: no sample lost, no job without an end, and the same inputs
//! give the same outputs.

use crate::lab::{Faults, Lab, Truth, transfer};
use nightshift_core::{Code, Failure};
use nightshift_skills::Whereabouts;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Storm {
    misses: u32,
    slips: u32,
    blind: u32,
    blocked: usize,
    cancel_s: Option<f64>,
    kill_s: Option<f64>,
    policy: &'static str,
    verify: &'static str,
}

fn storms() -> impl Strategy<Value = Storm> {
    (
        (0u32..4, 0u32..4, 0u32..5, 0usize..3),
        (proptest::option::of(0.0..90.0), proptest::option::of(0.0..90.0)),
        (prop::sample::select(vec!["", "HOLD", "RETRY_1"]), prop::sample::select(vec!["LIGHT", "FULL"])),
    )
        .prop_map(|((misses, slips, blind, blocked), (cancel_s, kill_s), (policy, verify))| Storm {
            misses,
            slips,
            blind,
            blocked,
            cancel_s,
            kill_s,
            policy,
            verify,
        })
}

fn through(storm: &Storm) -> Lab {
    let mut lab = Lab::new();
    lab.faults = Faults {
        misses: storm.misses,
        slips: storm.slips,
        blind: storm.blind,
        drive: (0..storm.blocked).map(|_| Failure::new(Code::Blocked, "somebody stands there")).collect(),
        ..Faults::default()
    };
    let mut request = transfer(
        "J1",
        &[("S-001", "", "photolysis/rack/A1"), ("S-002", "storage/rack/A2", "storage/rack/B4")],
    );
    request.on_failure = storm.policy.into();
    request.verify = storm.verify.into();
    lab.submit(request).unwrap();
    let mut marks: Vec<(f64, bool)> =
        storm.cancel_s.map(|s| (s, false)).into_iter().chain(storm.kill_s.map(|s| (s, true))).collect();
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at_s, kill) in marks {
        lab.until(|lab| lab.now.seconds() >= at_s);
        if kill {
            lab.crash();
        } else {
            lab.cancel("J1").unwrap();
        }
    }
    lab.until(|lab| lab.result("J1").is_some());
    lab.check_at_rest();
    lab.resume().unwrap();
    lab.settle();
    lab.check_at_rest();
    lab
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_sample_is_lost_in_any_storm(storm in storms()) {
        let lab = through(&storm);
        for (id, known) in lab.durable.samples() {
            prop_assert!(known.reserved.is_none(), "{id} is left reserved");
            prop_assert!(lab.vials[id].at != Truth::Dropped, "{id} fell, and nothing in this storm drops a vial");
            prop_assert!(lab.vials[id].at != Truth::Held, "{id} is left in the fingers: {:#?}", lab.notices);
            if let Whereabouts::OneOf(places) = &known.whereabouts {
                prop_assert!(!places.is_empty());
            }
        }
    }
}

#[test]
fn the_same_storm_gives_the_same_words() {
    let storm = Storm {
        misses: 1,
        slips: 1,
        blind: 1,
        blocked: 1,
        cancel_s: None,
        kill_s: Some(37.0),
        policy: "RETRY_1",
        verify: "FULL",
    };
    let words = || {
        let lab = through(&storm);
        (lab.journal.len(), lab.journal, lab.durable.head().hash.clone())
    };
    let (first, second) = (words(), words());
    assert!(first.0 > 50, "the journal has {} lines", first.0);
    assert_eq!(first, second);
}
