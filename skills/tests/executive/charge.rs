//! The battery charged.

use crate::lab::{BaseAt, Lab, transfer, usual};
use nightshift_core::Code;
use nightshift_core::api::{JobEvent, JobKind, JobRequest, Phase};
use std::time::Duration;

fn charge(job: &str, stations: &[&str]) -> JobRequest {
    let stations = stations.iter().map(|station| (*station).to_owned()).collect();
    JobRequest { kind: JobKind::Charge, stations, ..transfer(job, &[]) }
}

#[test]
fn it_docks_at_the_charger_and_stays_until_the_battery_is_full() {
    let mut lab = Lab::new().with_battery(0.4);
    let result = lab.run(charge("J1", &[]));
    assert!(result.success && result.outcomes.is_empty(), "{result:?}");
    assert_eq!(lab.base, BaseAt::Docked("charger".into()));
    assert!(lab.battery >= 0.98, "{}", lab.battery);
    let phases = [Phase::Accepted, Phase::Navigate, Phase::Dock, Phase::Charge, Phase::Done];
    assert_eq!(lab.phases("J1"), phases);
    let told: Vec<f64> = (lab.events.iter())
        .filter_map(|event| match event {
            JobEvent::Feedback(_, told) if told.phase == Phase::Charge => Some(told.progress),
            _ => None,
        })
        .collect();
    assert!(told.len() > 20 && told.is_sorted(), "{told:?}");
    // It stands there and is fed: nothing to drive for.
    let commands = lab.commands.len();
    lab.settle();
    assert!(lab.run(charge("J2", &["charger"])).success);
    assert!(
        !lab.commands[commands..].iter().any(|command| command.starts_with("drive")),
        "{:?}",
        lab.commands
    );
    assert!(lab.run(usual("J3")).success);
    lab.check_at_rest();
}

#[test]
fn a_charger_that_fails_is_told_and_a_deadline_or_a_cancel_ends_it() {
    let mut lab = Lab::new().with_battery(0.4);
    lab.faults.charger_dead_at = Some(0.6);
    let result = lab.run(charge("J1", &[]));
    assert_eq!(result.error.as_ref().map(|error| error.code), Some(Code::NotCharging), "{result:?}");
    assert!(result.error.unwrap().message.contains("has not been fed for 60 s"));
    lab.faults.charger_dead_at = None;
    let request = JobRequest { deadline_s: 20.0, ..charge("J2", &[]) };
    let result = lab.run(request);
    assert_eq!(result.error.map(|error| error.code), Some(Code::DeadlinePassed));
    assert_eq!(lab.base, BaseAt::Docked("charger".into()), "it goes on charging there");
    lab.battery = 0.5;
    lab.submit(charge("J3", &[])).unwrap();
    lab.until(|lab| lab.battery > 0.6);
    lab.cancel("J3").unwrap();
    assert_eq!(lab.finish("J3").error.map(|error| error.code), Some(Code::Cancelled));
    lab.check_at_rest();
}

#[test]
fn with_an_empty_battery_nothing_is_begun_but_charging() {
    let mut lab = Lab::new().with_battery(0.1);
    lab.settle();
    let soon = lab.now + Duration::from_secs(3);
    lab.until(|lab| lab.now >= soon);
    let failure = lab.submit(usual("J1")).unwrap_err();
    assert_eq!(failure.code, Code::BatteryLow);
    assert!(failure.message.contains("10 % left"), "{failure}");
    assert!(lab.run(charge("J2", &[])).success);
    assert!(lab.run(usual("J1")).success);
}

#[test]
fn what_is_no_charger_is_refused() {
    let mut lab = Lab::new().with_battery(0.5);
    for (stations, code) in [
        (&["gc"][..], Code::MalformedRequest),
        (&["moon"], Code::UnknownStation),
        (&["charger", "charger"], Code::MalformedRequest),
    ] {
        assert_eq!(lab.submit(charge("J1", stations)).unwrap_err().code, code, "{stations:?}");
    }
    lab.settle();
}
