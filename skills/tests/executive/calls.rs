//! What calls are answered: nonsense, conflicts, the queue, the same job again.

use crate::lab::{Lab, at, transfer, usual};
use nightshift_core::Code;
use nightshift_core::api::{Effect, ItemStatus, JobKind, JobRequest, Reply, Request};
use nightshift_core::describe::{Rule, Zone};
use nightshift_skills::Store;

fn refused(lab: &mut Lab, request: JobRequest) -> Code {
    lab.settle();
    let before = lab.durable.head().seq;
    let failure = lab.submit(request).expect_err("this request must be refused");
    assert!(!failure.message.is_empty());
    assert_eq!(lab.durable.head().seq, before, "a refused request leaves no trace in the ledger");
    failure.code
}

fn one(sample: &str, source: &str, target: &str) -> JobRequest {
    transfer("J1", &[(sample, source, target)])
}

#[test]
fn nonsense_is_refused_with_its_code() {
    let mut lab = Lab::new();
    let good = || one("S-001", "storage/rack/A1", "photolysis/rack/A1");
    let with = |change: &dyn Fn(&mut JobRequest)| {
        let mut request = good();
        change(&mut request);
        request
    };
    let cases: Vec<(JobRequest, Code)> = vec![
        (with(&|r| r.job_id = " ".into()), Code::MalformedRequest),
        (with(&|r| r.job_id = "x".repeat(200)), Code::MalformedRequest),
        (with(&|r| r.job_id = "a\nb".into()), Code::MalformedRequest),
        (with(&|r| r.caller.clear()), Code::MalformedRequest),
        (with(&|r| r.items.clear()), Code::MalformedRequest),
        (with(&|r| r.on_failure = "QUARANTINE".into()), Code::MalformedRequest),
        (with(&|r| r.on_failure = "RETRY_0".into()), Code::MalformedRequest),
        (with(&|r| r.verify = "NONE".into()), Code::MalformedRequest),
        (with(&|r| r.deadline_s = f64::NAN), Code::MalformedRequest),
        (with(&|r| r.deadline_s = -1.0), Code::MalformedRequest),
        (with(&|r| r.deadline_s = f64::INFINITY), Code::MalformedRequest),
        (with(&|r| r.items[0].sample_id.clear()), Code::MalformedRequest),
        (with(&|r| r.items[0].target = "photolysis".into()), Code::MalformedRequest),
        (with(&|r| r.items[0].source = "storage//A1".into()), Code::MalformedRequest),
        (with(&|r| r.items[0].expected_code = "S-001".into()), Code::MalformedRequest),
        (with(&|r| r.items[0].expected_code = "tag36h11:587".into()), Code::MalformedRequest),
        (with(&|r| r.items[0].target = "moon/rack/A1".into()), Code::UnknownStation),
        (with(&|r| r.items[0].target = "gc/tray/A1".into()), Code::UnknownNest),
        (with(&|r| r.items[0].target = "gc/rack/C1".into()), Code::UnknownSlot),
        (with(&|r| r.items[0].target = "gc/rack/A5".into()), Code::UnknownSlot),
        (with(&|r| r.items[0].target = "deck/rack/Z9".into()), Code::UnknownSlot),
        (with(&|r| r.items[0].source = "moon/rack/A1".into()), Code::UnknownStation),
        (with(&|r| r.items[0].labware_type = "bucket".into()), Code::UnknownLabware),
        (with(&|r| r.items[0].sample_id = "S-999".into()), Code::UnknownSample),
        (with(&|r| r.items[0].target = "storage/rack/A2".into()), Code::TargetOccupied),
        (with(&|r| r.items[0].source = "storage/rack/A2".into()), Code::SourceEmpty),
        (with(&|r| r.items[0].source = "gripper".into()), Code::SourceEmpty),
        (with(&|r| r.items.push(r.items[0].clone())), Code::DuplicateItem),
        (
            with(&|r| {
                r.items.push(r.items[0].clone());
                (r.items[1].sample_id, r.items[1].source) = ("S-002".into(), String::new());
            }),
            Code::DuplicateItem,
        ),
    ];
    for (request, code) in cases {
        assert_eq!(refused(&mut lab, request.clone()), code, "{request:?}");
    }
    assert!(lab.submit(good()).is_ok(), "after all that, a good one is taken");
}

#[test]
fn load_and_unload_want_one_instrument() {
    let mut lab = Lab::new();
    let kind = |kind, mut request: JobRequest| {
        request.kind = kind;
        request
    };
    let from_storage = one("S-001", "", "photolysis/rack/A1");
    assert_eq!(refused(&mut lab, kind(JobKind::Unload, from_storage)), Code::MalformedRequest);
    let to_storage = one("S-007", "", "storage/rack/B3");
    assert_eq!(refused(&mut lab, kind(JobKind::Load, to_storage)), Code::MalformedRequest);
    let two = transfer("J1", &[("S-001", "", "photolysis/rack/A1"), ("S-002", "", "gc/rack/A1")]);
    assert_eq!(refused(&mut lab, kind(JobKind::Load, two)), Code::MalformedRequest);
    assert!(lab.run(kind(JobKind::Load, one("S-001", "", "gc/rack/A1"))).success);
    let back = transfer("J2", &[("S-001", "", "storage/rack/A1")]);
    assert!(lab.run(kind(JobKind::Unload, back)).success);
}

#[test]
fn the_same_job_again_is_the_same_job_and_another_is_a_conflict() {
    let mut lab = Lab::new();
    assert_eq!(lab.submit(usual("J1")).unwrap(), "J1");
    assert_eq!(lab.submit(usual("J1")).unwrap(), "J1", "while it runs");
    let other = transfer("J1", &[("S-002", "", "photolysis/rack/A2")]);
    assert_eq!(lab.submit(other.clone()).unwrap_err().code, Code::JobConflict);
    let first = lab.finish("J1");
    lab.events.clear();
    assert_eq!(lab.submit(usual("J1")).unwrap(), "J1", "after it ended");
    assert_eq!(lab.result("J1"), Some(first), "its result is told again");
    assert_eq!(lab.submit(other).unwrap_err().code, Code::JobConflict);
    let moves = lab.commands.len();
    lab.settle();
    assert_eq!(lab.commands.len(), moves, "nothing moves for a job that has ended");
}

#[test]
fn a_sample_at_its_target_succeeds_without_motion() {
    let mut lab = Lab::new();
    let result = lab.run(transfer("J1", &[("S-007", "", "photolysis/rack/B4")]));
    assert!(result.success);
    let outcome = &result.outcomes[0];
    assert_eq!((outcome.status, outcome.effect), (ItemStatus::AlreadyThere, Effect::None));
    assert_eq!(lab.commands, Vec::<String>::new());
}

#[test]
fn a_dry_run_plans_and_moves_nothing() {
    let mut lab = Lab::new().with_real_planner();
    let mut request = usual("J1");
    request.dry_run = true;
    let result = lab.run(request);
    assert!(result.success, "{result:#?}");
    assert_eq!(result.outcomes[0].effect, Effect::None);
    assert_eq!(result.outcomes[0].location, "storage/rack/A1");
    assert_eq!(result.outcomes[0].evidence.iter().filter(|e| e.kind == "plan").count(), 2);
    assert_eq!(lab.commands, Vec::<String>::new());
    assert_eq!(lab.vials[&"S-001".into()].at, at("storage/rack/A1"));
}

#[test]
fn jobs_queue_in_order_and_see_what_those_before_them_will_do() {
    let mut lab = Lab::new();
    let there = transfer("J1", &[("S-001", "storage/rack/A1", "photolysis/rack/A1")]);
    let on = transfer("J2", &[("S-001", "photolysis/rack/A1", "gc/rack/A1")]);
    let into_the_gap = transfer("J3", &[("S-002", "", "storage/rack/A1")]);
    let occupied = transfer("J4", &[("S-003", "", "gc/rack/A1")]);
    for request in [there, on, into_the_gap] {
        lab.submit(request).unwrap();
    }
    assert_eq!(lab.submit(occupied).unwrap_err().code, Code::TargetOccupied);
    for id in ["J1", "J2", "J3"] {
        assert!(lab.finish(id).success, "{id}: {:#?}", lab.notices);
    }
    assert_eq!(lab.vials[&"S-001".into()].at, at("gc/rack/A1"));
    assert_eq!(lab.vials[&"S-002".into()].at, at("storage/rack/A1"));
    lab.check_at_rest();
}

#[test]
fn the_queue_is_bounded() {
    let mut lab = Lab::new();
    let mut taken = 0;
    let failure = loop {
        let slot = format!("storage/rack/{}", if taken % 2 == 0 { "B3" } else { "B4" });
        match lab.submit(transfer(&format!("J{taken}"), &[("S-006", "", &slot)])) {
            Ok(_) => taken += 1,
            Err(failure) => break failure,
        }
        assert!(taken < 100, "the queue takes anything");
    };
    assert_eq!(failure.code, Code::Busy);
    lab.settle();
    assert!((0..taken).all(|n| lab.result(&format!("J{n}")).unwrap().success));
}

#[test]
fn several_items_are_done_one_after_the_other() {
    let mut lab = Lab::new();
    let items = [("S-001", "", "photolysis/rack/A1"), ("S-002", "", "photolysis/rack/A2")];
    let result = lab.run(transfer("J1", &items));
    assert!(result.success, "{result:#?}");
    assert!(result.outcomes[0].ledger_seq < result.outcomes[1].ledger_seq);
    lab.check_at_rest();
}

#[test]
fn a_transfer_within_a_station_does_not_drive_away_and_needs_no_deck() {
    let mut lab = Lab::new();
    assert!(lab.run(transfer("J1", &[("S-001", "", "storage/rack/B3")])).success);
    assert_eq!(lab.commands.iter().filter(|c| c.starts_with("drive")).count(), 1);
    assert_eq!(lab.commands.iter().filter(|c| *c == "close").count(), 1, "it is grasped once");
    lab.commands.clear();
    assert!(lab.run(transfer("J2", &[("S-001", "", "storage/rack/B4")])).success);
    assert!(!lab.commands.iter().any(|c| c.starts_with("drive")), "it stands there already");
}

#[test]
fn the_deck_is_a_station_like_any_other() {
    let mut lab = Lab::new();
    assert!(lab.run(transfer("J1", &[("S-001", "", "deck/rack/B2")])).success);
    assert_eq!(lab.vials[&"S-001".into()].at, at("deck/rack/B2"));
    assert!(lab.run(transfer("J2", &[("S-001", "deck/rack/B2", "deck/rack/A1")])).success);
    assert!(lab.run(transfer("J3", &[("S-001", "", "gc/rack/A4")])).success);
    assert_eq!(lab.vials[&"S-001".into()].at, at("gc/rack/A4"));
    lab.check_at_rest();
}

#[test]
fn light_looks_less() {
    let looks = |verify: &str| {
        let mut lab = Lab::new();
        let mut request = usual("J1");
        request.verify = verify.into();
        assert!(lab.run(request).success, "{:#?}", lab.notices);
        lab.check_at_rest();
        lab.commands.iter().filter(|c| c.starts_with("look")).count()
    };
    assert_eq!(looks("LIGHT") + 1, looks("FULL"));
}

#[test]
fn jobs_and_samples_can_be_asked_about() {
    let mut lab = Lab::new();
    let ask = |id: &str| Request::GetJob { job_id: id.into() };
    assert_eq!(lab.call(ask("J1")), Reply::Job(None));
    lab.run(usual("J1"));
    let Reply::Job(Some(state)) = lab.call(ask("J1")) else { panic!("the job is known") };
    assert_eq!(state.result, lab.result("J1"));
    let Reply::Ledger(all) = lab.call(Request::QueryLedger { sample_id: String::new() }) else { panic!() };
    assert_eq!(all.len(), lab.site.stock.len());
    let Reply::Ledger(one) = lab.call(Request::QueryLedger { sample_id: "S-001".into() }) else { panic!() };
    assert_eq!((one[0].location.as_str(), one[0].in_doubt), ("photolysis/rack/A1", false));
    assert_eq!(lab.cancel("J9").unwrap_err().code, Code::UnknownJob);
    assert!(lab.cancel("J1").unwrap().contains("ended already"));
}

/// A passage that is closed is closed at once and over a restart, whoever closed it stands in the ledger, and what is none
/// is refused with what there is.
#[test]
fn passages_are_closed_and_stay_closed_over_a_restart() {
    let mut site = Lab::new().site;
    let polygon = vec![[3.6, 0.0], [5.4, 0.0], [5.4, 3.0], [3.6, 3.0]];
    site.zones.push(Zone { name: "aisle".into(), rule: Rule::Passage { closed: false }, polygon });
    let robot = Lab::new().robot;
    let (store, restored) = Store::in_memory().unwrap();
    let mut lab = Lab::with(site, robot, store, restored);
    lab.settle();
    let set = |lab: &mut Lab, passage: &str, closed: bool, caller: &str| {
        let request = Request::SetPassage { passage: passage.into(), closed, caller: caller.into() };
        match lab.call(request) {
            Reply::Acknowledged(said) => said,
            other => panic!("{other:?}"),
        }
    };
    let before = lab.durable.head().seq;
    for (passage, caller, words) in [("attic", "me", "[\"aisle\"]"), ("aisle", " ", "caller is empty")] {
        let failure = set(&mut lab, passage, true, caller).unwrap_err();
        assert_eq!(failure.code, Code::MalformedRequest);
        assert!(failure.message.contains(words), "{failure}");
    }
    assert!(lab.commands.is_empty() && lab.durable.head().seq == before);
    set(&mut lab, "aisle", true, "night guard").unwrap();
    assert_eq!(lab.commands, ["close aisle"]);
    assert!(lab.durable.passages()["aisle"]);
    lab.crash();
    lab.until(|lab| lab.commands.len() == 2);
    assert_eq!(lab.commands[1], "close aisle");
    set(&mut lab, "aisle", false, "night guard").unwrap();
    assert_eq!(lab.commands[2], "open aisle");
    lab.crash();
    lab.until(|lab| lab.commands.len() == 4);
    assert_eq!(lab.commands[3], "open aisle");
}
