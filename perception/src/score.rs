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

/// One picture.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// All that is annotated.
    pub truths: Vec<Truth>,
    /// All that was seen.
    pub seen: Vec<Seen>,
    /// What was read of each truth, its box given.
    pub read: Vec<Read>,
}

/// For each seen thing of a picture, the surest first: its score and the truth that it is; a truth is found once.
fn matches(picture: &Scored, least: f64, share: f64) -> Vec<(f64, Option<usize>)> {
    let mut order: Vec<&Seen> = picture.seen.iter().filter(|seen| seen.score >= least).collect();
    order.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut taken = vec![false; picture.truths.len()];
    let mut matched = Vec::new();
    for seen in order {
        let best = (0..picture.truths.len())
            .filter(|truth| !taken[*truth])
            .map(|truth| (truth, overlap(&picture.truths[truth].bounds, &seen.bounds)))
            .filter(|(_, found)| *found >= share)
            // A thing that counts goes before one that is ignored.
            .max_by(|(a, x), (b, y)| {
                let counts = |truth: &usize| !picture.truths[*truth].ignored;
                counts(a).cmp(&counts(b)).then(x.total_cmp(y))
            });
        if let Some((truth, _)) = best {
            taken[truth] = true;
        }
        matched.push((seen.score, best.map(|(truth, _)| truth)));
    }
    matched
}

/// Average precision at a least share of overlap. None where nothing is annotated.
pub fn average_precision(pictures: &[&Scored], share: f64) -> Option<f64> {
    let wanted: usize = pictures.iter().map(|p| p.truths.iter().filter(|t| !t.ignored).count()).sum();
    if wanted == 0 {
        return None;
    }
    let mut hits: Vec<(f64, bool)> = Vec::new();
    for picture in pictures {
        for (score, truth) in matches(picture, 0.0, share) {
            match truth {
                Some(truth) if picture.truths[truth].ignored => {}
                truth => hits.push((score, truth.is_some())),
            }
        }
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
    let all: Option<Vec<f64>> =
        (0..10).map(|step| average_precision(pictures, 0.5 + 0.05 * f64::from(step))).collect();
    all.map(|all| all.iter().sum::<f64>() / 10.0)
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
        let matched = matches(picture, least, 0.5);
        found += matched.iter().filter(|(_, truth)| truth.is_some_and(counts)).count();
    }
    (wanted > 0).then(|| (found as f64 / wanted as f64, wanted))
}

/// The share of what was seen with at least a score that is annotated.
pub fn precision(pictures: &[&Scored], least: f64) -> Option<f64> {
    let (mut right, mut all) = (0, 0);
    for picture in pictures {
        for (_, truth) in matches(picture, least, 0.5) {
            match truth {
                Some(truth) if picture.truths[truth].ignored => {}
                truth => {
                    all += 1;
                    right += usize::from(truth.is_some());
                }
            }
        }
    }
    (all > 0).then(|| right as f64 / all as f64)
}

/// Mean share of overlap of the masks of what was found, and of how many.
pub fn mask_overlap(pictures: &[&Scored], least: f64) -> Option<(f64, usize)> {
    let mut shares = Vec::new();
    for picture in pictures {
        let mut order: Vec<&Seen> = picture.seen.iter().filter(|seen| seen.score >= least).collect();
        order.sort_by(|a, b| b.score.total_cmp(&a.score));
        for (seen, (_, truth)) in order.iter().zip(matches(picture, least, 0.5)) {
            let truth = truth.map(|truth| &picture.truths[truth]).filter(|truth| !truth.ignored);
            if let (Some(seen), Some(told)) = (&seen.mask, truth.and_then(|truth| truth.mask.as_ref())) {
                shares.push(seen.overlap(told));
            }
        }
    }
    (!shares.is_empty()).then(|| (shares.iter().sum::<f64>() / shares.len() as f64, shares.len()))
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
    let pairs: Vec<(&BTreeSet<String>, &BTreeSet<String>)> = pictures
        .iter()
        .flat_map(|picture| picture.truths.iter().zip(&picture.read))
        .filter(|(truth, _)| !truth.ignored)
        .filter_map(|(truth, read)| truth.phases.as_ref().map(|phases| (phases, &read.phases)))
        .collect();
    let names: BTreeSet<&String> = pairs.iter().flat_map(|(truth, _)| truth.iter()).collect();
    if names.is_empty() {
        return None;
    }
    let each: BTreeMap<String, (f64, usize)> = names
        .into_iter()
        .map(|name| {
            let count = |test: fn(bool, bool) -> bool| {
                pairs.iter().filter(|(truth, read)| test(truth.contains(name), read.contains(name))).count()
            };
            let (hit, miss, wrong) = (count(|t, r| t && r), count(|t, r| t && !r), count(|t, r| !t && r));
            let f1 = 2.0 * hit as f64 / (2 * hit + miss + wrong) as f64;
            (name.clone(), (f1, hit + miss))
        })
        .collect();
    let filled: Vec<_> = pairs.iter().filter(|(truth, _)| !truth.contains("empty")).collect();
    let called = filled.iter().filter(|(_, read)| read.contains("empty")).count();
    let doubts = pairs.iter().filter(|(_, read)| read.is_empty()).count();
    Some(PhaseScores {
        macro_f1: each.values().map(|(f1, _)| f1).sum::<f64>() / each.len() as f64,
        vessels: pairs.len(),
        in_doubt: doubts as f64 / pairs.len() as f64,
        called_empty: (!filled.is_empty()).then(|| called as f64 / filled.len() as f64),
        each,
    })
}

/// Mean error of the level of the filled things that one was told of, and of how many.
pub fn fill_error(pictures: &[&Scored]) -> Option<(f64, usize)> {
    let errors: Vec<f64> = pictures
        .iter()
        .flat_map(|picture| picture.truths.iter().zip(&picture.read))
        .filter(|(truth, _)| !truth.ignored)
        .filter_map(|(truth, read)| Some((truth.fill.filter(|fill| *fill > 0.0)? - read.fill?).abs()))
        .collect();
    (!errors.is_empty()).then(|| (errors.iter().sum::<f64>() / errors.len() as f64, errors.len()))
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
