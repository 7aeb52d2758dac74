//! Everything that can go wrong, one at a time.

use crate::lab::{Lab, Truth, at, transfer, usual};
use nightshift_core::api::{Effect, ItemOutcome, ItemStatus, JobKind, JobRequest, Phase};
use nightshift_core::{Code, Failure};

fn outcome(lab: &mut Lab, request: JobRequest) -> ItemOutcome {
    let mut result = lab.run(request);
    lab.check_at_rest();
    assert!(lab.durable.samples().all(|(_, known)| known.reserved.is_none()));
    result.outcomes.remove(0)
}

fn code(outcome: &ItemOutcome) -> Code {
    outcome.error.as_ref().expect("it failed").code
}

#[track_caller]
fn untouched(lab: &Lab, outcome: &ItemOutcome, expected: Code) {
    assert_eq!(code(outcome), expected, "{outcome:#?}");
    assert_eq!((outcome.status, outcome.effect), (ItemStatus::Failed, Effect::None));
    assert_eq!(outcome.location, "storage/rack/A1");
    assert_eq!(lab.vials[&"S-001".into()].at, at("storage/rack/A1"));
}

#[test]
fn an_arm_that_fails_once_the_sample_is_there_is_told_and_nothing_moves_until_somebody_looks() {
    let mut lab = Lab::new();
    let load = JobRequest { kind: JobKind::Load, ..transfer("J1", &[("S-001", "", "sonicator/rack/A1")]) };
    lab.submit(load).unwrap();
    // The hand is out, and the station waits for its release.
    lab.until(|lab| lab.phases("J1").contains(&Phase::ReleaseSite));
    lab.faults.arm_fault_after = Some(0);
    lab.until(|lab| lab.result("J1").is_some());
    let outcome = &lab.result("J1").unwrap().outcomes[0];
    assert_eq!(outcome.error.as_ref().map(|error| error.code), Some(Code::ArmFault), "{outcome:?}");
    assert_eq!((outcome.status, &*outcome.location), (ItemStatus::Failed, "sonicator/rack/A1"));
    assert!(lab.notices.iter().any(|words| words.contains("ARM_FAULT")), "{:#?}", lab.notices);
    let motions = lab.commands.iter().filter(|word| *word == "move").count();
    assert!(lab.submit(usual("J2")).is_err(), "nothing moves until somebody has looked");
    lab.settle();
    assert_eq!(lab.commands.iter().filter(|word| *word == "move").count(), motions);
}

#[test]
fn no_way_to_the_source() {
    let mut lab = Lab::new();
    lab.faults.drive.push_back(Failure::new(Code::NoPath, "the door is shut"));
    let ended = outcome(&mut lab, usual("J1"));
    untouched(&lab, &ended, Code::NoPath);
    assert!(outcome(&mut lab, usual("J2")).error.is_none(), "the robot goes on");
}

#[test]
fn a_robot_that_finds_its_way_again_goes_on() {
    let mut lab = Lab::new();
    lab.faults.drive.push_back(Failure::new(Code::Lost, "scans do not fit"));
    assert!(outcome(&mut lab, usual("J1")).error.is_none());
    lab.faults.drive.extend([Failure::new(Code::Lost, "1"), Failure::new(Code::Lost, "2")]);
    let ended = outcome(&mut lab, transfer("J2", &[("S-002", "", "gc/rack/A1")]));
    assert_eq!((code(&ended), ended.effect), (Code::Lost, Effect::None));
}

#[test]
fn docking_that_fails() {
    let mut lab = Lab::new();
    lab.faults.dock.push_back(Failure::new(Code::DockFailed, "12 mm off"));
    let ended = outcome(&mut lab, usual("J1"));
    untouched(&lab, &ended, Code::DockFailed);
}

#[test]
fn a_dock_whose_tag_is_not_seen_says_what_the_picture_was() {
    let mut lab = Lab::new();
    lab.faults.blind = 1;
    let ended = outcome(&mut lab, usual("J1"));
    untouched(&lab, &ended, Code::DockNotSeen);
    assert!(ended.error.unwrap().message.contains("dark"));
}

#[test]
fn retries_are_made_as_often_as_asked() {
    let mut lab = Lab::new();
    let blocked = || Failure::new(Code::Blocked, "somebody stands there");
    lab.faults.drive.extend([blocked(), blocked()]);
    let mut request = usual("J1");
    request.on_failure = "RETRY_2".into();
    assert!(outcome(&mut lab, request).error.is_none());
    lab.faults.drive.extend([blocked(), blocked(), blocked()]);
    let mut request = transfer("J2", &[("S-002", "", "gc/rack/A1")]);
    request.on_failure = "RETRY_2".into();
    let ended = outcome(&mut lab, request);
    assert_eq!((code(&ended), ended.effect), (Code::Blocked, Effect::None));
}

#[test]
fn where_a_neighbour_is_too_near_to_a_finger_the_other_side_is_tried() {
    let mut lab = Lab::new();
    lab.faults.no_way_around = Some(("storage/rack/A1".parse().unwrap(), 1));
    assert!(outcome(&mut lab, usual("J1")).error.is_none());
    assert_eq!(lab.faults.no_way_around.unwrap().1, 0, "no way was asked for");
}

#[test]
fn a_rack_that_was_moved() {
    let mut lab = Lab::new();
    lab.faults.nest_shift.insert("storage".into(), 0.03);
    let ended = outcome(&mut lab, usual("J1"));
    untouched(&lab, &ended, Code::NestMoved);
}

#[test]
fn a_rack_that_stands_a_little_off_and_a_dock_that_is_not_exact() {
    let mut lab = Lab::new();
    lab.faults.nest_shift.insert("storage".into(), 0.012);
    lab.faults.dock_error_m = -0.004;
    assert!(outcome(&mut lab, usual("J1")).error.is_none());
}

#[test]
fn a_bad_picture_is_taken_again() {
    let mut lab = Lab::new();
    lab.submit(usual("J1")).unwrap();
    lab.until(|lab| lab.commands.contains(&"look storage-rack".to_owned()));
    lab.faults.blind = 2;
    assert!(lab.finish("J1").success);
    lab.submit(transfer("J2", &[("S-002", "", "gc/rack/A1")])).unwrap();
    lab.commands.clear();
    lab.until(|lab| lab.commands.contains(&"look storage-rack".to_owned()));
    lab.faults.blind = 3;
    let ended = lab.finish("J2").outcomes.remove(0);
    assert_eq!((code(&ended), ended.effect), (Code::UnreadableCode, Effect::None));
}

#[test]
fn a_sample_that_is_not_there() {
    let mut lab = Lab::new();
    lab.vials.get_mut(&"S-001".into()).unwrap().at = Truth::Dropped;
    let ended = outcome(&mut lab, usual("J1"));
    assert_eq!(
        (ended.status, ended.effect, code(&ended)),
        (ItemStatus::Failed, Effect::None, Code::SampleMissing)
    );
    // The ledger is no longer certain of it, also after a restart; others are served meanwhile.
    assert_eq!(ended.location, "storage/rack/A1|nowhere");
    assert!(lab.run(transfer("J2", &[("S-003", "", "gc/rack/A1")])).success, "{:#?}", lab.notices);
    assert_eq!(lab.durable.lines(Some(&"S-001".into()))[0].location, "storage/rack/A1|nowhere");
    // Nobody takes its slot, and nobody moves it by the ledger's word alone.
    let taken = lab.submit(transfer("J3", &[("S-002", "", "storage/rack/A1")])).unwrap_err();
    assert_eq!(taken.code, Code::TargetOccupied);
    let blind = lab.submit(transfer("J4", &[("S-001", "", "photolysis/rack/A1")])).unwrap_err();
    assert_eq!(blind.code, Code::InDoubt);
    // A person names the slot: it is looked at first. Once in vain, once with the sample back in it.
    let there = |job: &str| transfer(job, &[("S-001", "storage/rack/A1", "photolysis/rack/A1")]);
    let ended = outcome(&mut lab, there("J5"));
    assert_eq!((code(&ended), ended.location.as_str()), (Code::SampleMissing, "storage/rack/A1|nowhere"));
    lab.vials.get_mut(&"S-001".into()).unwrap().at = at("storage/rack/A1");
    assert!(lab.run(there("J6")).success, "{:#?}", lab.notices);
    lab.check_at_rest();
}

#[test]
fn a_sample_whose_code_cannot_be_seen_counts_as_missing() {
    let mut lab = Lab::new();
    lab.vials.get_mut(&"S-001".into()).unwrap().readable = false;
    let ended = outcome(&mut lab, usual("J1"));
    assert_eq!((code(&ended), ended.effect), (Code::SampleMissing, Effect::None));
    assert_eq!(lab.vials[&"S-001".into()].at, at("storage/rack/A1"));
}

#[test]
fn a_sample_that_stands_too_high_is_not_gripped() {
    let mut lab = Lab::new();
    lab.vials.get_mut(&"S-001".into()).unwrap().raised_m = 0.012;
    let ended = outcome(&mut lab, usual("J1"));
    untouched(&lab, &ended, Code::SeenUnseated);
    assert!(ended.error.unwrap().message.contains("12.0 mm too high in storage/rack/A1"));
    // Pushed down, it is carried as any other.
    lab.vials.get_mut(&"S-001".into()).unwrap().raised_m = 0.0;
    assert!(lab.run(usual("J2")).success, "{:#?}", lab.notices);
    lab.check_at_rest();
}

#[test]
fn a_sample_that_was_put_down_and_is_not_seated_is_told_so() {
    let raised = |lab: &mut Lab| lab.vials.get_mut(&"S-001".into()).unwrap().raised_m = 0.009;
    let held = |lab: &Lab| lab.vials[&"S-001".into()].at == Truth::Held;
    let told = |lab: &mut Lab| {
        let ended = lab.finish("J1").outcomes.remove(0);
        // It is where it was put, and everybody knows.
        assert_eq!(lab.vials[&"S-001".into()].at, at(&ended.location));
        (ended.status, ended.effect, code(&ended))
    };
    // On the deck, on its way.
    let mut lab = Lab::new();
    lab.submit(usual("J1")).unwrap();
    lab.until(held);
    raised(&mut lab);
    assert_eq!(told(&mut lab), (ItemStatus::Failed, Effect::Picked, Code::SeenUnseated));
    // In its target.
    let mut lab = Lab::new();
    lab.submit(usual("J1")).unwrap();
    lab.until(|lab| lab.vials[&"S-001".into()].at == at("deck/rack/A1"));
    lab.until(held);
    raised(&mut lab);
    assert_eq!(told(&mut lab), (ItemStatus::Failed, Effect::Placed, Code::SeenUnseated));
}

#[test]
fn another_sample_in_its_place() {
    let mut lab = Lab::new();
    lab.vials.get_mut(&"S-001".into()).unwrap().tag = 333;
    let ended = outcome(&mut lab, usual("J1"));
    untouched_code(&ended, Code::WrongIdentity);
    assert_eq!(lab.vials[&"S-001".into()].at, at("storage/rack/A1"));
    // Which of the two is wrong, label or ledger, is not known: it is no longer certain, and nobody is put there.
    assert_eq!(ended.location, "storage/rack/A1|nowhere");
    let again = lab.submit(transfer("J2", &[("S-001", "", "photolysis/rack/A1")])).unwrap_err();
    assert_eq!((again.code, again.code.next_call().contains("reconcile")), (Code::InDoubt, true));
    assert!(ended.error.unwrap().message.contains("333"));
    // The caller expects another code than is printed on it.
    let mut lab = Lab::new();
    let mut request = usual("J1");
    request.items[0].expected_code = "tag36h11:102".into();
    let ended = outcome(&mut lab, request);
    untouched(&lab, &ended, Code::WrongIdentity);
}

#[test]
fn a_label_that_two_vials_wear_tells_neither() {
    let mut lab = Lab::new();
    let tag = lab.vials[&"S-001".into()].tag;
    lab.vials.get_mut(&"S-002".into()).unwrap().tag = tag;
    let ended = outcome(&mut lab, usual("J1"));
    untouched(&lab, &ended, Code::ContradictoryIdentity);
    assert!(ended.error.unwrap().message.contains("2 vessels"));
}

#[test]
fn a_grasp_that_misses_is_made_again() {
    let mut lab = Lab::new();
    lab.faults.misses = 2;
    assert!(outcome(&mut lab, usual("J1")).error.is_none(), "{:#?}", lab.notices);
    lab.faults.misses = 9;
    let mut request = usual("J2");
    request.items[0] = transfer("J2", &[("S-002", "", "gc/rack/A1")]).items.remove(0);
    let ended = outcome(&mut lab, request);
    assert_eq!(code(&ended), Code::GraspMissed);
    assert_eq!(ended.location, "storage/rack/A2");
    assert_eq!(lab.vials[&"S-002".into()].at, at("storage/rack/A2"));
}

#[test]
fn a_sample_that_slips_back_into_its_slot_is_grasped_again() {
    let mut lab = Lab::new();
    lab.faults.slips = 1;
    let ended = outcome(&mut lab, usual("J1"));
    assert!(ended.error.is_none(), "{ended:#?} {:#?}", lab.notices);
    assert!(lab.notices.iter().any(|notice| notice.contains("slipped")), "{:#?}", lab.notices);
}

#[test]
fn a_sample_that_falls_is_in_doubt_and_the_robot_waits_for_a_person() {
    let mut lab = Lab::new();
    lab.faults.drops = 1;
    let result =
        lab.run(transfer("J1", &[("S-001", "", "photolysis/rack/A1"), ("S-002", "", "photolysis/rack/A2")]));
    let ended = &result.outcomes[0];
    assert_eq!(
        (ended.status, ended.effect, code(ended)),
        (ItemStatus::InDoubt, Effect::Unknown, Code::GraspLost)
    );
    // The fingers are felt to be empty, the slot is seen to be: it is somewhere near the slot.
    assert_eq!(ended.location, "storage/rack/A1|nowhere");
    assert_eq!(result.outcomes[1].effect, Effect::None);
    let refused = lab.submit(transfer("J2", &[("S-003", "", "gc/rack/A1")])).unwrap_err();
    assert_eq!(refused.code, Code::GraspLost);
    lab.resume().unwrap();
    lab.settle();
    assert!(lab.run(transfer("J3", &[("S-003", "", "gc/rack/A1")])).success, "{:#?}", lab.notices);
    // A person has put it back, and says so by naming the source.
    lab.vials.get_mut(&"S-001".into()).unwrap().at = at("storage/rack/A1");
    let blind = lab.submit(transfer("J4", &[("S-001", "", "photolysis/rack/A1")])).unwrap_err();
    assert_eq!(blind.code, Code::InDoubt);
    assert!(lab.run(transfer("J5", &[("S-001", "storage/rack/A1", "photolysis/rack/A1")])).success);
    lab.check_at_rest();
}

#[test]
fn a_target_that_is_not_clear_sends_the_sample_back() {
    let mut lab = Lab::new();
    let intruder = lab.vials.get_mut(&"S-008".into()).unwrap();
    intruder.at = at("photolysis/rack/A1");
    // The ledger does not know of it: the check against it is for the samples it has right.
    let (id, vial) = lab.vials.remove_entry(&"S-008".into()).unwrap();
    lab.vials.insert("intruder".into(), vial.clone());
    lab.vials.insert(id, crate::lab::Vial { at: at("gc/rack/B1"), ..vial });
    let ended = outcome(&mut lab, usual("J1"));
    assert_eq!(
        (ended.status, ended.effect, code(&ended)),
        (ItemStatus::Failed, Effect::Picked, Code::TargetNotClear)
    );
    assert_eq!(ended.location, "storage/rack/A1");
    let mut hold = usual("J2");
    hold.on_failure = "HOLD".into();
    let ended = outcome(&mut lab, hold);
    assert_eq!(code(&ended), Code::TargetNotClear);
    assert!(ended.location.starts_with("deck/"), "{}", ended.location);
}

#[test]
fn no_way_to_the_target_and_none_back_leaves_the_sample_on_the_deck() {
    let mut lab = Lab::new();
    lab.submit(usual("J1")).unwrap();
    lab.until(|lab| lab.commands.iter().any(|c| c == "dock storage"));
    let shut = || Failure::new(Code::NoPath, "the door is shut");
    lab.faults.drive.extend([shut(), shut()]);
    let ended = lab.finish("J1").outcomes.remove(0);
    assert_eq!(
        (ended.status, ended.effect, code(&ended)),
        (ItemStatus::Failed, Effect::Picked, Code::NoPath)
    );
    assert!(ended.location.starts_with("deck/"), "{}", ended.location);
    lab.check_at_rest();
    assert!(
        lab.run(transfer("J2", &[("S-001", "", "photolysis/rack/A1")])).success,
        "from the deck it goes on"
    );
}

#[test]
fn a_slot_that_the_arm_cannot_get_above() {
    let mut lab = Lab::new();
    lab.faults.no_motion_above = Some("photolysis/rack/A1".parse().unwrap());
    let ended = outcome(&mut lab, usual("J1"));
    assert_eq!((ended.effect, code(&ended)), (Effect::Picked, Code::NoMotion));
    assert_eq!(ended.location, "storage/rack/A1", "{:#?}", lab.notices);
    lab.faults.no_motion_above = Some("storage/rack/A1".parse().unwrap());
    let ended = outcome(&mut lab, usual("J3"));
    untouched_code(&ended, Code::NoMotion);
}

#[track_caller]
fn untouched_code(outcome: &ItemOutcome, expected: Code) {
    assert_eq!((code(outcome), outcome.effect), (expected, Effect::None), "{outcome:#?}");
}

#[test]
fn a_vial_that_falls_beside_the_slot() {
    let mut lab = Lab::new();
    lab.faults.botched_places = 1;
    let ended = lab.run(usual("J1")).outcomes.remove(0);
    assert_eq!((ended.status, code(&ended)), (ItemStatus::InDoubt, Code::PlaceFailed));
    assert!(ended.location.contains("deck/rack/A1"), "{}", ended.location);
}

#[test]
fn an_arm_that_does_not_follow_stops_everything() {
    for after in 0..14 {
        let mut lab = Lab::new();
        lab.faults.arm_fault_after = Some(after);
        let ended = lab.run(usual("J1")).outcomes.remove(0);
        assert_eq!(code(&ended), Code::ArmFault, "after {after}: {ended:#?}");
        let motions = lab.commands.iter().filter(|c| *c == "move").count();
        assert_eq!(motions as u32, after + 1, "nothing moves after the fault");
        lab.check_at_rest();
        assert_eq!(lab.submit(usual("J2")).unwrap_err().code, Code::ArmFault);
        lab.faults.arm_fault_after = None;
        lab.resume().unwrap();
        lab.settle();
        lab.check_at_rest();
        let mut again = usual("J3");
        again.items[0].source.clear();
        if ended.status == ItemStatus::InDoubt
            && lab.durable.sample(&"S-001".into()).unwrap().whereabouts.known().is_none()
        {
            again.items[0].source = match &lab.vials[&"S-001".into()].at {
                Truth::Slot(address) => address.to_string(),
                other => panic!("after {after}: {other:?}"),
            };
        }
        let result = lab.run(again);
        assert!(result.success, "after {after}: {result:#?} {:#?}", lab.notices);
        lab.check_at_rest();
    }
}

#[test]
fn an_arm_that_says_nothing_is_not_waited_for_for_ever() {
    let mut lab = Lab::new();
    lab.faults.arm_silent = true;
    let ended = outcome(&mut lab, usual("J1"));
    untouched(&lab, &ended, Code::RobotUnavailable);
}

#[test]
fn a_store_that_fails_stops_everything_and_nothing_is_lost() {
    for after in 2..9 {
        let mut lab = Lab::new();
        lab.faults.store_fails_after = Some(after);
        let result = lab.run(usual("J1"));
        assert!(!result.success);
        assert_eq!(result.error.unwrap().code, Code::StoreUnavailable);
        let moves = lab.commands.len();
        lab.until({
            let until = lab.now.seconds() + 60.0;
            move |lab| lab.now.seconds() > until
        });
        assert_eq!(lab.commands.len(), moves, "nothing moves without a store");
        assert_eq!(lab.submit(usual("J2")).unwrap_err().code, Code::StoreUnavailable);
        assert_eq!(lab.resume().unwrap_err().code, Code::StoreUnavailable);
    }
}

#[test]
fn a_submission_that_cannot_be_stored_is_refused() {
    let mut lab = Lab::new();
    lab.settle();
    lab.faults.store_fails_after = Some(0);
    assert_eq!(lab.submit(usual("J1")).unwrap_err().code, Code::StoreUnavailable);
}

#[test]
fn a_robot_that_was_moved_while_idle_docks_anew() {
    let mut lab = Lab::new();
    assert!(outcome(&mut lab, transfer("J1", &[("S-001", "", "storage/rack/B3")])).error.is_none());
    lab.base = crate::lab::BaseAt::Free;
    let later = lab.now.seconds() + 2.0;
    lab.until(|lab| lab.now.seconds() > later);
    lab.commands.clear();
    assert!(outcome(&mut lab, transfer("J2", &[("S-001", "", "storage/rack/B4")])).error.is_none());
    assert!(lab.commands.contains(&"dock storage".to_owned()));
}

#[test]
fn a_vial_that_slips_to_its_cap_may_still_be_between_the_fingers() {
    let mut lab = Lab::new();
    lab.faults.pinches = 1;
    let result = lab.run(usual("J"));
    let outcome = &result.outcomes[0];
    assert_eq!(outcome.status, ItemStatus::InDoubt, "{outcome:?}");
    assert!(outcome.location.split('|').any(|place| place == "gripper"), "{}", outcome.location);
    assert_eq!(lab.vials[&"S-001".into()].at, Truth::Held);
}

/// What docking saw is gone by for half an hour, and only where it was seen well: then the base docks anew.
#[test]
fn a_docking_that_is_old_or_unsure_is_done_again_before_the_arm_reaches_in() {
    let moves = [("storage/rack/A1", "photolysis/rack/A1"), ("photolysis/rack/A1", "photolysis/rack/A2")];
    let docked = |lab: &Lab| lab.commands.iter().filter(|c| *c == "dock photolysis").count();
    for (sigma_m, waits_s, times) in [(0.001, 0.0, 1), (0.001, 1900.0, 2), (0.02, 0.0, 2)] {
        let mut lab = Lab::new();
        lab.faults.dock_sigma_m = sigma_m;
        for (index, (from, to)) in moves.iter().enumerate() {
            let result = lab.run(transfer(&format!("J{index}"), &[("S-001", from, to)]));
            assert!(result.success, "{result:#?}");
            let until = lab.now.seconds() + waits_s;
            lab.until(|lab| lab.now.seconds() >= until);
        }
        assert_eq!(docked(&lab), times, "{sigma_m} m, {waits_s} s: {:?}", lab.commands);
        lab.check_at_rest();
    }
}
