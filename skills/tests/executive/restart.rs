//! SIGKILL at any time, and a new stack on the same store: nothing is lost, nothing is doubled, and doubt is told.

use crate::lab::{Lab, Truth, transfer, usual, usual_phases};
use nightshift_core::Code;
use nightshift_core::api::{Effect, ItemStatus, JobEvent, Phase, Reply, Request};
use nightshift_skills::Whereabouts;

/// Restarts, acknowledges, and brings the sample where it was to go. Gives the result of the cut-off job.
fn recover(lab: &mut Lab, when: &str) -> nightshift_core::api::JobResult {
    lab.crash();
    lab.until(|lab| lab.result("J1").is_some());
    let result = lab.result("J1").unwrap();
    let commands = lab.commands.len();
    let later = lab.now.seconds() + 5.0;
    lab.until(|lab| lab.now.seconds() > later);
    assert_eq!(lab.commands.len(), commands, "{when}: moved before the restart was acknowledged");
    lab.check_at_rest();
    let refused = lab.submit(transfer("J2", &[("S-002", "", "gc/rack/A1")])).unwrap_err();
    assert_eq!(refused.code, Code::RestartNotAcknowledged);
    lab.resume().unwrap();
    lab.settle();
    lab.check_at_rest();
    result
}

fn finish_it(lab: &mut Lab, when: &str) {
    let mut again = usual("J3");
    let known = lab.durable.sample(&"S-001".into()).unwrap().clone();
    again.items[0].source = match (&known.whereabouts, &lab.vials[&"S-001".into()].at) {
        (Whereabouts::At(_), _) => String::new(),
        (Whereabouts::OneOf(_), Truth::Slot(address)) => address.to_string(),
        (doubt, truth) => panic!("{when}: {doubt} is left, and the vial is {truth:?}; {:#?}", lab.notices),
    };
    let result = lab.run(again);
    assert!(result.success, "{when}: {result:#?} {:#?}", lab.notices);
    assert_eq!(lab.vials[&"S-001".into()].at, crate::lab::at("photolysis/rack/A1"));
    lab.check_at_rest();
}

#[test]
fn a_kill_in_every_phase_loses_no_sample() {
    for phase in &usual_phases() {
        let mut lab = Lab::new();
        lab.submit(usual("J1")).unwrap();
        lab.until(|lab| {
            lab.events.iter().any(|e| matches!(e, JobEvent::Feedback(_, f) if f.phase == *phase))
        });
        let when = format!("killed in {phase:?}");
        let result = recover(&mut lab, &when);
        assert!(!result.success);
        let outcome = &result.outcomes[0];
        if *phase < Phase::Pick {
            assert_eq!((outcome.status, outcome.effect), (ItemStatus::Failed, Effect::None), "{when}");
            assert_eq!(outcome.location, "storage/rack/A1");
        }
        finish_it(&mut lab, &when);
    }
}

#[test]
fn a_kill_at_any_time_loses_no_sample() {
    let mut at_s = 0.2;
    let (mut in_doubt, mut done) = (0, 0);
    loop {
        let mut lab = Lab::new();
        lab.submit(usual("J1")).unwrap();
        lab.until(|lab| lab.now.seconds() >= at_s || lab.result("J1").is_some());
        if lab.result("J1").is_some() {
            break;
        }
        let when = format!("killed at {at_s} s");
        let outcome = recover(&mut lab, &when).outcomes.remove(0);
        in_doubt += u32::from(outcome.status == ItemStatus::InDoubt);
        done += u32::from(outcome.status == ItemStatus::Done);
        finish_it(&mut lab, &when);
        at_s += 1.3;
    }
    assert!(in_doubt > 3, "doubt was told {in_doubt} times");
    assert!(done > 0, "a job that was done but for its last word was never found done");
}

#[test]
fn two_kills_in_a_row_lose_no_sample() {
    for at_s in [20.0, 30.0, 40.0, 50.0, 60.0] {
        let mut lab = Lab::new();
        lab.submit(usual("J1")).unwrap();
        lab.until(|lab| lab.now.seconds() >= at_s || lab.result("J1").is_some());
        lab.crash();
        lab.resume().unwrap();
        let soon = lab.now.seconds() + 3.1;
        lab.until(|lab| lab.now.seconds() > soon);
        let when = format!("killed at {at_s} s and in the chores after it");
        lab.crash();
        lab.resume().unwrap();
        lab.settle();
        lab.check_at_rest();
        finish_it(&mut lab, &when);
    }
}

#[test]
fn a_held_sample_is_set_down_on_the_deck_after_a_restart() {
    let mut lab = Lab::new();
    lab.submit(usual("J1")).unwrap();
    lab.until(|lab| lab.vials[&"S-001".into()].at == Truth::Held);
    let outcome = recover(&mut lab, "killed with the sample held").outcomes.remove(0);
    assert_eq!((outcome.status, outcome.effect), (ItemStatus::InDoubt, Effect::Unknown));
    assert_eq!(outcome.location, "storage/rack/A1|gripper");
    let Truth::Slot(address) = &lab.vials[&"S-001".into()].at else { panic!("{:#?}", lab.notices) };
    assert!(address.on_deck());
    finish_it(&mut lab, "killed with the sample held");
}

#[test]
fn a_durable_job_answers_after_a_restart_and_its_id_stays_taken() {
    let mut lab = Lab::new();
    let before = lab.run(usual("J1"));
    lab.crash();
    let Reply::Job(Some(state)) = lab.call(Request::GetJob { job_id: "J1".into() }) else {
        panic!("the job is known")
    };
    assert_eq!(state.result, Some(before));
    assert_eq!(lab.submit(usual("J1")).unwrap(), "J1", "the same job is still the same job");
    let other = transfer("J1", &[("S-002", "", "gc/rack/A1")]);
    assert_eq!(lab.submit(other).unwrap_err().code, Code::JobConflict);
}

#[test]
fn a_waiting_job_ends_untouched_by_a_restart() {
    let mut lab = Lab::new();
    lab.submit(usual("J1")).unwrap();
    lab.submit(transfer("J2", &[("S-002", "", "gc/rack/A1")])).unwrap();
    lab.crash();
    lab.until(|lab| lab.result("J2").is_some());
    let outcome = lab.result("J2").unwrap().outcomes.remove(0);
    assert_eq!((outcome.status, outcome.effect), (ItemStatus::Failed, Effect::None));
    assert!(outcome.error.unwrap().code.retriable());
}
