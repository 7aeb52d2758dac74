//! What planners, and people, do.

use super::{Lab, Truth};
use nightshift_core::api::{JobRequest, Phase, RequestItem};

/// A person puts a vial elsewhere.
pub fn carry_off(lab: &mut Lab, sample: &str, to: &str) {
    let vial = lab.vials.get_mut(&sample.into()).expect("there is such a vial");
    (vial.at, vial.carried_off) = (at(to), true);
}

/// Samples from where the ledger has them.
pub fn transfer(job: &str, items: &[(&str, &str, &str)]) -> JobRequest {
    JobRequest {
        kind: nightshift_core::api::JobKind::Transfer,
        job_id: job.into(),
        caller: "tester".into(),
        items: items
            .iter()
            .map(|(sample, source, target)| RequestItem {
                sample_id: (*sample).into(),
                labware_type: String::new(),
                source: (*source).into(),
                target: (*target).into(),
                expected_code: String::new(),
            })
            .collect(),
        stations: Vec::new(),
        on_failure: String::new(),
        verify: String::new(),
        deadline_s: 0.0,
        dry_run: false,
    }
}

/// The phases of a transfer between stations without a handshake.
pub fn usual_phases() -> Vec<Phase> {
    let others = [Phase::Charge, Phase::PrepareSite, Phase::ReleaseSite, Phase::Done];
    Phase::ALL.into_iter().filter(|phase| !others.contains(phase)).collect()
}

/// The transfer that most tests are about.
pub fn usual(job: &str) -> JobRequest {
    transfer(job, &[("S-001", "storage/rack/A1", "photolysis/rack/A1")])
}

/// The address of a text.
pub fn at(text: &str) -> Truth {
    Truth::Slot(text.parse().unwrap())
}
