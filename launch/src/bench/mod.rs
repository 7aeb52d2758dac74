//! `nightshift bench`: measured figures, each beside its aim and, where one is installed, a peer's.
//!
//! A benchmark is a table of [`Section`]s; a section is a function that measures and writes down [`Figure`]s. To add
//! one, write such a function in a file of its own and add a line to the benchmark's table.

mod day;
mod driving;
mod localiser;
pub mod motion;
mod peer;
pub mod perception;
mod table;

use crate::cli::{BenchDrivingArgs, BenchNavigationArgs};
use crate::files;
use crate::talk::{talk, tell};
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::api::{JobKind, JobRequest, RequestItem};
use nightshift_core::{Address, SampleId};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A job of one sample, with everything else as a planner leaves it.
pub fn transfer(job_id: &str, sample: &SampleId, target: &Address) -> JobRequest {
    JobRequest {
        kind: JobKind::Transfer,
        job_id: job_id.to_owned(),
        caller: "bench".into(),
        items: vec![RequestItem {
            sample_id: sample.to_string(),
            labware_type: String::new(),
            source: String::new(),
            target: target.to_string(),
            expected_code: String::new(),
        }],
        stations: Vec::new(),
        on_failure: String::new(),
        verify: String::new(),
        deadline_s: 0.0,
        dry_run: false,
    }
}

/// What `nightshift bench navigation` measures, in this order.
const NAVIGATION: &[Section<Plan>] = &[
    Section { name: "tracking", about: "following recorded drives", run: localiser::tracking },
    Section {
        name: "from-nowhere",
        about: "finding the place in the whole map",
        run: localiser::from_nowhere,
    },
    Section { name: "kidnap", about: "noticing to have been carried away", run: localiser::kidnap },
    Section { name: "repeat", about: "the same poses, bit for bit", run: localiser::repeat },
    Section { name: "day", about: "memory over hours of driving in simulation", run: day::day },
];

/// What `nightshift bench driving` measures, in this order.
const DRIVING: &[Section<Plan>] = &[
    Section { name: "planning", about: "plans across a building", run: driving::planning },
    Section { name: "control", about: "turns of the predictive controller", run: driving::control },
    Section { name: "guard", about: "scans, and stops with every core busy", run: driving::guarding },
];

/// A group of figures that are measured together.
pub struct Section<P> {
    /// As `--section` has it.
    pub name: &'static str,
    /// In words.
    pub about: &'static str,
    /// Measures.
    pub run: fn(&P, &mut Notes) -> Result<(), String>,
}

/// What is asked for.
pub struct Plan {
    /// The folder with the logs (`<data>/navigation`).
    pub data: PathBuf,
    /// Seeds of each tracking.
    pub seeds: u64,
    /// Starts from nowhere, and kidnaps, for each log.
    pub starts: usize,
    /// Plans of each kind of base.
    pub plans: usize,
    /// Simulated hours of a day.
    pub hours: u32,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// A measured figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The section that measured it.
    pub section: &'static str,
    /// Of what: a log, a room, a manoeuvre.
    pub case: String,
    /// What.
    pub figure: &'static str,
    /// The unit of all numbers here; empty for counts.
    pub unit: &'static str,
    /// The figure: over all runs.
    pub measured: f64,
    /// Least and most of the single runs.
    pub spread: Option<[f64; 2]>,
    /// Runs, scans or starts that it stands on.
    pub n: usize,
    /// What it should be.
    pub aim: Option<Aim>,
    /// What the peer comes to, measured in the same run.
    pub peer: Option<f64>,
}

impl Figure {
    /// Whether the aim is reached; none without one. What could not be measured (NaN) reaches none.
    pub fn is_met(&self) -> Option<bool> {
        self.aim.map(|aim| match aim {
            Aim::AtMost(most) => self.measured <= most,
            Aim::AtLeast(least) => self.measured >= least,
        })
    }
}

/// What the sections write down.
pub struct Notes {
    section: &'static str,
    figures: Vec<Figure>,
    skipped: Vec<Skipped>,
    bar: ProgressBar,
}

#[derive(Serialize)]
struct Skipped {
    section: &'static str,
    what: String,
}

impl Notes {
    /// Writes a figure down, to be completed with `with_...`.
    pub fn figure(
        &mut self,
        case: &str,
        figure: &'static str,
        unit: &'static str,
        measured: f64,
        n: usize,
    ) -> &mut Figure {
        let (section, case) = (self.section, case.to_owned());
        self.figures.push(Figure {
            section,
            case,
            figure,
            unit,
            measured,
            spread: None,
            n,
            aim: None,
            peer: None,
        });
        self.figures.last_mut().expect("just written")
    }

    /// Writes down that something was left out, and why.
    pub fn skip(&mut self, what: impl Into<String>) {
        self.skipped.push(Skipped { section: self.section, what: what.into() });
    }

    /// Begins a stretch of so many steps on the progress bar.
    pub fn steps(&self, what: &str, count: usize) -> &ProgressBar {
        self.bar.reset();
        self.bar.set_length(count as u64);
        self.bar.set_message(format!("{}: {what}", self.section));
        &self.bar
    }
}

#[derive(Serialize)]
struct Report<'a> {
    figures: &'a [Figure],
    skipped: &'a [Skipped],
    /// Figures that miss their aim.
    missed: usize,
}

/// Runs `nightshift bench navigation`.
pub fn navigation(args: &BenchNavigationArgs) -> Result<ExitCode, String> {
    let data = args.data.clone().unwrap_or_else(default_data);
    let plan = Plan {
        data: data.join("navigation"),
        seeds: args.seeds,
        starts: args.starts as usize,
        plans: 0,
        hours: args.hours,
    };
    measure(NAVIGATION, &args.section, &plan, args.json)
}

/// Runs `nightshift bench driving`.
pub fn driving(args: &BenchDrivingArgs) -> Result<ExitCode, String> {
    let plan = Plan { data: PathBuf::new(), seeds: 0, starts: 0, plans: args.plans as usize, hours: 0 };
    measure(DRIVING, &args.section, &plan, args.json)
}

/// Beside the workspace, or where `NIGHTSHIFT_DATA` points.
fn default_data() -> PathBuf {
    std::env::var_os("NIGHTSHIFT_DATA")
        .map_or_else(|| files::home().join(Path::new("../shared/data")), PathBuf::from)
}

fn measure<P>(sections: &[Section<P>], only: &[String], plan: &P, json: bool) -> Result<ExitCode, String> {
    if let Some(unknown) = only.iter().find(|name| !sections.iter().any(|s| s.name == **name)) {
        let names: Vec<&str> = sections.iter().map(|section| section.name).collect();
        return Err(format!("there is no section {unknown}; there are: {}", names.join(", ")));
    }
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} {eta} left, {msg}").expect("a sound template");
    let bar = ProgressBar::new(0).with_style(style);
    let mut notes = Notes { section: "", figures: Vec::new(), skipped: Vec::new(), bar };
    for section in sections.iter().filter(|s| only.is_empty() || only.iter().any(|name| name == s.name)) {
        notes.section = section.name;
        talk!("{}: {}", section.name, section.about);
        (section.run)(plan, &mut notes)?;
    }
    notes.bar.finish_and_clear();
    let missed = notes.figures.iter().filter(|figure| figure.is_met() == Some(false)).count();
    if json {
        let report = Report { figures: &notes.figures, skipped: &notes.skipped, missed };
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        tell!("{}", table::of(&notes.figures).trim_end());
        for Skipped { section, what } in &notes.skipped {
            tell!("skipped  {section}: {what}");
        }
        tell!("{} figures, {missed} miss their aim", notes.figures.len());
    }
    if notes.figures.is_empty() {
        return Err("nothing could be measured".to_owned());
    }
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
