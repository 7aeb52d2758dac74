//! How good the sight of vessels is, against annotations: average precision, recall by size, masks, phases; each with an
//! interval.
//!
//! Average precision as COCO has it: precision that never rises with recall, at 101 recalls (Lin et al. 2014, and
//! pycocotools). Types are not asked for: a thing is found or not. What is annotated as hidden for the most part counts
//! neither as missed nor as wrong.

use crate::vessel::{Rle, overlap};
use nightshift_core::random::Seed;
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// An annotated thing.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Left, top, right, bottom, pixels.
    pub bounds: [f64; 4],
    /// Where it is annotated.
    pub mask: Option<Rle>,
    /// What is in it; none where it is not annotated.
    pub phases: Option<BTreeSet<String>>,
    /// Level, share of the height that can be filled, where it is annotated.
    pub fill: Option<f64>,
    /// Hidden for the most part.
    pub ignored: bool,
}

/// A thing that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Left, top, right, bottom, pixels.
    pub bounds: [f64; 4],
    /// How sure.
    pub score: f64,
    /// Its pixels.
    pub mask: Option<Rle>,
}

/// What was read of a thing, its box given.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// What is in it; nothing where that was in doubt.
    pub phases: BTreeSet<String>,
    /// Level, share of the height that can be filled.
    pub fill: Option<f64>,
}

/// One picture: what is annotated, what was seen, and what was read of each annotated thing with its box given. All that a
/// figure needs is worked out once, so that a bootstrap only adds it up.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    truths: Vec<Truth>,
    /// What was seen, at each of [`SHARES`].
    matched: Vec<Vec<Match>>,
    contents: Contents,
    /// Of the levels that are annotated and were read.
    level_errors: Vec<f64>,
}

/// A thing that was seen.
#[derive(Clone, Debug)]
struct Match {
    score: f64,
    /// The truth that it is.
    truth: Option<usize>,
    /// How the masks overlap, where both have one.
    masks: Option<f64>,
}

/// Least shares of overlap that are asked for: 0.50, 0.55 ... 0.95.
const SHARES: usize = 10;

fn least_share(step: usize) -> f64 {
    0.5 + 0.05 * step as f64
}

/// Contents of one picture's vessels.
#[derive(Clone, Debug, Default)]
struct Contents {
    /// Told rightly, missed, told wrongly.
    each: BTreeMap<String, [usize; 3]>,
    vessels: usize,
    in_doubt: usize,
    filled: usize,
    called_empty: usize,
}

impl Scored {
    /// `read` is of each truth in turn, or empty where nothing was read.
    pub fn new(truths: Vec<Truth>, mut seen: Vec<Seen>, read: &[Read]) -> Self {
        seen.sort_by(|a, b| b.score.total_cmp(&a.score));
        let matched = (0..SHARES).map(|step| matches(&truths, &seen, least_share(step))).collect();
        let mut contents = Contents::default();
        let mut level_errors = Vec::new();
        for (truth, read) in truths.iter().zip(read).filter(|(truth, _)| !truth.ignored) {
            if let (Some(fill), Some(told)) = (truth.fill.filter(|fill| *fill > 0.0), read.fill) {
                level_errors.push((fill - told).abs());
            }
            if let Some(phases) = &truth.phases {
                contents.add(phases, &read.phases);
            }
        }
        Self { truths, matched, contents, level_errors }
    }

    /// Annotated things that count.
    pub fn things(&self) -> usize {
        self.truths.iter().filter(|truth| !truth.ignored).count()
    }

    /// What was seen with at least a score, at a share of overlap of a half.
    fn seen(&self, least: f64) -> impl Iterator<Item = &Match> {
        self.matched.first().into_iter().flatten().take_while(move |seen| seen.score >= least)
    }

    fn is_ignored(&self, seen: &Match) -> bool {
        seen.truth.is_some_and(|truth| self.truths[truth].ignored)
    }
}

impl Contents {
    fn add(&mut self, truth: &BTreeSet<String>, read: &BTreeSet<String>) {
        for name in truth.union(read) {
            let place = match (truth.contains(name), read.contains(name)) {
                (true, true) => 0,
                (true, false) => 1,
                _ => 2,
            };
            self.each.entry(name.clone()).or_default()[place] += 1;
        }
        let filled = !truth.contains("empty");
        self.vessels += 1;
        self.in_doubt += usize::from(read.is_empty());
        self.filled += usize::from(filled);
        self.called_empty += usize::from(filled && read.contains("empty"));
    }
}

/// For each seen thing, the surest first: the truth that it is; a truth is found once.
fn matches(truths: &[Truth], seen: &[Seen], share: f64) -> Vec<Match> {
    let mut taken = vec![false; truths.len()];
    let one = |seen: &Seen| {
        let truth = (0..truths.len())
            .filter(|truth| !taken[*truth])
            .map(|truth| (truth, overlap(&truths[truth].bounds, &seen.bounds)))
            .filter(|(_, found)| *found >= share)
            // A thing that counts goes before one that is ignored.
            .max_by(|(a, x), (b, y)| {
                let counts = |truth: &usize| !truths[*truth].ignored;
                counts(a).cmp(&counts(b)).then(x.total_cmp(y))
            })
            .map(|(truth, _)| truth);
        if let Some(truth) = truth {
            taken[truth] = true;
        }
        let told = truth.and_then(|truth| truths[truth].mask.as_ref());
        let masks = seen.mask.as_ref().zip(told).map(|(seen, told)| seen.overlap(told));
        Match { score: seen.score, truth, masks }
    };
    seen.iter().map(one).collect()
}

/// Average precision at a share of overlap of a half. None where nothing is annotated.
pub fn average_precision(pictures: &[&Scored]) -> Option<f64> {
    precision_at(pictures, 0)
}

/// At a step of [`least_share`].
fn precision_at(pictures: &[&Scored], step: usize) -> Option<f64> {
    let wanted: usize = pictures.iter().map(|picture| picture.things()).sum();
    if wanted == 0 {
        return None;
    }
    let mut hits: Vec<(f64, bool)> = Vec::new();
    for picture in pictures {
        let seen = picture.matched.get(step).into_iter().flatten();
        hits.extend(
            seen.filter(|seen| !picture.is_ignored(seen)).map(|seen| (seen.score, seen.truth.is_some())),
        );
    }
    hits.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut curve) = (0usize, Vec::new());
    for (count, (_, hit)) in hits.iter().enumerate() {
        right += usize::from(*hit);
        curve.push((right as f64 / wanted as f64, right as f64 / (count + 1) as f64));
    }
    // Precision never rises with recall.
    for at in (1..curve.len()).rev() {
        curve[at - 1].1 = curve[at - 1].1.max(curve[at].1);
    }
    let (mut reached, mut sum) = (curve.iter().peekable(), 0.0);
    for step in 0..=100 {
        let recall = f64::from(step) / 100.0 - 1e-12;
        while reached.next_if(|(so_far, _)| *so_far < recall).is_some() {}
        sum += reached.peek().map_or(0.0, |(_, precision)| *precision);
    }
    Some(sum / 101.0)
}

/// The mean of the average precisions at 0.50, 0.55 ... 0.95.
pub fn mean_precision(pictures: &[&Scored]) -> Option<f64> {
    let all: Option<Vec<f64>> = (0..SHARES).map(|step| precision_at(pictures, step)).collect();
    all.map(|all| all.iter().sum::<f64>() / all.len() as f64)
}

/// The share of annotated things within a range of heights (pixels) that was seen with at least a score, and how many
/// there are.
pub fn recall(pictures: &[&Scored], least: f64, tall: &Range<f64>) -> Option<(f64, usize)> {
    let (mut found, mut wanted) = (0, 0);
    for picture in pictures {
        let counts = |truth: usize| {
            let Truth { bounds, ignored, .. } = &picture.truths[truth];
            !ignored && tall.contains(&(bounds[3] - bounds[1]))
        };
        wanted += (0..picture.truths.len()).filter(|truth| counts(*truth)).count();
        found += picture.seen(least).filter(|seen| seen.truth.is_some_and(counts)).count();
    }
    (wanted > 0).then(|| (found as f64 / wanted as f64, wanted))
}

/// The share of what was seen with at least a score that is annotated.
pub fn precision(pictures: &[&Scored], least: f64) -> Option<f64> {
    let (mut right, mut all) = (0, 0);
    for picture in pictures {
        for seen in picture.seen(least).filter(|seen| !picture.is_ignored(seen)) {
            all += 1;
            right += usize::from(seen.truth.is_some());
        }
    }
    (all > 0).then(|| right as f64 / all as f64)
}

/// Mean share of overlap of the masks of what was found, and of how many.
pub fn mask_overlap(pictures: &[&Scored], least: f64) -> Option<(f64, usize)> {
    let (mut sum, mut count) = (0.0, 0);
    for picture in pictures {
        let found = picture.seen(least).filter(|seen| !picture.is_ignored(seen));
        for share in found.filter_map(|seen| seen.masks) {
            (sum, count) = (sum + share, count + 1);
        }
    }
    (count > 0).then(|| (sum / count as f64, count))
}

/// How well contents are read, boxes given.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseScores {
    /// Mean F1 of the phases that are annotated somewhere.
    pub macro_f1: f64,
    /// F1 and number of vessels of each.
    pub each: BTreeMap<String, (f64, usize)>,
    /// Vessels whose content is annotated.
    pub vessels: usize,
    /// Share of them of which nothing was told.
    pub in_doubt: f64,
    /// Share of the filled ones that were called empty.
    pub called_empty: Option<f64>,
}

/// Scores what was read. None where no content is annotated.
pub fn phases(pictures: &[&Scored]) -> Option<PhaseScores> {
    let mut all = Contents::default();
    let mut each: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for Contents { each: own, vessels, in_doubt, filled, called_empty } in
        pictures.iter().map(|picture| &picture.contents)
    {
        for (name, counts) in own {
            let sums = each.entry(name).or_default();
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        all.vessels += vessels;
        all.in_doubt += in_doubt;
        all.filled += filled;
        all.called_empty += called_empty;
    }
    // What is annotated nowhere has no score of its own.
    each.retain(|_, [hit, miss, _]| *hit + *miss > 0);
    if each.is_empty() {
        return None;
    }
    let each: BTreeMap<String, (f64, usize)> = each
        .into_iter()
        .map(|(name, [hit, miss, wrong])| {
            (name.to_owned(), (2.0 * hit as f64 / (2 * hit + miss + wrong) as f64, hit + miss))
        })
        .collect();
    let share = |part: usize, of: usize| part as f64 / of as f64;
    Some(PhaseScores {
        macro_f1: each.values().map(|(f1, _)| f1).sum::<f64>() / each.len() as f64,
        vessels: all.vessels,
        in_doubt: share(all.in_doubt, all.vessels),
        called_empty: (all.filled > 0).then(|| share(all.called_empty, all.filled)),
        each,
    })
}

/// Mean error of the level of the filled things that one was told of, and of how many.
pub fn fill_error(pictures: &[&Scored]) -> Option<(f64, usize)> {
    let errors = pictures.iter().flat_map(|picture| &picture.level_errors);
    let (sum, count) = errors.fold((0.0, 0u32), |(sum, count), error| (sum + error, count + 1));
    (count > 0).then(|| (sum / f64::from(count), count as usize))
}

/// Draws of [`interval`].
const DRAWS: usize = 1000;

/// The 95 % interval of a figure by the bootstrap's percentiles (Efron 1979). Pictures are drawn, not things: those of one
/// picture are alike. None where most draws have no such figure.
pub fn interval(
    pictures: &[Scored],
    seed: Seed,
    figure: impl Fn(&[&Scored]) -> Option<f64>,
) -> Option<[f64; 2]> {
    let mut random = seed.stream("bootstrap");
    let mut drawn: Vec<f64> = (0..DRAWS)
        .filter_map(|_| {
            let some: Vec<&Scored> =
                pictures.iter().map(|_| &pictures[random.random_range(0..pictures.len())]).collect();
            figure(&some)
        })
        .collect();
    if drawn.len() < DRAWS / 2 {
        return None;
    }
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn[((drawn.len() - 1) as f64 * share).round() as usize];
    Some([at(0.025), at(0.975)])
}

#[cfg(test)]
mod tests;
