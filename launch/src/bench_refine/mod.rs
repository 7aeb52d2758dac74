//! `nightshift bench refine`: how well a rack is located after the base has stopped only roughly right. The real executive looks
//! with rendered pictures; only driving is left out. What it believes is held against the simulator's truth.

mod trial;

use crate::cli::BenchRefineArgs;
use crate::files;
use crate::talk::tell;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::describe::Station;
use serde::Serialize;
use std::process::ExitCode;
use trial::Trial;

/// What is asked of 95 of 100, and within which time.
const AIM_MM: f64 = 0.10;
const AIM_S: f64 = 60.0;

#[derive(Serialize)]
struct Report {
    simulated: bool,
    seed: u64,
    /// By touch, because the pictures were dark.
    dark: bool,
    n: usize,
    located: usize,
    /// Median, 95th percentile, most.
    worst_slot_mm: Option<[f64; 3]>,
    said_mm: Option<[f64; 3]>,
    /// Of errors in units of what was said, squared: the mean, which is 3 where that is honest, and the spread, whose 95th percentile is 7.8.
    off_squared_mean: f64,
    off_squared: Option<[f64; 3]>,
    after_s: Option<[f64; 3]>,
    aim_mm: f64,
    aim_s: f64,
    trials: Vec<Trial>,
}

/// Runs the command.
pub fn run(args: &BenchRefineArgs) -> Result<ExitCode, String> {
    let lab = files::load_lab(&args.lab.site, &args.lab.robot).map_err(|e| e.to_string())?;
    // A station with a handshake is a matter of its doors and not of sight.
    let plain = |at: &&Station| at.machine.is_none() && !at.nests.is_empty();
    let stations: Vec<&Station> = lab.site.stations.values().filter(plain).collect();
    if stations.len() < 2 {
        return Err("the site has fewer than two stations with racks and without a handshake".into());
    }
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} docks, {eta} left").expect("a sound template");
    let bar = ProgressBar::new(args.count).with_style(style);
    let mut trials = Vec::new();
    for index in 0..args.count {
        let at = index as usize % stations.len();
        let to = stations[(at + 1) % stations.len()];
        let seed = args.seed.wrapping_mul(1_000_000).wrapping_add(index);
        trials.push(trial::run(&lab, (stations[at], to), seed, args.dark)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let located: Vec<&Trial> = trials.iter().filter(|trial| trial.worst_slot_mm.is_some()).collect();
    let report = Report {
        simulated: true,
        seed: args.seed,
        dark: args.dark,
        n: trials.len(),
        located: located.len(),
        worst_slot_mm: spread(located.iter().filter_map(|trial| trial.worst_slot_mm)),
        said_mm: spread(located.iter().filter_map(|trial| trial.said_mm)),
        off_squared_mean: located.iter().filter_map(|trial| trial.off_squared).sum::<f64>()
            / located.len().max(1) as f64,
        off_squared: spread(located.iter().filter_map(|trial| trial.off_squared)),
        after_s: spread(located.iter().map(|trial| trial.after_s)),
        aim_mm: AIM_MM,
        aim_s: AIM_S,
        trials,
    };
    let met = |values: Option<[f64; 3]>, at: usize, aim: f64| values.is_some_and(|values| values[at] <= aim);
    let harmless = !report.trials.iter().any(Trial::is_harmful);
    let good = harmless
        && report.located == report.n
        && met(report.worst_slot_mm, 1, AIM_MM)
        && met(report.after_s, 2, AIM_S);
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        print(&report);
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn spread(values: impl Iterator<Item = f64>) -> Option<[f64; 3]> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() as f64 * share).ceil() as usize).max(1) - 1];
    (!values.is_empty()).then(|| [at(0.5), at(0.95), at(1.0)])
}

fn print(report: &Report) {
    tell!("located     {} of {}, simulated, seed {}", report.located, report.n, report.seed);
    let rows = [
        ("worst slot", report.worst_slot_mm, "mm", format!("; aim: 95 % at most {AIM_MM} mm")),
        ("one sigma", report.said_mm, "mm", " of the worst slot as it was said".to_owned()),
        (
            "off squared",
            report.off_squared,
            "",
            "; in units of what was said, 95 % 7.8 where honest".to_owned(),
        ),
        ("after", report.after_s, "s", format!("; aim: at most {AIM_S} s")),
    ];
    for (what, values, unit, aim) in rows {
        if let Some([median, p95, most]) = values {
            tell!("{what:<11} {median:.3} / {p95:.3} / {most:.3} {unit} (median / 95 % / most){aim}");
        }
    }
    for trial in report.trials.iter().filter(|trial| trial.worst_slot_mm.is_none() || trial.is_harmful()) {
        tell!("{} seed {}: {}", trial.station, trial.seed, trial.told.join("; "));
    }
}
