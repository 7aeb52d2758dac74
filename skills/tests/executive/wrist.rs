//! A wrist that is silent for a moment, and one that is lost.

use crate::lab::{Lab, at, usual};
use nightshift_core::Code;
use nightshift_core::api::ItemStatus;

#[test]
fn a_wrist_that_is_silent_for_a_moment_stops_the_arm_and_no_job() {
    let mut lab = Lab::new().with_wrist();
    lab.faults.wrist_gap_ms = Some(450);
    let result = lab.run(usual("J"));
    assert_eq!(result.outcomes[0].status, ItemStatus::Done, "{:?}; {:#?}", result.outcomes, lab.notices);
    assert_eq!(lab.vials[&"S-001".into()].at, at("photolysis/rack/A1"));
    lab.settle();
    lab.check_at_rest();
    let told = lab.notices.iter().filter(|words| words.contains("the wrist tells no force")).count();
    assert!(told > 2 && lab.notices.iter().all(|words| words.starts_with("warning")), "{:#?}", lab.notices);
}

#[test]
fn a_wrist_that_stays_silent_stops_the_arm_at_once_and_the_robot_soon() {
    let mut stopped = 0;
    for motion in (9..24).step_by(3) {
        let mut lab = Lab::new().with_wrist();
        (lab.faults.wrist_gap_ms, lab.faults.wrist_gap_from) = (Some(3_600_000), motion);
        let result = lab.run(usual("J"));
        let error = result.outcomes[0].error.as_ref();
        let error = error.unwrap_or_else(|| panic!("{result:?}; {:#?}", lab.notices));
        assert_eq!(error.code, Code::SensorStale, "{error}");
        assert!(error.message.contains("the wrist's force is"), "{error}");
        let told = lab.notices.iter().filter(|words| words.contains("nothing moves until")).count();
        assert_eq!(told, 1, "{:#?}", lab.notices);
        // A motion that is not guarded is not stopped; what comes after it waits, and not for ever.
        let since = |stamp: &nightshift_core::Stamp| stamp.since(lab.silent_since());
        assert!(lab.stops.iter().map(since).all(|s| s <= 0.21), "{:?}", lab.stops);
        stopped += lab.stops.len();
        assert!(lab.now.since(lab.silent_since()) < 60.0);
    }
    assert!(stopped > 0, "no guarded motion was among them");
}
