//! Scenario files: what is asked, what goes wrong, and what must hold in the end.

use nightshift_core::Code;
use nightshift_core::api::{JobKind, JobRequest, Phase, RequestItem};
use nightshift_core::describe::fiducial_of_code;
use nightshift_sim::Eyesight;
use nightshift_sim::faults::Planned;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    schema: i64,
    /// A folder below `maps/`.
    pub site: String,
    /// A folder below `robot/description/`.
    pub robot: String,
    /// The scenario has failed when it takes longer, simulated seconds.
    pub time_limit_s: f64,
    /// What planners ask.
    #[serde(rename = "job")]
    pub jobs: Vec<Job>,
    /// What goes wrong: `component.fault(parameters) at TIME or EVENT`; `nightshift faults` lists all there are.
    #[serde(default)]
    pub faults: Vec<Planned>,
    /// How many people walk about, with errands by the seed.
    #[serde(default)]
    pub people: usize,
    /// How pictures are made: `fast` or `traced`.
    #[serde(default)]
    pub camera: Eyesight,
    /// Where samples must truly be in the end.
    #[serde(default)]
    pub expect: Expect,
    /// Run once for each of these phases and cancel the first job in it.
    #[serde(default)]
    pub cancel_at_each: Vec<Phase>,
}

/// A job of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Simulated seconds since the start.
    pub at_s: f64,
    /// `transfer`, `load`, `unload`, `search` or `charge`.
    pub kind: JobKind,
    /// The samples; of a search none is all.
    #[serde(default)]
    pub items: Vec<Item>,
    /// Of a search: where to look; none is the deck and every storage. Of charging: which charger; none is the nearest.
    #[serde(default)]
    pub stations: Vec<String>,
    /// As in the action.
    #[serde(default)]
    pub on_failure: String,
}

/// An item of a job.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Which sample.
    pub sample: String,
    /// Where to; not for a search.
    #[serde(default)]
    pub target: String,
    /// What the caller expects to be printed on it; empty takes the ledger's word.
    #[serde(default)]
    pub expected_code: String,
}

/// What must hold in the end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The true place of samples.
    #[serde(default)]
    pub samples: BTreeMap<String, String>,
    /// The status of the samples of all jobs, by sample (`DONE`, `CANCELLED`, ...).
    #[serde(default)]
    pub status: BTreeMap<String, String>,
    /// Why samples of jobs failed, by sample (`SITE_NOT_OPEN`, ...).
    #[serde(default)]
    pub errors: BTreeMap<String, Code>,
    /// The true state of stations, by the names in their files.
    #[serde(default)]
    pub stations: BTreeMap<String, String>,
}

impl Scenario {
    /// Reads a scenario file, or the bundled one of that name.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text =
            std::fs::read_to_string(path).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?;
        let this: Self = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        let wrong = |key: &str, reason: String| Err(format!("{}: {key}: {reason}", path.display()));
        if this.schema != 1 {
            return wrong("schema", format!("is {}; this version reads 1", this.schema));
        }
        if this.jobs.is_empty() {
            return wrong("job", "a scenario needs at least one job".into());
        }
        if !(this.time_limit_s > 0.0 && this.time_limit_s <= 86_400.0) {
            return wrong("time_limit_s", format!("is {}; it must be within a day", this.time_limit_s));
        }
        for (index, job) in this.jobs.iter().enumerate() {
            for item in &job.items {
                let code = &item.expected_code;
                if !code.is_empty() && fiducial_of_code(code).is_none() {
                    return wrong(&format!("job[{index}].items"), format!("{code:?} is no code"));
                }
            }
        }
        Ok(this)
    }

    /// The request of the job at `index`.
    pub fn request(&self, index: usize) -> JobRequest {
        let job = &self.jobs[index];
        JobRequest {
            kind: job.kind,
            job_id: format!("job-{}", index + 1),
            caller: "scenario".into(),
            items: job
                .items
                .iter()
                .map(|item| RequestItem {
                    sample_id: item.sample.clone(),
                    labware_type: String::new(),
                    source: String::new(),
                    target: item.target.clone(),
                    expected_code: item.expected_code.clone(),
                })
                .collect(),
            stations: job.stations.clone(),
            on_failure: job.on_failure.clone(),
            verify: String::new(),
            deadline_s: 0.0,
            dry_run: false,
        }
    }
}
