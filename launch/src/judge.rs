//! Watches a run from outside, with the simulator's truth in hand, and notes what must never happen.

mod zones;

use crate::lockstep::{Step, drives};
use crate::stack::StackOutput;
use nightshift_core::SampleId;
use nightshift_core::api::{ItemStatus, JobEvent, JobResult};
use nightshift_core::describe::{Robot, Site};
use nightshift_core::robot::{RobotCommand, RobotEvent};
use nightshift_sim::{Truth, World};
use std::collections::BTreeMap;
use zones::ZoneWatch;

/// A grip at its limit swings over it by so much in single steps, N.
const GRIP_SLACK_N: f64 = 0.5;

/// Labware that is not carried settles by no more than this, m.
const STANDS_M: f64 = 0.003;

/// The judge of one run.
pub struct Judge {
    /// What each sample's glass may be held with, N, by its type.
    max_grip_n: BTreeMap<SampleId, f64>,
    zones: ZoneWatch,
    arm_moving: bool,
    violations: Vec<String>,
    /// How each job ended, in order.
    pub results: Vec<JobResult>,
}

impl Judge {
    /// Knows what the site's labware can bear, and where its base may go.
    pub fn new(site: &Site, robot: &Robot) -> Self {
        let limits = site.stock.iter().filter_map(|item| {
            let vial = site.catalogue.vials.get(&item.labware)?;
            Some((item.id.clone(), vial.grasp.max_force_n))
        });
        Self {
            max_grip_n: limits.collect(),
            zones: ZoneWatch::new(&site.zones, &robot.base.footprint_m),
            arm_moving: false,
            violations: Vec::new(),
            results: Vec::new(),
        }
    }

    /// Looks at what one step brought.
    pub fn watch(&mut self, world: &mut World, step: &Step) {
        for touch in world.contacts_of_note() {
            self.note(world, format!("contact: {touch}"));
        }
        for refusal in &step.refused {
            self.note(world, refusal.clone());
        }
        if self.zones.is_due(world.now()) {
            for breach in self.zones.broken(world.now(), &world.truth().robot.pose.iso) {
                self.note(world, breach);
            }
        }
        for mishap in world.mishaps() {
            self.note(world, format!("mishap: {mishap}"));
        }
        let squeezed = world.grips().find_map(|(sample, force_n)| {
            let limit_n =
                *self.max_grip_n.get(sample).filter(|limit_n| force_n > **limit_n + GRIP_SLACK_N)?;
            Some((sample.clone(), limit_n))
        });
        if let Some((sample, limit_n)) = squeezed {
            self.note(world, format!("{sample} is held with more than the {limit_n:.1} N of its type"));
        }
        if step.events.iter().any(|event| matches!(event, RobotEvent::ArmDone { .. })) {
            self.arm_moving = false;
        }
        for output in &step.outputs {
            match output {
                StackOutput::Robot(RobotCommand::MoveArm { .. }) => self.arm_moving = true,
                StackOutput::Robot(command) if self.arm_moving && drives(command) => {
                    self.note(world, "the base was told to drive while the arm moved".into());
                }
                StackOutput::Event(JobEvent::Finished(result)) => {
                    // A stack that was started anew tells again how a job ended.
                    self.results.retain(|known| known.job_id != result.job_id);
                    self.results.push(result.clone());
                }
                _ => {}
            }
        }
    }

    fn note(&mut self, world: &World, what: String) {
        // One line a thing, however long it lasts.
        if self.violations.len() < 100 && !self.violations.iter().any(|seen| seen.ends_with(&what)) {
            self.violations.push(format!("{:.2} s: {what}", world.now().seconds()));
        }
    }

    /// Compares what was promised and what the ledger says with what is true, and hands out everything noted.
    pub fn close(
        mut self,
        truth: &Truth,
        ledger: &BTreeMap<String, String>,
        expect: &crate::scenario::Expect,
        jobs: usize,
    ) -> (Vec<String>, Vec<JobResult>) {
        if self.results.len() != jobs {
            self.violations.push(format!("{} of {jobs} jobs ended", self.results.len()));
        }
        for (sample, told) in ledger {
            let Some(sample_truth) = truth.samples.get(&SampleId::new(sample)) else {
                self.violations.push(format!("the ledger has {sample}, the laboratory has not"));
                continue;
            };
            // A doubtful entry lists every possible place.
            if !told.split('|').any(|place| place == sample_truth.location) {
                let there = &sample_truth.location;
                self.violations.push(format!("the ledger has {sample} at {told}, in truth it is at {there}"));
            }
        }
        for (sample, state) in &truth.samples {
            if !ledger.contains_key(sample.as_str()) {
                self.violations.push(format!("the ledger has lost {sample}"));
            }
            if state.broken {
                self.violations.push(format!("{sample} is broken"));
            }
        }
        for (name, state) in truth.loose.iter().filter(|(_, state)| state.moved_m > STANDS_M) {
            self.violations
                .push(format!("{name} was pushed: it is {:.1} mm off its place", state.moved_m * 1e3));
        }
        for (station, state) in &truth.stations {
            if let Some(holder) = &state.holder {
                self.violations.push(format!("{station} is still held by {holder}: its release is owed"));
            }
        }
        for (sample, place) in &expect.samples {
            let there =
                truth.samples.get(&SampleId::new(sample)).map_or("nowhere", |state| state.location.as_str());
            if there != place {
                self.violations.push(format!("{sample} should be at {place}, in truth it is at {there}"));
            }
        }
        for (station, wanted) in &expect.stations {
            let state = truth.stations.get(&station.as_str().into()).map_or("none", |s| s.state.as_str());
            if state != wanted {
                self.violations.push(format!("{station} should be {wanted}, in truth it is {state}"));
            }
        }
        let outcomes = self.results.iter().flat_map(|result| &result.outcomes);
        let errors: BTreeMap<&str, _> =
            outcomes.clone().map(|outcome| (outcome.sample_id.as_str(), outcome.error.as_ref())).collect();
        for (sample, wanted) in &expect.errors {
            let told = errors.get(sample.as_str()).copied().flatten();
            if told.map(|told| told.code) != Some(*wanted) {
                let told = told.map_or("no error".to_owned(), ToString::to_string);
                self.violations
                    .push(format!("{sample} should fail with {}, the job says {told}", wanted.name()));
            }
        }
        let status: BTreeMap<&str, ItemStatus> =
            outcomes.map(|outcome| (outcome.sample_id.as_str(), outcome.status)).collect();
        for (sample, wanted) in &expect.status {
            let told = status.get(sample.as_str()).map(|s| serde_json::to_value(s).expect("plain data"));
            if told.as_ref().and_then(|told| told.as_str()) != Some(wanted) {
                self.violations.push(format!("{sample} should end {wanted}, the job says {told:?}"));
            }
        }
        (self.violations, self.results)
    }
}
