//! The action API: `nightshift_interfaces` and [`nightshift_core::api`].

use super::{text, to_time};
use crate::names;
use nightshift_core::api::{
    Feedback, ItemOutcome, ItemStatus, JobKind, JobRequest, JobResult, JobState, LedgerLine, Phase,
    RequestItem, Sighting, Unseen,
};
use nightshift_core::{Code, Failure};
use r2r::WrappedActionTypeSupport;
use r2r::nightshift_interfaces::action::{Charge, Load, Search, Transfer, Unload};
use r2r::nightshift_interfaces::msg::{
    Evidence as EvidenceMsg, ItemOutcome as OutcomeMsg, JobError, Sighting as SightingMsg, TransferItem,
    Unseen as UnseenMsg,
};
use r2r::nightshift_interfaces::srv::{GetJob, QueryLedger};

/// An action by which jobs come.
pub trait JobAction: WrappedActionTypeSupport + 'static {
    /// Its name on the graph.
    const NAME: &'static str;
    /// What its goals ask for.
    fn request(goal: &Self::Goal) -> JobRequest;
    /// How a job ended.
    fn result(result: &JobResult) -> Self::Result;
    /// Why a request was refused.
    fn refusal(job_id: &str, failure: &Failure) -> Self::Result;
    /// How far a job is.
    fn feedback(feedback: &Feedback) -> Self::Feedback;
}

macro_rules! job_feedback {
    ($action:ident) => {
        fn feedback(feedback: &Feedback) -> $action::Feedback {
            $action::Feedback {
                phase: feedback.phase.name().to_owned(),
                sample_id: text(feedback.sample_id.as_str()),
                custody: spoken(&feedback.custody),
                progress: feedback.progress as f32,
                eta_s: feedback.eta_s as f32,
                message: text(&feedback.message),
            }
        }
    };
}

macro_rules! job_actions {
    ($($action:ident, $name:path;)*) => {$(
        impl JobAction for $action::Action {
            const NAME: &'static str = $name;

            fn request(goal: &$action::Goal) -> JobRequest {
                JobRequest {
                    kind: JobKind::$action,
                    job_id: goal.job_id.clone(),
                    caller: goal.caller.clone(),
                    items: goal.items.iter().map(from_item).collect(),
                    stations: Vec::new(),
                    on_failure: goal.on_failure.clone(),
                    verify: goal.verify.clone(),
                    deadline_s: goal.deadline_s,
                    dry_run: goal.dry_run,
                }
            }

            fn result(result: &JobResult) -> $action::Result {
                $action::Result {
                    success: result.success,
                    job_id: text(result.job_id.as_str()),
                    outcomes: result.outcomes.iter().map(to_outcome).collect(),
                    error: to_error(result.error.as_ref()),
                }
            }

            fn refusal(job_id: &str, failure: &Failure) -> $action::Result {
                $action::Result {
                    success: false,
                    job_id: text(job_id),
                    outcomes: Vec::new(),
                    error: to_error(Some(failure)),
                }
            }

            job_feedback!($action);
        }
    )*};
}

job_actions! {
    Transfer, names::TRANSFER_ACTION;
    Load, names::LOAD_ACTION;
    Unload, names::UNLOAD_ACTION;
}

impl JobAction for Search::Action {
    const NAME: &'static str = names::SEARCH_ACTION;

    fn request(goal: &Search::Goal) -> JobRequest {
        let sought = |sample_id: &String| RequestItem {
            sample_id: sample_id.clone(),
            labware_type: String::new(),
            source: String::new(),
            target: String::new(),
            expected_code: String::new(),
        };
        JobRequest {
            kind: JobKind::Search,
            job_id: goal.job_id.clone(),
            caller: goal.caller.clone(),
            items: goal.sample_ids.iter().map(sought).collect(),
            stations: goal.stations.clone(),
            on_failure: String::new(),
            verify: String::new(),
            deadline_s: goal.deadline_s,
            dry_run: false,
        }
    }

    fn result(result: &JobResult) -> Search::Result {
        let seen = |seen: &Sighting| SightingMsg {
            at: text(seen.at.to_string()),
            code: text(&seen.code),
            sample_id: text(seen.sample_id.as_ref().map_or("", |id| id.as_str())),
            off_axis_m: seen.off_axis_m,
            sha256: text(&seen.sha256),
            path: text(&seen.path),
            stamp: to_time(seen.stamp),
        };
        let unseen =
            |unseen: &Unseen| UnseenMsg { nest: text(&unseen.nest), error: to_error(Some(&unseen.error)) };
        Search::Result {
            success: result.success,
            job_id: text(result.job_id.as_str()),
            outcomes: result.outcomes.iter().map(to_outcome).collect(),
            seen: result.seen.iter().map(seen).collect(),
            unseen: result.unseen.iter().map(unseen).collect(),
            error: to_error(result.error.as_ref()),
        }
    }

    fn refusal(job_id: &str, failure: &Failure) -> Search::Result {
        let error = to_error(Some(failure));
        Search::Result { success: false, job_id: text(job_id), error, ..Search::Result::default() }
    }

    job_feedback!(Search);
}

impl JobAction for Charge::Action {
    const NAME: &'static str = names::CHARGE_ACTION;

    fn request(goal: &Charge::Goal) -> JobRequest {
        JobRequest {
            kind: JobKind::Charge,
            job_id: goal.job_id.clone(),
            caller: goal.caller.clone(),
            items: Vec::new(),
            stations: Some(goal.station.clone()).into_iter().filter(|station| !station.is_empty()).collect(),
            on_failure: String::new(),
            verify: String::new(),
            deadline_s: goal.deadline_s,
            dry_run: false,
        }
    }

    fn result(result: &JobResult) -> Charge::Result {
        let error = to_error(result.error.as_ref());
        Charge::Result { success: result.success, job_id: text(result.job_id.as_str()), error }
    }

    fn refusal(job_id: &str, failure: &Failure) -> Charge::Result {
        Charge::Result { success: false, job_id: text(job_id), error: to_error(Some(failure)) }
    }

    job_feedback!(Charge);
}

fn from_item(item: &TransferItem) -> RequestItem {
    RequestItem {
        sample_id: item.sample_id.clone(),
        labware_type: item.labware_type.clone(),
        source: item.source.clone(),
        target: item.target.clone(),
        expected_code: item.expected_code.clone(),
    }
}

/// A word of a closed list as the API spells it, `ALREADY_THERE`.
fn spoken(word: &impl serde::Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("a unit variant serialises as a string, not {other:?}"),
    }
}

/// A failure, or that there is none.
pub fn to_error(failure: Option<&Failure>) -> JobError {
    failure.map_or_else(JobError::default, |failure| JobError {
        code: failure.code.number(),
        name: failure.code.name(),
        level: failure.code.level().to_string(),
        retriable: failure.code.retriable(),
        message: text(&failure.message),
        next_call: failure.code.next_call().to_owned(),
    })
}

fn to_outcome(outcome: &ItemOutcome) -> OutcomeMsg {
    OutcomeMsg {
        sample_id: text(outcome.sample_id.as_str()),
        status: spoken(&outcome.status),
        effect: spoken(&outcome.effect),
        location: text(&outcome.location),
        evidence: outcome
            .evidence
            .iter()
            .map(|evidence| EvidenceMsg {
                kind: text(&evidence.kind),
                sha256: text(&evidence.sha256),
                path: text(&evidence.path),
                text: text(&evidence.text),
                stamp: to_time(evidence.stamp),
            })
            .collect(),
        error: to_error(outcome.error.as_ref()),
        ledger_seq: outcome.ledger_seq,
    }
}

/// What is known of a job.
pub fn to_job(state: Option<&JobState>) -> GetJob::Response {
    let Some(state) = state else { return GetJob::Response::default() };
    let ended = |item: &RequestItem| {
        let outcomes = &state.result.as_ref()?.outcomes;
        outcomes.iter().find(|outcome| outcome.sample_id.as_str() == item.sample_id)
    };
    let outcomes = state
        .request
        .items
        .iter()
        .map(|item| match ended(item) {
            Some(outcome) => to_outcome(outcome),
            None => OutcomeMsg { sample_id: text(&item.sample_id), ..OutcomeMsg::default() },
        })
        .collect();
    GetJob::Response {
        found: true,
        state: job_state(state).to_owned(),
        json: text(serde_json::to_string(state).expect("plain data is JSON")),
        outcomes,
        error: to_error(state.result.as_ref().and_then(|result| result.error.as_ref())),
    }
}

fn job_state(state: &JobState) -> &'static str {
    match &state.result {
        None if state.phase == Phase::Accepted => "QUEUED",
        None => "RUNNING",
        Some(result) if result.success => "SUCCEEDED",
        Some(result) if result.outcomes.iter().any(|outcome| outcome.status == ItemStatus::InDoubt) => {
            "IN_DOUBT"
        }
        Some(result) if result.error.as_ref().is_some_and(|error| error.code == Code::Cancelled) => {
            "CANCELLED"
        }
        Some(_) => "FAILED",
    }
}

/// Where samples are.
pub fn to_ledger(lines: &[LedgerLine]) -> QueryLedger::Response {
    let mut lines = lines.to_vec();
    lines.sort_by_key(|line| line.ledger_seq);
    QueryLedger::Response {
        json: text(serde_json::to_string(&lines).expect("plain data is JSON")),
        sample_ids: lines.iter().map(|line| text(line.sample_id.as_str())).collect(),
        locations: lines.iter().map(|line| text(&line.location)).collect(),
        in_doubt: lines.iter().map(|line| line.in_doubt).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::api::{Custody, Effect, Evidence};
    use nightshift_core::{JobId, Stamp};

    fn outcome(status: ItemStatus) -> ItemOutcome {
        ItemOutcome {
            sample_id: "s1".into(),
            status,
            effect: Effect::Placed,
            location: "photolysis/rack/A1".to_owned(),
            evidence: vec![Evidence {
                kind: "grip".to_owned(),
                sha256: String::new(),
                path: String::new(),
                text: "12 N\0".to_owned(),
                stamp: Stamp(2_000_000_000),
            }],
            error: None,
            ledger_seq: 7,
        }
    }

    fn state(result: Option<JobResult>) -> JobState {
        let item = |id: &str| RequestItem {
            sample_id: id.to_owned(),
            labware_type: String::new(),
            source: String::new(),
            target: "photolysis/rack/A1".to_owned(),
            expected_code: String::new(),
        };
        let request = JobRequest {
            kind: JobKind::Transfer,
            job_id: "j1".to_owned(),
            caller: "planner".to_owned(),
            items: vec![item("s1"), item("s2")],
            stations: Vec::new(),
            on_failure: String::new(),
            verify: String::new(),
            deadline_s: 0.0,
            dry_run: false,
        };
        JobState { request, phase: Phase::Carry, result }
    }

    fn ended(success: bool, status: ItemStatus, error: Option<Code>) -> JobState {
        state(Some(JobResult {
            success,
            job_id: JobId::new("j1"),
            outcomes: vec![outcome(status)],
            error: error.map(|code| Failure::new(code, "words")),
            seen: Vec::new(),
            unseen: Vec::new(),
        }))
    }

    #[test]
    fn a_goal_is_read_as_it_was_written() {
        let goal = Load::Goal {
            job_id: "j1".to_owned(),
            caller: "planner".to_owned(),
            items: vec![TransferItem { sample_id: "s1".to_owned(), ..TransferItem::default() }],
            on_failure: "HOLD".to_owned(),
            verify: "LIGHT".to_owned(),
            deadline_s: f64::NAN,
            dry_run: true,
        };
        let request = Load::Action::request(&goal);
        assert_eq!(
            (request.kind, request.items[0].sample_id.as_str(), request.dry_run),
            (JobKind::Load, "s1", true)
        );
        assert!(request.deadline_s.is_nan(), "what is wrong with a goal is for the executive to say");
    }

    #[test]
    fn a_result_tells_what_was_done_and_what_went_wrong() {
        let JobState { result: Some(result), .. } =
            ended(false, ItemStatus::AlreadyThere, Some(Code::Blocked))
        else {
            unreachable!("made with a result")
        };
        let message = Transfer::Action::result(&result);
        let item = &message.outcomes[0];
        assert_eq!(
            (item.status.as_str(), item.effect.as_str(), item.ledger_seq),
            ("ALREADY_THERE", "PLACED", 7)
        );
        assert_eq!((item.error.code, item.error.name.as_str()), (0, ""));
        assert_eq!((item.evidence[0].text.as_str(), item.evidence[0].stamp.sec), ("12 N\u{fffd}", 2));
        let error = &message.error;
        assert_eq!((error.code, error.name.as_str(), error.level.as_str()), (302, "BLOCKED", "urgent"));
        assert!(error.retriable && !error.next_call.is_empty());
    }

    #[test]
    fn feedback_is_spelled_as_the_interface_says() {
        let feedback = Feedback {
            phase: Phase::VerifyPick,
            sample_id: "s1".into(),
            custody: Custody::Gripper,
            progress: 0.5,
            eta_s: 30.0,
            message: "held".to_owned(),
        };
        let message = Unload::Action::feedback(&feedback);
        assert_eq!((message.phase.as_str(), message.custody.as_str()), ("VERIFY_PICK", "GRIPPER"));
    }

    #[test]
    fn a_job_is_in_one_of_six_states_and_open_items_have_no_status() {
        let word = |state: &JobState| to_job(Some(state)).state;
        assert_eq!(word(&JobState { phase: Phase::Accepted, ..state(None) }), "QUEUED");
        assert_eq!(word(&state(None)), "RUNNING");
        assert_eq!(word(&ended(true, ItemStatus::Done, None)), "SUCCEEDED");
        assert_eq!(word(&ended(false, ItemStatus::Failed, Some(Code::NoPath))), "FAILED");
        assert_eq!(word(&ended(false, ItemStatus::Cancelled, Some(Code::Cancelled))), "CANCELLED");
        assert_eq!(word(&ended(false, ItemStatus::InDoubt, Some(Code::InDoubt))), "IN_DOUBT");
        assert!(!to_job(None).found);

        let message = to_job(Some(&ended(false, ItemStatus::Failed, Some(Code::NoPath))));
        let statuses: Vec<_> =
            message.outcomes.iter().map(|o| (o.sample_id.as_str(), o.status.as_str())).collect();
        assert_eq!(statuses, [("s1", "FAILED"), ("s2", "")]);
        let json: JobState = serde_json::from_str(&message.json).unwrap();
        assert_eq!(json.request.job_id, "j1");
    }

    #[test]
    fn ledger_lines_come_oldest_first() {
        let line = |id: &str, ledger_seq| LedgerLine {
            sample_id: id.into(),
            location: "gripper".to_owned(),
            in_doubt: ledger_seq == 9,
            ledger_seq,
        };
        let message = to_ledger(&[line("late", 9), line("early", 3)]);
        assert_eq!(message.sample_ids, ["early", "late"]);
        assert_eq!(message.in_doubt, [false, true]);
        assert_eq!(serde_json::from_str::<Vec<LedgerLine>>(&message.json).unwrap()[1].ledger_seq, 9);
    }
}
