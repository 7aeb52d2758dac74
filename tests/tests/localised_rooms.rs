//! The localiser in rooms by seed (`sim/flat`) that changed since they were mapped: found from nowhere, and never sure of
//! a wrong place; carried away, and aware of it; and a covariance that means what it says.
//!
//! `NIGHTSHIFT_FIRST=1001 NIGHTSHIFT_ROOMS=60 cargo test -p nightshift-tests --test localised_rooms -- --nocapture` prints the figures.

use nightshift_flat::{Drive, Plan};
use nightshift_navigation::evaluate::{self, FromNowhere, Kidnapped};
use nightshift_navigation::log::DriveLog;

const STARTS: usize = 6;
const KIDNAPS: usize = 5;
/// Scans that are tracked before each kidnap, and how far away it ends at least, metres.
const KIDNAP_BEFORE: usize = 40;
const KIDNAP_M: f64 = 1.0;

#[derive(Debug, Default)]
struct Count {
    rooms: usize,
    starts: usize,
    found: usize,
    wrong: usize,
    way_m: Vec<f64>,
    kidnaps: usize,
    noticed: usize,
    wrong_again: u32,
    /// Of tracking, a value for each room.
    nees: Vec<f64>,
    rmse_m: Vec<f64>,
    doubted: usize,
    lost: usize,
    scans: usize,
}

fn room(seed: u64, count: &mut Count) {
    let drawn = Plan::drawn(seed);
    let plan = Plan {
        changed: [0.0, 0.15, 0.3, 0.45][seed as usize % 4],
        people: seed as usize % 3,
        length_m: 40.0,
        ..drawn
    };
    let Some(drive) = Drive::new(plan) else { return };
    let log = DriveLog::parse(&drive.to_text()).expect("a drive's text is a log");
    let grid = drive.map();
    count.rooms += 1;
    let mut localiser = evaluate::localiser(&grid, &log, seed);
    let fresh = localiser.clone();
    let run = evaluate::track(&mut localiser, &log, 20, |_| true, |l, i| evaluate::give(l, &log, i));
    count.nees.push(evaluate::mean(&run.nees));
    count.rmse_m.push(run.rmse_m());
    count.doubted += run.doubted;
    count.lost += run.lost;
    count.scans += log.steps.len();
    let most = log.steps.len().saturating_sub(120);
    for start in 0..STARTS {
        let first = start * most / STARTS;
        count.starts += 1;
        match evaluate::from_nowhere(&mut fresh.clone(), &log, first) {
            FromNowhere::Found(way_m) => {
                count.found += 1;
                count.way_m.push(way_m);
            }
            FromNowhere::NotFound => println!("seed {seed}: start {first} not found"),
            FromNowhere::FalseAccept(off_m) => {
                count.wrong += 1;
                println!("seed {seed}: start {first} sure of a place {off_m:.1} m off");
            }
        }
    }
    for number in 0..KIDNAPS {
        let from = number * most / KIDNAPS;
        let to = (from + KIDNAP_BEFORE + (number * 7919 + 1) * most / (KIDNAPS * 3)) % most;
        if log.steps[from + KIDNAP_BEFORE - 1].reference.distance(&log.steps[to].reference) < KIDNAP_M {
            continue;
        }
        match evaluate::kidnap(&mut fresh.clone(), &log, from, KIDNAP_BEFORE, to) {
            Kidnapped::Noticed { wrong_again, .. } => {
                count.kidnaps += 1;
                count.noticed += 1;
                count.wrong_again += u32::from(wrong_again);
                if wrong_again {
                    println!(
                        "seed {seed}: kidnap from {from} to {to} noticed, and then sure of a wrong place"
                    );
                }
            }
            Kidnapped::Unnoticed => {
                count.kidnaps += 1;
                println!("seed {seed}: kidnap from {from} to {to} not noticed");
            }
            Kidnapped::NotTracking => {}
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn it_is_found_and_never_sure_of_a_wrong_place() {
    let (first, rooms) = (number("NIGHTSHIFT_FIRST", 1), number("NIGHTSHIFT_ROOMS", 6));
    let mut count = Count::default();
    for seed in first..first + rooms {
        room(seed, &mut count);
    }
    println!(
        "{} rooms: found {} of {}, wrong {}, after {:.2} m (median), {:.2} m (p95); kidnaps noticed {} of {}, sure of a wrong place after {}",
        count.rooms,
        count.found,
        count.starts,
        count.wrong,
        evaluate::quantile(&count.way_m, 0.5),
        evaluate::quantile(&count.way_m, 0.95),
        count.noticed,
        count.kidnaps,
        count.wrong_again
    );
    println!(
        "tracking: NEES mean {:.2}, of rooms p10 {:.2} p50 {:.2} p90 {:.2}; RMSE of rooms p50 {:.4} p90 {:.4} m; {} in doubt, {} without a pose, of {} scans",
        evaluate::mean(&count.nees),
        evaluate::quantile(&count.nees, 0.1),
        evaluate::quantile(&count.nees, 0.5),
        evaluate::quantile(&count.nees, 0.9),
        evaluate::quantile(&count.rmse_m, 0.5),
        evaluate::quantile(&count.rmse_m, 0.9),
        count.doubted,
        count.lost,
        count.scans
    );
    assert_eq!(count.wrong, 0, "it was sure of a wrong place");
    assert!(count.found * 100 >= count.starts * 95, "found {} of {}", count.found, count.starts);
    assert!(count.noticed * 100 >= count.kidnaps * 99, "noticed {} of {}", count.noticed, count.kidnaps);
    assert_eq!(count.lost, 0, "tracking was lost");
}
