//! Samples looked for, rack after rack.

use crate::lab::{BaseAt, Lab, Truth, carry_off, transfer, usual};
use nightshift_core::api::{Effect, ItemStatus, JobEvent, JobKind, JobRequest, JobResult, Reply, Request};
use nightshift_core::{Code, Failure};

fn search(job: &str, samples: &[&str], stations: &[&str]) -> JobRequest {
    let items: Vec<(&str, &str, &str)> = samples.iter().map(|sample| (*sample, "", "")).collect();
    let stations = stations.iter().map(|station| (*station).to_owned()).collect();
    JobRequest { kind: JobKind::Search, stations, ..transfer(job, &items) }
}

fn location<'a>(result: &'a JobResult, sample: &str) -> (&'a str, ItemStatus, Option<Code>) {
    let outcome =
        result.outcomes.iter().find(|one| one.sample_id.as_str() == sample).expect("it was asked for");
    assert_eq!(outcome.effect, Effect::None, "a search touches nothing");
    (&outcome.location, outcome.status, outcome.error.as_ref().map(|error| error.code))
}

#[test]
fn everything_is_found_where_the_ledger_has_it_and_nothing_is_written() {
    let mut lab = Lab::new();
    lab.settle();
    let before = lab.durable.head().seq;
    let result = lab.run(search("J1", &[], &[]));
    assert!(result.success, "{result:?}");
    let stored = lab.site.stock.iter().filter(|item| item.at.station.as_str() == "storage").count();
    assert_eq!((result.outcomes.len(), result.seen.len()), (stored, stored));
    for outcome in &result.outcomes {
        assert_eq!(outcome.status, ItemStatus::Done, "{outcome:?}");
        assert!(outcome.evidence.iter().any(|one| one.kind == "code" && !one.sha256.is_empty()));
    }
    assert!(result.unseen.is_empty());
    assert_eq!(lab.durable.head().seq, before, "what is as it was thought to be needs no entry");
    assert!(!lab.commands.iter().any(|command| command.starts_with("grip")), "{:?}", lab.commands);
    assert_eq!(lab.base, BaseAt::Docked("storage".into()));
}

#[test]
fn what_a_person_carried_off_is_found_and_can_be_fetched_from_there() {
    let mut lab = Lab::new();
    lab.settle();
    carry_off(&mut lab, "S-001", "storage/rack/B4");
    let result = lab.run(search("J1", &["S-001"], &[]));
    assert!(result.success, "{result:?}");
    assert_eq!(location(&result, "S-001"), ("storage/rack/B4", ItemStatus::Done, None));
    assert!(result.seen.iter().any(|seen| seen.at.to_string() == "storage/rack/B4"));
    lab.check_at_rest();
    assert!(lab.run(transfer("J2", &[("S-001", "", "photolysis/rack/A1")])).success);
    lab.check_at_rest();
}

#[test]
fn two_that_changed_places_are_told_apart() {
    let mut lab = Lab::new();
    lab.settle();
    carry_off(&mut lab, "S-001", "storage/rack/A2");
    carry_off(&mut lab, "S-002", "storage/rack/A1");
    let result = lab.run(search("J1", &[], &["storage"]));
    assert_eq!(location(&result, "S-001"), ("storage/rack/A2", ItemStatus::Done, None));
    assert_eq!(location(&result, "S-002"), ("storage/rack/A1", ItemStatus::Done, None));
    lab.check_at_rest();
}

#[test]
fn what_is_not_there_and_what_cannot_be_read_are_missed_and_their_slots_stay_taken() {
    let mut lab = Lab::new();
    lab.settle();
    lab.vials.get_mut(&"S-001".into()).unwrap().at = Truth::Dropped;
    lab.vials.get_mut(&"S-002".into()).unwrap().readable = false;
    let result = lab.run(search("J1", &["S-001", "S-002"], &[]));
    assert!(!result.success);
    let missing = (ItemStatus::Failed, Some(Code::SampleMissing));
    assert_eq!(location(&result, "S-001"), ("storage/rack/A1|nowhere", missing.0, missing.1));
    assert_eq!(location(&result, "S-002"), ("storage/rack/A2|nowhere", missing.0, missing.1));
    let into = transfer("J2", &[("S-003", "", "storage/rack/A2")]);
    assert_eq!(lab.submit(into).unwrap_err().code, Code::TargetOccupied);
    // Once it can be read again it is where it was.
    lab.vials.get_mut(&"S-002".into()).unwrap().readable = true;
    assert!(lab.run(search("J3", &["S-002"], &[])).success);
}

#[test]
fn one_label_in_two_slots_is_believed_in_neither() {
    let mut lab = Lab::new();
    lab.settle();
    let tag = lab.vials[&"S-001".into()].tag;
    lab.vials.get_mut(&"S-002".into()).unwrap().tag = tag;
    let result = lab.run(search("J1", &["S-001", "S-003"], &[]));
    let (_, status, code) = location(&result, "S-001");
    assert_eq!((status, code), (ItemStatus::Failed, Some(Code::ContradictoryIdentity)));
    assert_eq!(location(&result, "S-003").1, ItemStatus::Done);
}

#[test]
fn a_station_that_cannot_be_reached_is_told_and_the_others_are_looked_at() {
    let mut lab = Lab::new();
    lab.settle();
    lab.faults.dock.push_back(Failure::new(Code::DockNotSeen, "something stands before it"));
    let result = lab.run(search("J1", &[], &["storage", "deck"]));
    assert!(!result.success);
    let unseen: Vec<(&str, Code)> =
        result.unseen.iter().map(|one| (one.nest.as_str(), one.error.code)).collect();
    assert!(unseen.iter().all(|(nest, code)| nest.starts_with("storage/") && *code == Code::DockNotSeen));
    assert!(!unseen.is_empty());
    assert!(lab.commands.iter().any(|command| command.starts_with("look deck")), "{:?}", lab.commands);
    assert!(lab.run(search("J2", &["S-001"], &[])).success, "nothing is stuck after that");
}

#[test]
fn a_station_with_a_handshake_is_made_ready_for_the_look_and_released() {
    let mut lab = Lab::new();
    assert!(
        lab.run(JobRequest { kind: JobKind::Load, ..transfer("J1", &[("S-001", "", "gc/rack/A1")]) }).success
    );
    lab.commands.clear();
    let result = lab.run(search("J2", &["S-001"], &["gc"]));
    assert!(result.success, "{result:?}");
    let words: Vec<&str> = lab.commands.iter().map(String::as_str).collect();
    let place = |what: &str| words.iter().position(|word| word.starts_with(what));
    assert!(place("Prepare gc") < place("look gc"), "{words:?}");
    assert!(place("look gc") < place("Release gc"), "{words:?}");
    assert!(lab.sites.values().all(|site| site.holder.is_none()));
}

#[test]
fn a_search_is_cancelled_in_every_phase_and_leaves_nothing_behind() {
    for phase in ["NAVIGATE", "DOCK", "LOCATE"] {
        let mut lab = Lab::new();
        let id = lab.submit(search("J1", &[], &[])).unwrap();
        let underway = |event: &JobEvent| matches!(event, JobEvent::Feedback(_, feedback) if feedback.phase.name() == phase);
        while !lab.events.iter().any(underway) {
            lab.step();
        }
        lab.cancel("J1").unwrap();
        let result = lab.finish(&id);
        assert!(!result.success);
        let error = result.error.expect("a reason");
        assert_eq!(error.code, Code::Cancelled, "{phase}: {error:?}");
        assert!(lab.run(usual("J2")).success, "{phase}");
    }
}

#[test]
fn nonsense_is_refused_and_the_same_search_is_not_done_twice() {
    let mut lab = Lab::new();
    lab.settle();
    let cases = [
        (search("J1", &["S-999"], &[]), Code::UnknownSample),
        (search("J1", &["S-001", "S-001"], &[]), Code::DuplicateItem),
        (search("J1", &[" "], &[]), Code::MalformedRequest),
        (search("J1", &[], &["moon"]), Code::UnknownStation),
        (search("J1", &[], &["storage", "storage"]), Code::MalformedRequest),
        (JobRequest { deadline_s: -1.0, ..search("J1", &[], &[]) }, Code::MalformedRequest),
    ];
    for (request, code) in cases {
        assert_eq!(lab.submit(request.clone()).unwrap_err().code, code, "{request:?}");
    }
    let first = lab.run(search("J1", &["S-001"], &[]));
    let looks = lab.commands.len();
    assert_eq!(lab.run(search("J1", &["S-001"], &[])), first);
    assert_eq!(lab.commands.len(), looks);
    assert_eq!(lab.submit(search("J1", &["S-002"], &[])).unwrap_err().code, Code::JobConflict);
    let Reply::Job(Some(state)) = lab.call(Request::GetJob { job_id: "J1".into() }) else { panic!("no job") };
    assert_eq!(state.result.expect("it has ended"), first);
}
