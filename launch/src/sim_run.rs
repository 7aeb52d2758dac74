//! The simulator as it runs: the world with all that belongs to its state, and how it is held, stepped and set back.

use crate::talk::talk;
use nightshift_core::Stamp;
use nightshift_core::image::Frame;
use nightshift_core::robot::RobotEvent;
use nightshift_ros::SimRequest;
use nightshift_sim::World;
use nightshift_sim::faults::{Event, FaultError, Planned, Schedule, When};
use std::collections::VecDeque;

/// Simulated seconds between words of the truth, for judges.
const TRUTH_EVERY_S: f64 = 0.1;
/// Simulated seconds between ticks of `/clock`.
const CLOCK_EVERY_S: f64 = 0.004;

/// What a simulator's future depends on. A copy is exact.
#[derive(Clone)]
pub struct Running {
    /// Robot and laboratory.
    pub world: World,
    faults: Schedule,
    shots: VecDeque<(Stamp, Frame)>,
    clock: Every,
    camera: Every,
    truth: Every,
}

/// What a step brought.
#[derive(Default)]
pub struct Brought {
    /// What the robot tells.
    pub events: Vec<RobotEvent>,
    /// Whether the clock is to be told.
    pub clock: bool,
    /// Pictures that arrive.
    pub frames: Vec<Frame>,
    /// Whether the truth is to be told.
    pub truth: bool,
}

/// Something that is due every so many simulated seconds.
#[derive(Clone)]
struct Every {
    period_s: f64,
    next_s: f64,
}

impl Every {
    fn new(period_s: f64) -> Self {
        Self { period_s, next_s: 0.0 }
    }

    fn due(&mut self, now_s: f64) -> bool {
        let due = now_s + 1e-9 >= self.next_s;
        if due {
            self.next_s = now_s + self.period_s;
        }
        due
    }
}

impl Running {
    /// At its start. Pictures are streamed so often a second.
    pub fn new(world: World, camera_hz: f64) -> Self {
        Self {
            world,
            faults: Schedule::default(),
            shots: VecDeque::new(),
            clock: Every::new(CLOCK_EVERY_S),
            camera: Every::new(1.0 / camera_hz),
            truth: Every::new(TRUTH_EVERY_S),
        }
    }

    /// Reads a fault and lets it wait; answers it as it is understood.
    ///
    /// # Errors
    /// In words, where it is not in the catalogue, or names what is not there.
    pub fn plan(&mut self, text: &str) -> Result<String, String> {
        let planned: Planned = text.parse().map_err(|e: FaultError| e.to_string())?;
        self.world.check(&planned.fault).map_err(|e| e.to_string())?;
        if let When::After(Event::Phase(phase), _) = planned.when {
            let phase = phase.name();
            return Err(format!(
                "{text:?}: phase {phase} is the stack's, and the simulator does not see it: use a time, drive, grasp or lift"
            ));
        }
        let understood = planned.fault.to_string();
        self.faults.add(planned);
        Ok(understood)
    }

    /// One step, with faults, and without pictures.
    pub fn step(&mut self) -> Brought {
        let events = self.world.step();
        self.strike();
        Brought { events, ..Brought::default() }
    }

    /// One step, with all that a robot on the graph tells.
    pub fn step_and_stream(&mut self) -> Brought {
        let mut brought = self.step();
        let now = self.world.now();
        brought.clock = self.clock.due(now.seconds());
        if self.camera.due(now.seconds()) {
            self.shots.extend(self.world.shoot().into_iter().map(|shot| (now + shot.after, shot.frame)));
        }
        while let Some((_, frame)) = self.shots.pop_front_if(|(due, _)| *due <= now) {
            brought.frames.push(frame);
        }
        brought.truth = self.truth.due(now.seconds());
        brought
    }

    /// Lets those faults strike whose time has come.
    fn strike(&mut self) {
        let now_s = self.world.now().seconds();
        for event in self.world.happening() {
            self.faults.note(now_s, event);
        }
        for fault in self.faults.due(now_s) {
            match self.world.inject(&fault) {
                Ok(()) => talk!("nightshift sim: {now_s:.3} s: {fault}"),
                Err(error) => talk!("nightshift sim: {now_s:.3} s: {fault} could not strike: {error}"),
            }
        }
    }

    /// Its time and its state, for a person or a judge.
    fn told(&self) -> String {
        format!("at {:.3} s, state {}", self.world.now().seconds(), self.world.state_hash())
    }
}

/// The hand on a running simulator.
pub struct Control {
    start: Running,
    kept: Option<Running>,
    /// Whether it stands still.
    pub held: bool,
    steps: u32,
    /// Whether it was set back since somebody looked.
    pub set_back: bool,
}

impl Control {
    /// Of a simulator at its start.
    pub fn new(start: &Running) -> Self {
        Self { start: start.clone(), kept: None, held: false, steps: 0, set_back: false }
    }

    /// Whether it goes on by a step now.
    pub fn goes_on(&mut self) -> bool {
        let steps = self.steps;
        self.steps = steps.saturating_sub(1);
        !self.held || steps > 0
    }

    /// Does what is asked. One answer, or one a fault.
    pub fn obey(&mut self, request: &SimRequest, running: &mut Running) -> Vec<Result<String, String>> {
        let answer = match request {
            SimRequest::Faults(texts) => {
                return texts.iter().map(|text| running.plan(text)).collect();
            }
            SimRequest::Pause(hold) => {
                self.held = *hold;
                let words = if *hold { "held" } else { "goes on" };
                Ok(format!("{words}: {}", running.told()))
            }
            SimRequest::Step if !self.held => Err("it is not held: pause it first".to_owned()),
            SimRequest::Step => {
                self.steps += 1;
                Ok(format!("one step from {:.3} s on", running.world.now().seconds()))
            }
            SimRequest::Reset => {
                running.clone_from(&self.start);
                self.set_back = true;
                Ok(format!("reset: {}", running.told()))
            }
            SimRequest::Snapshot => {
                self.kept = Some(running.clone());
                Ok(format!("kept: {}", running.told()))
            }
            SimRequest::Restore => match &self.kept {
                Some(kept) => {
                    running.clone_from(kept);
                    self.set_back = true;
                    Ok(format!("restored: {}", running.told()))
                }
                None => Err("nothing was kept: ask for a snapshot first".to_owned()),
            },
        };
        vec![answer]
    }
}
