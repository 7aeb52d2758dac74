//! When all goes well.

use crate::lab::{Lab, at, transfer, usual, usual_phases};
use nightshift_core::api::{Effect, ItemStatus};

#[test]
fn a_transfer_goes_through_all_phases_and_the_vial_is_there() {
    let mut lab = Lab::new();
    let result = lab.run(usual("J1"));
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    let outcome = &result.outcomes[0];
    assert_eq!((outcome.status, outcome.effect), (ItemStatus::Done, Effect::Placed));
    assert_eq!(outcome.location, "photolysis/rack/A1");
    assert_eq!(lab.vials[&"S-001".into()].at, at("photolysis/rack/A1"));
    assert_eq!(lab.phases("J1"), usual_phases());
    assert!(outcome.ledger_seq > 0 && outcome.evidence.iter().any(|e| e.kind == "code"));
    lab.check_at_rest();
}

#[test]
fn the_real_planner_finds_every_motion_of_a_transfer() {
    let mut lab = Lab::new().with_real_planner();
    let result = lab.run(transfer("J1", &[("S-001", "", "photolysis/rack/A1")]));
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    lab.check_at_rest();
}
