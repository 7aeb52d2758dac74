//! A night of transfers in lockstep: one job after the other, every sample in turn, to free slots of other stations.

use crate::bench::transfer;
use crate::bench_sim::resident_mib;
use crate::clock::Stopwatch;
use crate::files::Lab;
use crate::judge::Judge;
use crate::lockstep::Lockstep;
use crate::runner;
use crate::scenario::Expect;
use crate::stack::StackInput;
use crate::talk::talk;
use cpu_time::ThreadTime;
use indicatif::{ProgressBar, ProgressStyle};
use nightshift_core::api::{Call, ItemStatus, Request};
use nightshift_core::random::Seed;
use nightshift_core::record::Deaf;
use nightshift_core::robot::CommandId;
use nightshift_core::{Address, SampleId};
use nightshift_sim::SimConfig;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Simulated seconds between two jobs.
const PAUSE_S: f64 = 2.0;
/// Times that a night's memory is looked at.
const TOLD: f64 = 10.0;

/// How a night went.
#[derive(Debug, Serialize)]
pub struct Night {
    /// Simulated.
    pub hours: f64,
    /// Seconds on the wall.
    pub wall_s: f64,
    /// Seconds of the thread's processor time.
    pub cpu_s: f64,
    /// Jobs that ended.
    pub jobs: usize,
    /// Samples that were brought to their targets.
    pub transfers: usize,
    /// Over all of the simulator's state at the end: what the stack did is in it.
    pub state_hash: String,
    /// Resident memory at each tenth of the night, MiB.
    pub resident_mib: Vec<f64>,
    /// What must not happen and did.
    pub violations: Vec<String>,
}

impl fmt::Display for Night {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "night of {:.1} h: {} of {} transfers done, {:.1} min of processor time, {:.1} min on the wall, memory {}, {} violations",
            self.hours,
            self.transfers,
            self.jobs,
            self.cpu_s / 60.0,
            self.wall_s / 60.0,
            self.memory(),
            self.violations.len()
        )
    }
}

impl Night {
    fn memory(&self) -> String {
        let told: Vec<String> = self.resident_mib.iter().map(|mib| format!("{mib:.1}")).collect();
        format!("{} MiB", told.join(" "))
    }
}

/// Runs a night of so many simulated seconds.
pub fn run(lab: &Lab, seed: u64, seconds: f64) -> Result<Night, String> {
    let (watch, cpu) = (Stopwatch::start(), ThreadTime::now());
    let config = SimConfig { seed: Seed(seed), start: None };
    let mut lockstep = Lockstep::new(lab, config, None, Deaf).map_err(|e| e.to_string())?;
    let mut judge = Judge::new(&lab.site, &lab.robot);
    let mut roster = Roster::new(lab, seed);
    let bar = ProgressBar::new(seconds as u64).with_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} simulated s, {msg}").expect("a sound template"),
    );
    let (mut sent, mut transfers, mut next_s) = (0, 0, PAUSE_S);
    let mut memory = Vec::new();
    loop {
        let step = lockstep.step();
        judge.watch(&mut lockstep.world, &step);
        let now_s = lockstep.world.now().seconds();
        if now_s >= seconds * (memory.len() + 1) as f64 / TOLD {
            memory.push(resident_mib());
            // Where no bar is drawn, a line tells how far it has come.
            if bar.is_hidden() {
                let (min, mib) = (cpu.elapsed().as_secs_f64() / 60.0, resident_mib());
                talk!(
                    "{now_s:.0} of {seconds:.0} simulated s, {transfers} of {sent} transfers, {min:.1} min, {mib:.1} MiB"
                );
            }
        }
        if judge.results.len() == sent {
            if let Some(last) = judge.results.last().filter(|_| next_s.is_infinite()) {
                let done = last.outcomes.iter().filter(|outcome| outcome.status == ItemStatus::Done).count();
                transfers += done;
                next_s = now_s + PAUSE_S;
                bar.set_position(now_s as u64);
                bar.set_message(format!("{transfers} of {sent} transfers"));
            }
            if now_s >= seconds {
                break;
            }
            if now_s >= next_s {
                roster.correct(&runner::ledger(&mut lockstep));
                let Some((sample, target)) = roster.next() else {
                    return Err(format!("after {now_s:.0} s no sample can be moved any more"));
                };
                sent += 1;
                next_s = f64::INFINITY;
                let job = transfer(&format!("night-{sent}"), &sample, &target);
                let request = Request::Submit(job);
                lockstep.tell(StackInput::Call(Call { id: CommandId(sent as u64), request }));
            }
        }
    }
    bar.finish_and_clear();
    let ledger = runner::ledger(&mut lockstep);
    let (violations, results) = judge.close(&lockstep.world.truth(), &ledger, &Expect::default(), sent);
    Ok(Night {
        hours: lockstep.world.now().seconds() / 3600.0,
        wall_s: watch.elapsed().as_secs_f64(),
        cpu_s: cpu.elapsed().as_secs_f64(),
        jobs: results.len(),
        transfers,
        state_hash: lockstep.world.state_hash(),
        resident_mib: memory,
        violations,
    })
}

/// Which sample is next, and where to.
struct Roster {
    places: BTreeMap<SampleId, String>,
    slots: BTreeMap<SampleId, Vec<Address>>,
    turn: usize,
    seed: u64,
}

impl Roster {
    fn new(lab: &Lab, seed: u64) -> Self {
        let mut slots: BTreeMap<SampleId, Vec<Address>> = BTreeMap::new();
        for item in &lab.site.stock {
            for (id, station) in &lab.site.stations {
                for (name, nest) in &station.nests {
                    let Some(rack) = lab.site.catalogue.racks.get(&nest.rack) else { continue };
                    if rack.takes.contains(&item.labware) {
                        let address = |slot| Address { station: id.clone(), nest: name.clone(), slot };
                        slots
                            .entry(item.id.clone())
                            .or_default()
                            .extend(rack.slots().into_iter().map(address));
                    }
                }
            }
        }
        let places = lab.site.stock.iter().map(|item| (item.id.clone(), item.at.to_string())).collect();
        Self { places, slots, turn: 0, seed }
    }

    /// Where samples are, by the ledger.
    fn correct(&mut self, ledger: &BTreeMap<String, String>) {
        for (sample, place) in &mut self.places {
            if let Some(told) = ledger.get(sample.as_str()) {
                place.clone_from(told);
            }
        }
    }

    /// The next sample that stands for certain in a slot, and a free slot at another station.
    fn next(&mut self) -> Option<(SampleId, Address)> {
        let samples: Vec<SampleId> = self.places.keys().cloned().collect();
        for _ in 0..samples.len() {
            let sample = samples[self.turn % samples.len()].clone();
            self.turn += 1;
            let Ok(at) = self.places[&sample].parse::<Address>() else { continue };
            let free: Vec<&Address> = self
                .slots
                .get(&sample)?
                .iter()
                .filter(|slot| slot.station != at.station)
                .filter(|slot| {
                    !self.places.values().any(|place| place.split('|').any(|p| p == slot.to_string()))
                })
                .collect();
            if !free.is_empty() {
                // Another one each time, for each seed in another order.
                let at = (self.seed as usize).wrapping_add(7 * self.turn) % free.len();
                return Some((sample, free[at].clone()));
            }
        }
        None
    }
}
