//! Moving parts of stations, looked at before the hand reaches in.

use crate::lab::{Lab, at, transfer};
use nightshift_core::Code;
use nightshift_core::api::{Effect, ItemStatus, JobKind, JobRequest, JobResult};
use nightshift_motion::PlanRequest;

const TARGET: &str = "sonicator/rack/A1";

fn load(lab: &mut Lab) -> JobResult {
    lab.run(JobRequest { kind: JobKind::Load, ..transfer("J1", &[("S-001", "", TARGET)]) })
}

/// All motions that were asked for, with how often the lid is in their scene.
fn lids(lab: &Lab) -> Vec<(PlanRequest, usize)> {
    let plans = lab.journal.iter().filter_map(|line| {
        let word: serde_json::Value = serde_json::from_str(line).unwrap();
        let request: PlanRequest = serde_json::from_value(word.get("Plan")?.get("request")?.clone()).unwrap();
        let lids = request.scene.shapes.iter().filter(|shape| shape.name == "sonicator/lid").count();
        Some((request, lids))
    });
    plans.collect()
}

fn told(result: &JobResult) -> Vec<&str> {
    result.outcomes[0].evidence.iter().filter(|e| e.kind == "part").map(|e| &*e.text).collect()
}

#[test]
fn a_lid_that_is_shut_and_said_to_be_open_keeps_the_hand_out() {
    let mut lab = Lab::new();
    lab.faults.parts_at = Some(0.0);
    let result = load(&mut lab);
    let outcome = &result.outcomes[0];
    assert_eq!((outcome.status, outcome.effect), (ItemStatus::Failed, Effect::Picked), "{result:#?}");
    let error = outcome.error.as_ref().unwrap();
    assert_eq!(error.code, Code::SiteNotOpen);
    assert!(error.message.contains("its lid is seen at about 0 %"), "{error}");
    assert_eq!(lab.vials[&"S-001".into()].at, at("storage/rack/A1"), "{:#?}", lab.notices);
    assert!(lab.durable.owed().is_empty() && lab.sites.values().all(|site| site.holder.is_none()));
    assert!(!lab.commands.iter().any(|word| word.starts_with("look sonicator")), "the hand stayed out");
    // Before it was looked at, and when the arm drew back, it might be anywhere.
    let lids: Vec<usize> = lids(&lab).iter().map(|(_, lids)| *lids).filter(|lids| *lids > 0).collect();
    assert!(lids.contains(&11) && lids[lids.len() - 1] == 11, "{lids:?}");
    lab.check_at_rest();
    // Asked again it is looked at again: nothing of what the station said is left.
    let again = lab.run(JobRequest { kind: JobKind::Load, ..transfer("J2", &[("S-001", "", TARGET)]) });
    assert_eq!(again.outcomes[0].error.as_ref().map(|error| error.code), Some(Code::SiteNotOpen));
    assert_eq!(lab.commands.iter().filter(|word| word.starts_with("look parts-sonicator")).count(), 2);
}

#[test]
fn a_lid_that_is_open_is_not_in_the_way_and_is_clear_of_what_the_arm_does_then() {
    let mut lab = Lab::new();
    lab.faults.parts_at = Some(1.0);
    let result = load(&mut lab);
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    let told = told(&result);
    assert!(told.len() == 1 && told[0].contains("not in the way"), "{told:?}");
    let lids: Vec<usize> = lids(&lab).iter().map(|(_, lids)| *lids).filter(|lids| *lids > 0).collect();
    let unsure = lids.iter().filter(|lids| **lids == 11).count();
    assert!((1..=12).contains(&unsure) && lids.iter().filter(|lids| **lids == 1).count() > 3, "{lids:?}");
}

#[test]
fn a_station_that_cannot_be_looked_at_is_believed_and_a_person_is_told() {
    let mut lab = Lab::new();
    lab.faults.no_motion_to_parts = true;
    let result = load(&mut lab);
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    let notice = |words: &&String| words.contains("the parts of sonicator could not be looked at");
    assert_eq!(lab.notices.iter().filter(notice).count(), 1, "{:#?}", lab.notices);
    assert!(told(&result).is_empty());

    let mut lab = Lab::new();
    let result = load(&mut lab);
    assert!(result.success, "{result:#?}");
    let told = told(&result);
    assert!(told.len() == 1 && told[0].contains("not in the way"), "nothing but the bench is seen: {told:?}");
}
