//! Cancels and deadlines: before the pick nothing is touched, after it the sample ends at a safe place.

use crate::lab::{Lab, Truth, at, transfer, usual, usual_phases};
use nightshift_core::Code;
use nightshift_core::api::{Effect, ItemStatus, JobEvent, Phase};

fn reach(lab: &mut Lab, phase: Phase) {
    lab.until(|lab| {
        lab.events.iter().any(|event| matches!(event, JobEvent::Feedback(_, f) if f.phase == phase))
    });
}

fn ended_well(lab: &Lab, phase: Phase, what: &str) {
    lab.check_at_rest();
    let result = lab.result("J1").unwrap();
    let outcome = &result.outcomes[0];
    let truth = &lab.vials[&"S-001".into()].at;
    assert_eq!(
        Some(outcome.location.as_str()),
        match truth {
            Truth::Slot(address) => Some(address.to_string()),
            _ => None,
        }
        .as_deref(),
        "{what} in {phase:?}: {:#?}",
        lab.notices
    );
    assert!(
        lab.durable.samples().all(|(_, known)| known.reserved.is_none()),
        "{what} in {phase:?} left a reservation"
    );
}

#[test]
fn a_cancel_in_every_phase_ends_with_the_sample_in_a_slot() {
    for phase in &usual_phases() {
        let mut lab = Lab::new();
        lab.submit(usual("J1")).unwrap();
        reach(&mut lab, *phase);
        lab.cancel("J1").unwrap();
        let result = lab.finish("J1");
        ended_well(&lab, *phase, "cancel");
        let outcome = &result.outcomes[0];
        if *phase < Phase::Pick {
            assert_eq!((outcome.status, outcome.effect), (ItemStatus::Cancelled, Effect::None), "{phase:?}");
            assert_eq!(outcome.location, "storage/rack/A1");
            assert!(!lab.commands.contains(&"close".to_owned()), "{phase:?} touched the sample");
        }
        if outcome.status == ItemStatus::Cancelled {
            assert_eq!(outcome.error.as_ref().unwrap().code, Code::Cancelled);
        } else {
            assert_eq!((*phase, outcome.status), (Phase::VerifyPlace, ItemStatus::Done));
        }
        // And the robot goes on.
        let next = lab.run(transfer("J2", &[("S-001", "", "gc/rack/A2")]));
        assert!(next.success, "after a cancel in {phase:?}: {next:#?}");
        lab.check_at_rest();
    }
}

#[test]
fn a_cancel_at_any_time_ends_with_the_sample_in_a_slot() {
    // Every 1.7 s of a whole transfer, so that each action is hit at some point of it.
    let mut at_s = 0.3;
    loop {
        let mut lab = Lab::new();
        lab.submit(usual("J1")).unwrap();
        lab.until(|lab| lab.now.seconds() >= at_s || lab.result("J1").is_some());
        if lab.result("J1").is_some() {
            break;
        }
        lab.cancel("J1").unwrap();
        lab.cancel("J1").unwrap();
        lab.finish("J1");
        ended_well(&lab, Phase::Done, &format!("cancel at {at_s} s"));
        at_s += 1.7;
    }
    assert!(at_s > 40.0, "the transfer took {at_s} s, too short to have been cancelled throughout");
}

#[test]
fn a_sample_just_lifted_goes_back_where_it_was() {
    let mut lab = Lab::new();
    lab.submit(usual("J1")).unwrap();
    reach(&mut lab, Phase::VerifyPick);
    lab.cancel("J1").unwrap();
    let outcome = lab.finish("J1").outcomes.remove(0);
    assert_eq!((outcome.status, outcome.effect), (ItemStatus::Cancelled, Effect::Picked));
    assert_eq!(outcome.location, "storage/rack/A1");
}

#[test]
fn a_sample_on_the_deck_stays_there() {
    let mut lab = Lab::new();
    lab.submit(usual("J1")).unwrap();
    lab.until(|lab| lab.commands.iter().any(|c| c == "drive photolysis"));
    lab.cancel("J1").unwrap();
    let outcome = lab.finish("J1").outcomes.remove(0);
    assert_eq!(outcome.status, ItemStatus::Cancelled);
    assert!(outcome.location.starts_with("deck/"), "{}", outcome.location);
    assert!(
        !lab.commands.contains(&"drive storage".to_owned())
            || lab.commands.iter().filter(|c| c.starts_with("drive")).count() == 2
    );
    ended_well(&lab, Phase::Carry, "cancel");
}

#[test]
fn a_waiting_job_is_taken_off_the_list() {
    let mut lab = Lab::new();
    lab.submit(usual("J1")).unwrap();
    lab.submit(transfer("J2", &[("S-002", "", "gc/rack/A1")])).unwrap();
    lab.cancel("J2").unwrap();
    let result = lab.finish("J2");
    assert_eq!(result.outcomes[0].status, ItemStatus::Cancelled);
    assert_eq!(result.outcomes[0].effect, Effect::None);
    assert!(lab.finish("J1").success);
    lab.settle();
    assert_eq!(lab.vials[&"S-002".into()].at, at("storage/rack/A2"));
}

#[test]
fn items_that_were_not_begun_are_cancelled_untouched() {
    let mut lab = Lab::new();
    let items = [("S-001", "", "photolysis/rack/A1"), ("S-002", "", "photolysis/rack/A2")];
    lab.submit(transfer("J1", &items)).unwrap();
    reach(&mut lab, Phase::Carry);
    lab.cancel("J1").unwrap();
    let result = lab.finish("J1");
    assert_eq!(result.outcomes.len(), 2);
    assert_eq!((result.outcomes[1].status, result.outcomes[1].effect), (ItemStatus::Cancelled, Effect::None));
}

#[test]
fn a_deadline_ends_a_job_as_a_cancel_does() {
    let mut lab = Lab::new();
    let mut request = usual("J1");
    request.deadline_s = 30.0;
    let result = lab.run(request);
    assert!(!result.success);
    assert_eq!(result.outcomes[0].status, ItemStatus::Failed);
    assert_eq!(result.error.as_ref().unwrap().code, Code::DeadlinePassed);
    ended_well(&lab, Phase::Done, "deadline");
    let mut generous = usual("J2");
    generous.items[0].source.clear();
    generous.deadline_s = 3000.0;
    assert!(lab.run(generous).success);
}
