//! `nightshift bench grasp`: a seeded campaign of picks and inserts in the simulator's physics, with the real executive.

mod chart;
mod pulls;
mod sights;
mod trial;

use crate::cli::BenchGraspArgs;
use crate::clock::Stopwatch;
use crate::files;
use crate::talk::{talk, tell};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::process::ExitCode;
use trial::Outcome;

/// One more trial with slippery pads for so many others.
const PER_DROP: u64 = 10;
/// What is aimed at: share of successes, grip and axial force (N), time to notice a drop (s).
const AIMS: Aims = Aims { success: 0.999, grip_n: 15.0, axial_n: 5.0, noticed_s: 0.05 };
/// The normal quantile of a 95 % interval.
const Z: f64 = 1.959_964;

#[derive(Debug, Serialize)]
struct Aims {
    success: f64,
    grip_n: f64,
    axial_n: f64,
    noticed_s: f64,
}

/// The one object that `--json` prints. Everything in it is simulated; the same seed gives the same bytes.
#[derive(Debug, Serialize)]
struct Report {
    simulated: bool,
    seed: u64,
    n: usize,
    successes: usize,
    /// Wilson's interval of the share of successes, 95 %.
    interval: [f64; 2],
    broken: usize,
    /// Trials after which the sample was not where the ledger has it, nor among the places that it names.
    misplaced: usize,
    /// Median, 95th percentile, most.
    grip_peak_n: Option<[f64; 3]>,
    axial_peak_n: Option<[f64; 3]>,
    trial_s: Option<[f64; 3]>,
    /// Trials with more than one grasp.
    grasped_again: usize,
    /// Trials with slippery pads, those of them whose loss was noticed, and how long that took, s.
    drops: usize,
    noticed: usize,
    noticed_s: Option<[f64; 3]>,
    /// What was missed of the aims, in words.
    missed: Vec<String>,
    aims: Aims,
    /// Those that failed, and those with anything of note.
    trials: Vec<Outcome>,
}

/// Runs the command.
pub fn run(args: &BenchGraspArgs) -> Result<ExitCode, String> {
    let watch = Stopwatch::start();
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    let drops = args.count.div_ceil(PER_DROP);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {eta} left, {msg}");
    let bar = ProgressBar::new(args.count + drops).with_style(style.expect("a sound template"));
    let mut outcomes = Vec::new();
    let mut failed = 0;
    for trial in args.first..args.first + args.count + drops {
        let slippery = trial >= args.first + args.count;
        let outcome = trial::run(&lab, args.seed, trial::draw(&lab, args.seed, trial, slippery))?;
        failed += usize::from(!outcome.success && !slippery);
        bar.set_message(format!("{failed} failed"));
        bar.inc(1);
        outcomes.push(outcome);
    }
    bar.finish_and_clear();
    if let Some(path) = &args.picture {
        let pulls = pulls::measure(&lab, &trial::a_slot(&lab)?, args.seed)?;
        let picture = chart::draw(&outcomes, &pulls, AIMS.axial_n)?;
        picture.save_png(path).map_err(|e| format!("{} cannot be written: {e}", path.display()))?;
        talk!("{}", path.display());
    }
    let report = report(args.seed, outcomes);
    talk!("{:.0} s on the wall", watch.elapsed().as_secs_f64());
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        print(&report);
    }
    Ok(if report.missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(seed: u64, outcomes: Vec<Outcome>) -> Report {
    let of = |drops: bool| outcomes.iter().filter(move |outcome| outcome.conditions.drops == drops);
    let (n, successes) = (of(false).count(), of(false).filter(|outcome| outcome.success).count());
    let interval = wilson(successes, n);
    let broken = outcomes.iter().filter(|outcome| outcome.broken && !outcome.conditions.drops).count();
    let misplaced = outcomes.iter().filter(|outcome| !outcome.known).count();
    let grip_peak_n = spread(of(false).map(|outcome| outcome.grip_peak_n));
    let axial_peak_n = spread(of(false).map(|outcome| outcome.axial_peak_n));
    let (drops, noticed) = (of(true).count(), of(true).filter(|o| o.noticed_s.is_some()).count());
    let noticed_s = spread(of(true).filter_map(|outcome| outcome.noticed_s));
    let mut missed = Vec::new();
    let share = successes as f64 / n.max(1) as f64;
    if share < AIMS.success {
        missed.push(format!(
            "{:.2} % of the trials succeeded, aimed at are {:.1} %",
            share * 100.0,
            AIMS.success * 100.0
        ));
    }
    if broken > 0 || misplaced > 0 {
        missed.push(format!("{broken} broken, {misplaced} misplaced"));
    }
    let mosts = [
        ("grip", grip_peak_n, AIMS.grip_n, "N"),
        ("axial force", axial_peak_n, AIMS.axial_n, "N"),
        ("time to notice a drop", noticed_s, AIMS.noticed_s, "s"),
    ];
    for (what, spread, aim, unit) in mosts {
        if let Some([.., most]) = spread.filter(|[.., most]| *most > aim) {
            missed.push(format!("{what}: {most:.3} {unit}, aimed at are {aim} {unit}"));
        }
    }
    if noticed < drops {
        missed.push(format!("{} of {drops} drops were not noticed", drops - noticed));
    }
    Report {
        simulated: true,
        seed,
        n,
        successes,
        interval,
        broken,
        misplaced,
        grip_peak_n,
        axial_peak_n,
        trial_s: spread(of(false).map(|outcome| outcome.time_s)),
        grasped_again: of(false).filter(|outcome| outcome.grasps > 1).count(),
        drops,
        noticed,
        noticed_s,
        missed,
        aims: AIMS,
        trials: outcomes
            .into_iter()
            .filter(|outcome| {
                let pushed = outcome.axial_peak_n > AIMS.axial_n;
                let odd = !outcome.success || !outcome.notes.is_empty() || pushed;
                let late = outcome.noticed_s.is_some_and(|s| s > AIMS.noticed_s);
                (odd && !outcome.conditions.drops) || !outcome.known || late
            })
            .collect(),
    }
}

/// Wilson's score interval of a share (E. B. Wilson, "Probable Inference", JASA 22, 1927).
fn wilson(successes: usize, n: usize) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let (count, share) = (n as f64, successes as f64 / n as f64);
    let scale = 1.0 + Z * Z / count;
    let middle = (share + Z * Z / (2.0 * count)) / scale;
    let half = Z / scale * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}

fn spread(values: impl Iterator<Item = f64>) -> Option<[f64; 3]> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    (!values.is_empty()).then(|| [at(0.5), at(0.95), at(1.0)])
}

fn print(report: &Report) {
    let [low, high] = report.interval.map(|share| share * 100.0);
    tell!(
        "success     {} of {} (95 %: {low:.2} to {high:.2} %), simulated, seed {}",
        report.successes,
        report.n,
        report.seed
    );
    tell!("harm        {} broken, {} misplaced", report.broken, report.misplaced);
    tell!("again       {} trials took more than one grasp", report.grasped_again);
    tell!("drops       {} of {} noticed", report.noticed, report.drops);
    let rows = [
        ("grip peak", report.grip_peak_n, "N"),
        ("axial peak", report.axial_peak_n, "N"),
        ("trial", report.trial_s, "s"),
        ("noticed", report.noticed_s, "s"),
    ];
    for (what, values, unit) in rows {
        if let Some([median, p95, most]) = values {
            tell!("{what:<11} {median:.3} / {p95:.3} / {most:.3} {unit} (median / 95 % / most)");
        }
    }
    for outcome in &report.trials {
        let words = outcome.message.as_deref().unwrap_or_default();
        let error = outcome.error.as_deref().unwrap_or("DONE");
        let pushed = match outcome.axial_peak_n > AIMS.axial_n {
            true => format!("; pushed with {:.1} N at {}", outcome.axial_peak_n, outcome.axial_at),
            false => String::new(),
        };
        tell!("trial {:<5} {error} {words} {}{pushed}", outcome.conditions.trial, outcome.notes.join("; "));
    }
    for missed in &report.missed {
        tell!("missed  {missed}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_the_published_one() {
        // R. G. Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263 and 0 of 20.
        for ((successes, n), expected) in [((81, 263), [0.2553, 0.3662]), ((0, 20), [0.0, 0.1611])] {
            let found = wilson(successes, n);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 5e-5), "{found:?}");
        }
    }
}
