//! `nightshift score`: how good the sight of vessels is on an annotated folder.

pub mod annotated;
mod sheet;

use crate::see::EyesArgs;
use crate::talk::tell;
use clap::Args;
use cpu_time::ProcessTime;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::random::Seed;
use nightshift_models::Eyes;
use nightshift_perception::score::{self, Read, Scored, Seen};
use nightshift_perception::vessel::{Kind, content};
use serde::Serialize;
use sheet::{Sheet, Told};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `nightshift score`.
#[derive(Args)]
#[command(
    after_help = "The folder holds annotations.json, COCO as `nightshift dataset` writes it, or `images` with `objects` (`bbox_xyxy`, \
`vessel`, `phases`), and the pictures that it names. Intervals are 95 %, by a bootstrap over pictures. Contents are read with the annotated \
boxes given.\n\nExamples:\n  nightshift score out/glass\n  nightshift score ../shared/data/perception/vessels --json\n  \
nightshift score ../shared/data/perception/vessels --sheet /tmp/real.png"
)]
pub struct ScoreArgs {
    /// The annotated folder.
    pub folder: PathBuf,
    /// Score only so many pictures, the first.
    #[arg(long)]
    pub limit: Option<usize>,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the first pictures (30 at most) on one sheet, each with what is annotated, what was seen and what was read.
    #[arg(long, value_name = "PNG")]
    pub sheet: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
    /// The networks.
    #[command(flatten)]
    pub eyes: EyesArgs,
}

/// A score.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Of what.
    pub what: String,
    /// The score; none where nothing is annotated that could be scored.
    pub value: Option<f64>,
    /// 95 %.
    pub interval: Option<[f64; 2]>,
    /// Things that it stands on.
    pub n: usize,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    pictures: usize,
    scores: &'a [Line],
}

/// Runs the command.
pub fn run(args: &ScoreArgs) -> Result<ExitCode, String> {
    let mut eyes = args.eyes.load()?;
    let mut sheet = args.sheet.as_ref().map(|_| Sheet::default());
    let looked = look(&mut eyes, &args.folder, args.limit, sheet.as_mut())?;
    if let (Some(sheet), Some(path)) = (&sheet, &args.sheet) {
        sheet.write(path)?;
    }
    let lines = lines(&looked, eyes.limits().score, Seed(args.seed));
    if args.json {
        let report = Report { pictures: looked.scored.len(), scores: &lines };
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else {
        tell!("| score | measured | 95 % | n |\n|---|---|---|---|");
        for Line { what, value, interval, n } in &lines {
            let value = value.map_or("none".to_owned(), |value| format!("{value:.3}"));
            let interval = interval.map_or(String::new(), |[low, high]| format!("{low:.3} to {high:.3}"));
            tell!("| {what} | {value} | {interval} | {n} |");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What was seen of an annotated folder.
pub struct Looked {
    /// A picture each.
    pub scored: Vec<Scored>,
    /// Processor time of all threads that each picture took, without its loading, milliseconds.
    pub took_ms: Vec<f64>,
}

/// Scores down to this count in average precision; what is reported begins at the model's own threshold.
const LEAST_SCORE: f64 = 0.05;

/// Looks at all pictures of a folder; the first ones go on a sheet.
pub fn look(
    eyes: &mut Eyes,
    folder: &Path,
    limit: Option<usize>,
    mut sheet: Option<&mut Sheet>,
) -> Result<Looked, String> {
    let set = annotated::read(folder)?;
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} pictures, {eta} left").expect("a sound template");
    let count = limit.unwrap_or(usize::MAX).min(set.pictures.len());
    let bar = ProgressBar::new(count as u64).with_style(style);
    let mut looked = Looked { scored: Vec::new(), took_ms: Vec::new() };
    for entry in set.pictures.into_iter().take(count) {
        let picture = crate::photo::read(&entry.file)?;
        let named = |e: nightshift_models::ModelError| format!("{}: {e}", entry.file.display());
        let began = ProcessTime::now();
        let sure = eyes.look(&picture).map_err(named)?;
        looked.took_ms.push(began.elapsed().as_secs_f64() * 1e3);
        let found = eyes.find(&picture, LEAST_SCORE).map_err(named)?;
        let sights = eyes.tell(&picture, found).map_err(named)?;
        let seen = sights
            .into_iter()
            .filter(|sight| sight.kind.is_vessel() || sight.kind == Kind::Unknown)
            .map(|sight| {
                let [left, top, width, height] = sight.bbox;
                Seen {
                    bounds: [left, top, left + width, top + height],
                    score: sight.score,
                    mask: Some(sight.mask_rle),
                }
            })
            .collect();
        let boxes: Vec<[f64; 4]> = entry.truths.iter().map(|truth| truth.bounds).collect();
        let read: Vec<Read> = eyes
            .read(&picture, &boxes)
            .map_err(named)?
            .iter()
            .map(|answer| {
                let phases = content(&answer.phases, eyes.limits());
                // Of a level alone more is known than of what it is the level of.
                Read {
                    phases: phases.into_iter().flatten().map(|phase| set.names.of(phase)).collect(),
                    fill: Some(f64::from(answer.fill)),
                }
            })
            .collect();
        if let Some(sheet) = sheet.as_mut().filter(|_| looked.scored.len() < sheet::MOST) {
            let words = |phases: &BTreeSet<String>| phases.iter().cloned().collect::<Vec<_>>().join(" ");
            let told: Vec<Told> = entry
                .truths
                .iter()
                .zip(&read)
                .filter(|(truth, _)| !truth.ignored)
                .map(|(truth, read)| Told {
                    bounds: truth.bounds,
                    holds: truth.phases.as_ref().map(words),
                    read: words(&read.phases),
                })
                .collect();
            sheet.add(&picture, &told, &sure);
        }
        looked.scored.push(Scored::new(entry.truths, seen, &read));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(looked)
}

/// From what height on nearly all should be found, pixels.
const TALL_PX: f64 = 40.0;

/// All scores.
pub fn lines(looked: &Looked, least: f64, seed: Seed) -> Vec<Line> {
    let all: Vec<&Scored> = looked.scored.iter().collect();
    let things = all.iter().map(|picture| picture.things()).sum();
    let mut lines = Vec::new();
    let mut add = |what: &str, n: usize, figure: &dyn Fn(&[&Scored]) -> Option<f64>| {
        let interval = score::interval(&looked.scored, seed, figure);
        lines.push(Line { what: what.to_owned(), value: figure(&all), interval, n });
    };
    add("vessel AP50", things, &|some| score::average_precision(some));
    add("vessel AP50..95", things, &score::mean_precision);
    for (what, tall) in [
        ("recall, all", 0.0..f64::INFINITY),
        ("recall, 40 px tall and more", TALL_PX..f64::INFINITY),
        ("recall, below 40 px", 0.0..TALL_PX),
    ] {
        let n = score::recall(&all, least, &tall).map_or(0, |(_, n)| n);
        add(what, n, &|some| score::recall(some, least, &tall).map(|(share, _)| share));
    }
    add("precision", things, &|some| score::precision(some, least));
    let masks = score::mask_overlap(&all, least).map_or(0, |(_, n)| n);
    add("mask overlap of what was found", masks, &|some| {
        score::mask_overlap(some, least).map(|(share, _)| share)
    });
    let phases = score::phases(&all);
    let vessels = phases.as_ref().map_or(0, |scores| scores.vessels);
    add("phase macro-F1", vessels, &|some| score::phases(some).map(|scores| scores.macro_f1));
    add("contents in doubt", vessels, &|some| score::phases(some).map(|scores| scores.in_doubt));
    let filled = vessels - phases.as_ref().and_then(|s| s.each.get("empty")).map_or(0, |(_, n)| *n);
    add("filled called empty", filled, &|some| score::phases(some).and_then(|scores| scores.called_empty));
    let levels = score::fill_error(&all).map_or(0, |(_, n)| n);
    add("error of the level, share of the height", levels, &|some| {
        score::fill_error(some).map(|(error, _)| error)
    });
    let each: BTreeMap<String, (f64, usize)> = phases.map(|scores| scores.each).unwrap_or_default();
    for (name, (_, n)) in &each {
        let f1 = |some: &[&Scored]| {
            score::phases(some).and_then(|scores| scores.each.get(name).map(|(f1, _)| *f1))
        };
        add(&format!("F1 of {name}"), *n, &f1);
    }
    lines
}
