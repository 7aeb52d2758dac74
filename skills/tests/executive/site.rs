//! The handshake with stations: phases, refusals by code, and a release that is owed until it is taken.

use crate::lab::{Lab, Truth, at, transfer};
use nightshift_core::Code;
use nightshift_core::api::{Effect, ItemStatus, JobKind, JobRequest, JobResult, Phase};
use nightshift_core::handshake::Verdict;

const TARGET: &str = "gc/rack/A2";

fn load(job: &str) -> JobRequest {
    JobRequest { kind: JobKind::Load, ..transfer(job, &[("S-001", "", TARGET)]) }
}

/// No station is held, and none is owed a release.
fn all_released(lab: &Lab, when: &str) {
    assert!(lab.durable.owed().is_empty(), "{when}: {:?} is owed; {:#?}", lab.durable.owed(), lab.notices);
    for (id, site) in &lab.sites {
        assert_eq!(site.holder, None, "{when}: {id} is still held; {:#?}", lab.notices);
    }
}

fn code(result: &JobResult) -> Option<Code> {
    result.outcomes[0].error.as_ref().map(|error| error.code)
}

#[test]
fn a_load_prepares_confirms_and_releases_and_an_unload_too() {
    let mut lab = Lab::new();
    let result = lab.run(load("J1"));
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    let phases = lab.phases("J1");
    let order =
        |phase| phases.iter().position(|seen| *seen == phase).unwrap_or_else(|| panic!("no {phase:?}"));
    assert!(
        order(Phase::Carry) < order(Phase::PrepareSite) && order(Phase::PrepareSite) < order(Phase::Place)
    );
    assert!(order(Phase::VerifyPlace) < order(Phase::ReleaseSite), "{phases:?}");
    let words: Vec<&str> =
        result.outcomes[0].evidence.iter().filter(|e| e.kind == "site").map(|e| &*e.text).collect();
    assert!(words.iter().any(|words| words.contains("sensor sees")), "{words:?}");
    all_released(&lab, "after a load");
    let unload = JobRequest { kind: JobKind::Unload, ..transfer("J2", &[("S-001", "", "storage/rack/A1")]) };
    let result = lab.run(unload);
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    let phases = lab.phases("J2");
    let first = |phase| phases.iter().position(|seen| *seen == phase);
    assert!(first(Phase::PrepareSite) < first(Phase::Pick), "{phases:?}");
    all_released(&lab, "after an unload");
    lab.check_at_rest();
}

#[test]
fn the_real_planner_finds_every_motion_of_a_load_onto_a_tray() {
    let mut lab = Lab::new().with_real_planner();
    let result = lab.run(load("J1"));
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    all_released(&lab, "after a load");
}

#[test]
fn a_dry_run_reaches_into_a_station_that_would_be_ready() {
    let mut lab = Lab::new().with_real_planner();
    let result = lab.run(JobRequest { dry_run: true, ..load("J1") });
    assert!(result.success, "{result:#?}\n{:#?}", lab.notices);
    assert!(lab.sites.is_empty(), "a dry run asks no station");
}

#[test]
fn a_station_that_says_no_ends_the_item_with_its_code_and_the_sample_goes_back() {
    for (verdict, wanted) in [
        (Verdict::Refused, Code::SiteRefused),
        (Verdict::Interlock, Code::SiteInterlock),
        (Verdict::Fault, Code::SiteFault),
    ] {
        let mut lab = Lab::new();
        lab.faults.site_verdicts.push_back(verdict);
        let result = lab.run(load("J1"));
        assert_eq!(code(&result), Some(wanted), "{result:#?}");
        let outcome = &result.outcomes[0];
        assert_eq!((outcome.status, outcome.effect), (ItemStatus::Failed, Effect::Picked));
        assert_eq!(lab.vials[&"S-001".into()].at, at("storage/rack/A1"), "{:#?}", lab.notices);
        all_released(&lab, &format!("after {verdict:?}"));
        lab.check_at_rest();
    }
}

#[test]
fn a_busy_station_is_waited_for_and_not_for_ever() {
    let mut lab = Lab::new();
    lab.faults.site_verdicts.extend([Verdict::Busy; 20]);
    let result = lab.run(load("J1"));
    assert!(result.success, "{result:#?}");
    let mut lab = Lab::new();
    lab.faults.site_verdicts.extend([Verdict::Busy; 1000]);
    assert_eq!(code(&lab.run(load("J1"))), Some(Code::SiteBusy));
    lab.faults.site_verdicts.clear();
    let again = lab.run(load("J2"));
    assert!(again.success, "{again:#?}");
    all_released(&lab, "after a busy station");
}

#[test]
fn a_door_that_is_late_or_half_open_keeps_the_hand_out() {
    let mut lab = Lab::new();
    lab.faults.site_slow = true;
    assert_eq!(code(&lab.run(load("J1"))), Some(Code::SiteTimeout));
    all_released(&lab, "after a late door");
    let mut lab = Lab::new();
    lab.faults.site_half_open = true;
    let result = lab.run(load("J1"));
    assert_eq!(code(&result), Some(Code::SiteNotOpen));
    let words = &result.outcomes[0].error.as_ref().unwrap().message;
    assert!(words.contains("tray stands at 50 %"), "{words}");
    all_released(&lab, "after a half open door");
    lab.check_at_rest();
}

#[test]
fn a_sample_that_is_not_seated_is_told_where_it_is() {
    let mut lab = Lab::new();
    lab.faults.site_blind = true;
    let result = lab.run(load("J1"));
    let outcome = &result.outcomes[0];
    assert_eq!((outcome.status, outcome.effect), (ItemStatus::Failed, Effect::Placed), "{result:#?}");
    assert_eq!((code(&result), outcome.location.as_str()), (Some(Code::NotSeated), TARGET));
    all_released(&lab, "after a sample that is not seated");
    lab.check_at_rest();
}

#[test]
fn a_broken_station_or_one_that_nobody_serves_costs_no_motion() {
    let mut lab = Lab::new();
    lab.faults.site_breaks = true;
    let result = lab.run(load("J1"));
    assert_eq!(code(&result), Some(Code::SiteFault), "{result:#?}");
    assert_eq!(result.outcomes[0].effect, Effect::None);
    assert!(!lab.commands.iter().any(|command| command.starts_with("drive")), "{:?}", lab.commands);
    let mut lab = Lab::new();
    lab.faults.site_deaf = 1;
    let result = lab.run(load("J1"));
    assert_eq!((code(&result), result.outcomes[0].effect), (Some(Code::SiteUnavailable), Effect::None));
    assert!(!lab.commands.iter().any(|command| command.starts_with("drive")), "{:?}", lab.commands);
}

#[test]
fn a_release_that_is_not_taken_stays_owed_and_comes_before_the_next_visit() {
    let mut lab = Lab::new();
    let id = lab.submit(load("J1")).unwrap();
    lab.until(|lab| lab.phases("J1").contains(&Phase::ReleaseSite));
    lab.faults.site_deaf = 100;
    let result = lab.finish(&id);
    assert_eq!(code(&result), Some(Code::SiteUnavailable), "{result:#?}");
    assert_eq!((result.outcomes[0].status, result.outcomes[0].effect), (ItemStatus::Failed, Effect::Placed));
    assert_eq!(lab.durable.owed().len(), 1);
    lab.faults.site_deaf = 0;
    let next = lab.run(transfer("J2", &[("S-001", "", "storage/rack/A1")]));
    assert!(next.success, "{next:#?}");
    all_released(&lab, "after the next visit");
}

#[test]
fn a_cancel_at_any_time_of_a_load_leaves_no_station_held() {
    let mut at_s = 0.3;
    loop {
        let mut lab = Lab::new();
        lab.submit(load("J1")).unwrap();
        lab.until(|lab| lab.now.seconds() >= at_s || lab.result("J1").is_some());
        if lab.result("J1").is_some() {
            break;
        }
        lab.cancel("J1").unwrap();
        lab.finish("J1");
        let when = format!("cancelled at {at_s} s");
        all_released(&lab, &when);
        assert!(matches!(lab.vials[&"S-001".into()].at, Truth::Slot(_)), "{when}");
        lab.check_at_rest();
        at_s += 2.3;
    }
    assert!(at_s > 40.0, "the load took {at_s} s");
}

#[test]
fn a_kill_at_any_time_of_a_load_leaves_no_station_held_once_it_is_resumed() {
    let (mut at_s, mut owed) = (0.3, 0);
    loop {
        let mut lab = Lab::new();
        lab.submit(load("J1")).unwrap();
        lab.until(|lab| lab.now.seconds() >= at_s || lab.result("J1").is_some());
        if lab.result("J1").is_some() {
            break;
        }
        lab.crash();
        let when = format!("killed at {at_s} s");
        let held = lab.sites.values().any(|site| site.holder.is_some());
        owed += usize::from(held);
        assert!(!held || !lab.durable.owed().is_empty(), "{when}: a station is held and nobody remembers");
        lab.resume().unwrap();
        lab.settle();
        all_released(&lab, &when);
        lab.check_at_rest();
        at_s += 1.9;
    }
    assert!(owed > 5, "a station was held at {owed} kills only");
}
