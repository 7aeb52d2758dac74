//! A lid without a drive: the hand opens it, and shuts it before the station is told that it is out.

use crate::lab::{Lab, at, transfer};
use nightshift_core::Code;
use nightshift_core::api::{ItemStatus, JobEvent, JobKind, JobRequest, JobResult, Phase};

const TARGET: &str = "sonicator/rack/A1";

fn lab() -> Lab {
    Lab::new().with_hand_lid().with_wrist()
}

fn load(job: &str) -> JobRequest {
    JobRequest { kind: JobKind::Load, ..transfer(job, &[("S-001", "", TARGET)]) }
}

fn lid(lab: &Lab) -> f64 {
    lab.part_at(&"sonicator".into(), &"lid".into())
}

fn told(result: &JobResult) -> Vec<&str> {
    let texts = result.outcomes[0].evidence.iter().filter(|e| e.kind == "part").map(|e| &*e.text);
    texts.filter(|text| text.contains("by hand")).collect()
}

fn error(result: &JobResult) -> Code {
    result.outcomes[0].error.as_ref().unwrap_or_else(|| panic!("{result:#?}")).code
}

/// Nobody is owed a release, and the hand is off the knob.
fn let_go(lab: &Lab) {
    assert!(lab.held_knob.is_none(), "{:#?}", lab.notices);
    assert!(lab.durable.owed().is_empty() && lab.sites.values().all(|site| site.holder.is_none()));
    lab.check_at_rest();
}

#[test]
fn a_lid_is_opened_before_the_hand_reaches_in_and_shut_before_the_station_is_released() {
    let mut lab = lab();
    let result = lab.run(load("J1"));
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    assert_eq!(lab.vials[&"S-001".into()].at, at(TARGET));
    assert!(lid(&lab) < 0.01, "{}", lid(&lab));
    let told = told(&result);
    assert!(told.len() == 2 && told[0].contains("from 0 % to 100 %"), "{told:?}");
    assert!(told[1].contains("from 100 % to 0 %"), "{told:?}");
    let_go(&lab);
    // A lid that is open already is not touched, and is shut all the same.
    let commands = lab.commands.len();
    let back = JobRequest { kind: JobKind::Unload, ..transfer("J2", &[("S-001", "", "deck/rack/A1")]) };
    let result = lab.run(back);
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    assert!(lid(&lab) < 0.01 && lab.commands[commands..].iter().any(|word| word == "Release sonicator"));
    let_go(&lab);
}

#[test]
fn a_lid_that_sticks_is_told_by_name_and_the_sample_goes_back() {
    let mut lab = lab();
    lab.faults.part_sticks_at = Some(0.4);
    let result = lab.run(load("J1"));
    assert_eq!((result.outcomes[0].status, error(&result)), (ItemStatus::Failed, Code::SitePartStuck));
    let words = &result.outcomes[0].error.as_ref().unwrap().message;
    assert!(words.contains("the lid of sonicator sticks") && words.contains("from 0 % to 4"), "{words}");
    assert_eq!(lab.vials[&"S-001".into()].at, at("storage/rack/A1"), "{:#?}", lab.notices);
    assert!(lid(&lab) < 0.01, "it was shut again");
    let_go(&lab);
}

#[test]
fn a_knob_that_is_not_where_the_station_says_is_missed_and_nothing_is_pulled() {
    let mut lab = lab();
    lab.put_part("sonicator", "lid", 0.3);
    lab.faults.parts_told = Some(0.0);
    let result = lab.run(load("J1"));
    assert_eq!(error(&result), Code::GraspMissed, "{result:#?}");
    assert!((lid(&lab) - 0.3).abs() < 1e-9);
    assert_eq!(lab.vials[&"S-001".into()].at, at("storage/rack/A1"), "{:#?}", lab.notices);
    let_go(&lab);
}

#[test]
fn a_lid_that_does_not_shut_is_told_and_the_station_is_released_with_it_open() {
    let mut lab = lab();
    lab.submit(load("J1")).unwrap();
    lab.until(|lab| lab.vials[&"S-001".into()].at == at(TARGET));
    // Whatever the hand does to it, the station has it open.
    lab.faults.parts_told = Some(1.0);
    lab.until(|lab| lab.result("J1").is_some());
    let result = lab.result("J1").unwrap();
    assert_eq!((result.outcomes[0].status, error(&result)), (ItemStatus::Failed, Code::SitePartStuck));
    assert_eq!(result.outcomes[0].location, TARGET, "{result:#?}");
    let words = &result.outcomes[0].error.as_ref().unwrap().message;
    assert!(words.contains("was let go at 0 % of its way, and the station has it at 100 %"), "{words}");
    let notice = |words: &&str| lab.notices.iter().any(|notice| notice.contains(*words));
    // It is tried once more on the way out, where no knob is any more.
    for words in ["sonicator is not shut: 502 GRASP_MISSED", "sonicator is released, and waits in its state"]
    {
        assert!(notice(&words), "{words}: {:#?}", lab.notices);
    }
    lab.settle();
    let_go(&lab);
}

#[test]
fn a_station_that_falls_silent_while_its_knob_is_held_is_told_with_the_hand_off_it() {
    let mut lab = lab();
    lab.submit(load("J1")).unwrap();
    lab.until(|lab| lab.held_knob.is_some());
    lab.faults.site_deaf = 1;
    lab.until(|lab| lab.result("J1").is_some());
    let result = lab.result("J1").unwrap();
    assert_eq!(error(&result), Code::SiteUnavailable, "{result:#?}");
    lab.settle();
    assert!(lid(&lab) < 0.01, "nothing was pulled");
    assert_eq!(lab.vials[&"S-001".into()].at, at("storage/rack/A1"), "{:#?}", lab.notices);
    let_go(&lab);
}

#[test]
fn a_cancel_while_the_lid_is_pulled_ends_with_the_lid_shut_and_the_sample_in_a_safe_place() {
    for share in [0.05, 0.5, 0.95] {
        for opening in [true, false] {
            let mut lab = lab();
            lab.submit(load("J1")).unwrap();
            lab.until(|lab| {
                lab.held_knob.is_some() && (lid(lab) > share) == opening || {
                    let placed = lab.vials[&"S-001".into()].at == at(TARGET);
                    !opening && placed && lab.held_knob.is_some() && lid(lab) < share
                }
            });
            lab.cancel("J1").unwrap();
            lab.settle();
            let when = format!("at {share} while it opens: {opening}; {:#?}", lab.notices);
            assert!(lid(&lab) < 0.01, "{} {when}", lid(&lab));
            let there = &lab.vials[&"S-001".into()].at;
            assert!(*there == at("deck/rack/A1") || *there == at(TARGET), "{there:?} {when}");
            let_go(&lab);
        }
    }
}

#[test]
fn a_hand_that_is_on_a_knob_after_a_crash_lets_go_before_the_arm_moves_away() {
    let mut lab = lab();
    lab.submit(load("J1")).unwrap();
    lab.until(|lab| lab.held_knob.is_some() && lid(lab) > 0.5);
    let stood = lid(&lab);
    lab.crash();
    lab.until(|lab| lab.result("J1").is_some());
    lab.resume().unwrap();
    lab.settle();
    assert!((lid(&lab) - stood).abs() < 0.01, "it was moved from {stood} to {}", lid(&lab));
    let_go(&lab);
    let result = lab.run(load("J2"));
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    assert!(lid(&lab) < 0.01);
    let phases = lab.events.iter().filter_map(|event| match event {
        JobEvent::Feedback(job, feedback) if job.as_str() == "J2" => Some(feedback.phase),
        _ => None,
    });
    assert!(phases.into_iter().any(|phase| phase == Phase::ReleaseSite));
}
