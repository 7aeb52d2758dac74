//! What a restart makes of the jobs that were open, from what was durable when the stack ended.

use crate::chain::Entry;
use crate::job::JobRecord;
use crate::ledger::{Body, Ledger, Whereabouts};
use nightshift_core::api::{Effect, ItemOutcome, ItemStatus, JobKind, Place, RequestItem};
use nightshift_core::{Code, Failure, SampleId, Stamp};

/// The entries and the job as it has ended. Nothing is guessed: a sample that was between two places is in doubt.
///
/// # Errors
/// That of [`Ledger::draft`].
pub fn close(ledger: &mut Ledger, job: &mut JobRecord, stamp: Stamp) -> Result<Vec<Entry>, Failure> {
    let mut written = Vec::new();
    for item in job.request.items.clone().iter().skip(job.outcomes.len()) {
        let outcome = close_item(ledger, job, item, stamp, &mut written)?;
        job.outcomes.push(outcome);
    }
    // A search has no items of its own where everything was asked for, and charging never has.
    let otherwise = matches!(job.request.kind, JobKind::Search | JobKind::Charge)
        .then(|| Failure::new(Code::RestartNotAcknowledged, "the stack ended before the job had"));
    job.finish(otherwise);
    Ok(written)
}

fn close_item(
    ledger: &mut Ledger,
    job: &JobRecord,
    item: &RequestItem,
    stamp: Stamp,
    written: &mut Vec<Entry>,
) -> Result<ItemOutcome, Failure> {
    let sample = &SampleId::new(&item.sample_id);
    let known = ledger.sample(sample).ok_or_else(|| {
        Failure::new(Code::UnknownSample, format!("job {}: sample {sample} is not in the ledger", job.job_id))
    })?;
    let (whereabouts, touched) = (known.whereabouts.clone(), known.touched);
    let ended = |words: String| Some(Failure::new(Code::RestartNotAcknowledged, words));
    let mine = known.reserved.as_ref().is_some_and(|(holder, _)| *holder == job.job_id);
    if !mine {
        return Ok(ItemOutcome {
            sample_id: sample.clone(),
            status: ItemStatus::Failed,
            effect: Effect::None,
            location: whereabouts.to_string(),
            evidence: Vec::new(),
            error: ended(format!("the stack ended before {sample} was begun")),
            ledger_seq: 0,
        });
    }
    let delivered = item.target.parse().is_ok_and(|to| whereabouts == Whereabouts::At(Place::At(to)));
    let (job_id, sample_id) = (job.job_id.clone(), sample.clone());
    let body = if delivered {
        Body::Posted { job: job_id, sample: sample_id }
    } else {
        let why = "the stack ended while the job was open".to_owned();
        Body::Voided { job: job_id, sample: sample_id, why }
    };
    let (status, effect, error) = match (&whereabouts, touched) {
        _ if delivered => (ItemStatus::Done, Effect::Placed, None),
        (Whereabouts::OneOf(_), true) => {
            let words = format!("the stack ended while {sample} was moved: it may be at {whereabouts}");
            (ItemStatus::InDoubt, Effect::Unknown, Some(Failure::new(Code::InDoubt, words)))
        }
        (at, true) => {
            (ItemStatus::Failed, Effect::Picked, ended(format!("the stack ended with {sample} at {at}")))
        }
        (at, false) => (
            ItemStatus::Failed,
            Effect::None,
            ended(format!("the stack ended before {sample} was picked from {at}")),
        ),
    };
    for entry in ledger.draft(stamp, vec![body])? {
        ledger.apply(&entry)?;
        written.push(entry);
    }
    Ok(ItemOutcome {
        sample_id: sample.clone(),
        status,
        effect,
        location: whereabouts.to_string(),
        evidence: Vec::new(),
        error,
        ledger_seq: ledger.head().seq,
    })
}
