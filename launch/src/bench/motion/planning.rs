//! MotionBenchMaker's problems with where the time goes, beside VAMP where its source is.

use super::{CASES, Case, Plan, share};
use crate::bench::{Aim, Notes, peer};
use crate::files;
use cpu_time::ThreadTime;
use nightshift_motion::{Arm, PlanRequest, PlanStage, plan_in_stages};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;

const SEARCH_US: f64 = 85.0;
const TIMING_US: f64 = 200.0;

pub(super) fn planning(plan: &Plan, notes: &mut Notes) -> Result<(), String> {
    let Some(folder) = &plan.problems else {
        notes.skip("no --problems: tests/peers/motion_bench_maker.py writes them");
        return Ok(());
    };
    for case in &CASES {
        let file = folder.join(format!("{}.jsonl", case.arm));
        if !file.is_file() {
            notes.skip(format!("there is no {}", file.display()));
            continue;
        }
        let arm = files::load_arm(case.arm)?;
        let requests: Vec<PlanRequest> = crate::arm_tools::read_lines(&file)?;
        let vamp = plan.vamp.as_ref().and_then(|source| {
            let told = peer::ask(&plan.python, "vamp.py", [source.as_os_str(), case.arm.as_ref()]);
            let told = told.and_then(|vamp: Vamp| vamp.of(requests.len()));
            told.map_err(|why| notes.skip(format!("VAMP on {}: {why}", case.arm))).ok()
        });
        solve(case, &arm, &requests, vamp.as_ref(), notes);
    }
    Ok(())
}

/// What tests/peers/vamp.py prints.
#[derive(Deserialize)]
struct Vamp {
    /// Whether nothing is touched at the start and at the goal, by VAMP's shapes; a problem each.
    valid: Vec<bool>,
    solved: usize,
    search_us: Spread,
    simplify_us: Spread,
}

#[derive(Deserialize)]
struct Spread {
    p50: f64,
    p95: f64,
}

impl Vamp {
    fn of(self, count: usize) -> Result<Self, String> {
        let told = self.valid.len();
        if told == count { Ok(self) } else { Err(format!("it tells of {told} problems and not of {count}")) }
    }

    fn valid(&self) -> usize {
        self.valid.iter().filter(|valid| **valid).count()
    }
}

fn solve(case: &Case, arm: &Arm, requests: &[PlanRequest], vamp: Option<&Vamp>, notes: &mut Notes) {
    let bar = notes.steps(case.arm, requests.len());
    let mut stages: BTreeMap<PlanStage, Vec<f64>> = BTreeMap::new();
    let (mut search, mut whole) = (Vec::new(), Vec::new());
    let mut of_valid = 0;
    for (index, request) in requests.iter().enumerate() {
        let laps: RefCell<BTreeMap<PlanStage, f64>> = RefCell::default();
        let last = RefCell::new(ThreadTime::now());
        let lap = |stage: PlanStage| {
            let spent = last.borrow().elapsed().as_secs_f64() * 1e6;
            *laps.borrow_mut().entry(stage).or_default() += spent;
            *last.borrow_mut() = ThreadTime::now();
        };
        if plan_in_stages(arm, request, &lap).is_ok() {
            let laps = laps.into_inner();
            let of = |stage: PlanStage| laps.get(&stage).copied().unwrap_or_default();
            search.push(of(PlanStage::Goals) + of(PlanStage::Search));
            whole.push(laps.values().sum());
            laps.into_iter().for_each(|(stage, us)| stages.entry(stage).or_default().push(us));
            of_valid += usize::from(vamp.is_some_and(|vamp| vamp.valid[index]));
        }
        bar.inc(1);
    }
    let (n, solved) = (requests.len(), whole.len());
    let share_of = |part: usize, all: usize| part as f64 / all.max(1) as f64;
    notes.figure(case.arm, "problems solved", "", share_of(solved, n), n);
    match vamp {
        Some(vamp) => {
            let valid = vamp.valid();
            let figure = notes.figure(
                case.arm,
                "solved of those VAMP calls valid",
                "",
                share_of(of_valid, valid),
                valid,
            );
            (figure.aim, figure.peer) =
                (Some(Aim::AtLeast(case.problems)), Some(share_of(vamp.solved, valid)));
        }
        None => notes.skip(format!("which problems of {} are valid is not known without --vamp", case.arm)),
    }
    let mut spread = |name, us: &mut Vec<f64>, aim: Option<f64>, peer: Option<f64>| {
        let ends = [share(us, 0.95), share(us, 1.0)];
        let figure = notes.figure(case.arm, name, "us", share(us, 0.5), us.len());
        (figure.spread, figure.aim, figure.peer) = (Some(ends), aim.map(Aim::AtMost), peer);
    };
    let searched = vamp.map(|vamp| vamp.search_us.p50);
    spread("goals and search, p50 (p95 to most)", &mut search, Some(SEARCH_US), searched);
    spread("whole, p50 (p95 to most)", &mut whole, None, None);
    for (stage, mut us) in stages {
        let (name, aim, peer) = match stage {
            PlanStage::World => ("world and its quick look, p50", None, None),
            PlanStage::Goals => ("goals, p50", None, None),
            PlanStage::Search => ("search, p50", None, None),
            PlanStage::Shorten => ("shortening, p50", None, vamp.map(|vamp| vamp.simplify_us.p50)),
            PlanStage::Timing => ("rounding and timing, p50", Some(TIMING_US), None),
        };
        spread(name, &mut us, aim, peer);
    }
    if let Some(Vamp { search_us, simplify_us, solved, .. }) = vamp {
        notes.figure(case.arm, "search by VAMP, p95", "us", search_us.p95, *solved);
        notes.figure(case.arm, "simplification by VAMP, p95", "us", simplify_us.p95, *solved);
    }
}
