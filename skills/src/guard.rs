//! Motions that feel their way: slow, and stopped as soon as the wrist tells of more force along an axis than allowed.

use crate::belief::Belief;
use crate::limits;
use nalgebra::Vector3;
use nightshift_core::robot::{JointTrajectory, Wrench};
use nightshift_core::{Code, Failure, Stamp};
use nightshift_motion::Arm;
use std::collections::VecDeque;

/// What ends a motion of the arm early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard {
    /// A change of the wrist's force along the axis by more than this, N.
    pub force_n: f64,
    /// A unit vector in the flange's frame: the tool's, or the way that it goes.
    pub axis: Vector3<f64>,
    /// The tool goes no faster than this, m/s: what it meets pushes back until the arm stands.
    pub speed_m_s: f64,
}

/// What the wrist told lately. Robots without such a sensor tell nothing; their motions are not guarded.
#[derive(Debug, Default)]
pub struct WristLog {
    reports: VecDeque<Wrench>,
    /// It has told without a gap since then.
    since: Stamp,
}

impl WristLog {
    /// Takes a report. One that is older than the last is passed over.
    pub fn take(&mut self, wrench: Wrench) {
        let gap_s = self.reports.back().map(|last| wrench.stamp.since(last.stamp));
        if gap_s.is_some_and(|gap_s| gap_s <= 0.0) {
            return;
        }
        if gap_s.is_none_or(|gap_s| gap_s > limits::WRIST_AGE.as_secs_f64()) {
            self.since = wrench.stamp;
        }
        self.reports.push_back(wrench);
        while self.reports.front().is_some_and(|old| wrench.stamp.since(old.stamp) > limits::WRIST_HISTORY_S)
        {
            self.reports.pop_front();
        }
    }

    /// Why a mean of it says nothing now: it is silent, or tells again for less than a mean is over. None where it tells,
    /// and on a robot that has never told one.
    pub fn pause(&self, now: Stamp) -> Option<Failure> {
        let last = self.reports.back()?;
        let (age_s, told_s) = (now.since(last.stamp), last.stamp.since(self.since));
        let silent = age_s > limits::WRIST_AGE.as_secs_f64();
        (silent || told_s < limits::WRIST_MEAN_S).then(|| stale(age_s))
    }

    /// From when on a wrist that stays silent is not waited for any more.
    pub fn lost_at(&self) -> Stamp {
        self.reports.back().map_or(Stamp::ZERO, |last| last.stamp + limits::WRIST_LOST)
    }

    /// The mean force along `axis` (a unit vector in the flange's frame) over the last moments, N. None on a robot that
    /// has never told one.
    ///
    /// # Errors
    /// `SENSOR_STALE` where it has stopped telling.
    pub fn mean_n(&self, now: Stamp, axis: &Vector3<f64>) -> Result<Option<f64>, Failure> {
        Ok(self.mean(now)?.map(|mean| mean.dot(axis)))
    }

    /// The mean force over the last moments in the flange's frame, N; as [`Self::mean_n`].
    ///
    /// # Errors
    /// `SENSOR_STALE` where it has stopped telling.
    pub fn mean(&self, now: Stamp) -> Result<Option<Vector3<f64>>, Failure> {
        let Some(last) = self.reports.back() else { return Ok(None) };
        let age = now.since(last.stamp);
        if age > limits::WRIST_AGE.as_secs_f64() {
            return Err(stale(age));
        }
        let fresh =
            self.reports.iter().rev().take_while(|w| last.stamp.since(w.stamp) <= limits::WRIST_MEAN_S);
        let add = |(sum, count), w: &Wrench| (sum + Vector3::from(w.force_n), count + 1.0);
        let (sum, count) = fresh.fold((Vector3::zeros(), 0.0), add);
        Ok(Some(sum / count))
    }
}

fn along(wrench: &Wrench, axis: &Vector3<f64>) -> f64 {
    Vector3::from(wrench.force_n).dot(axis)
}

fn stale(age_s: f64) -> Failure {
    let words = format!(
        "the wrist's force is {age_s:.2} s old, allowed are {} s; waited for are {} s",
        limits::WRIST_AGE.as_secs_f64(),
        limits::WRIST_LOST.as_secs()
    );
    Failure::new(Code::SensorStale, words)
}

/// Watches one motion.
#[derive(Debug)]
pub struct Watch {
    guard: Guard,
    tare_n: f64,
    told: Stamp,
    state: State,
}

/// How a watched motion stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Nothing was met.
    Clear,
    /// Something was: the largest force, N.
    Touched(f64),
    /// Nothing came in time.
    Deaf,
}

impl Watch {
    /// Begins, with the arm at rest: the force that the wrist tells now is what nothing weighs. None where the robot
    /// has no such sensor.
    ///
    /// # Errors
    /// `SENSOR_STALE`.
    pub fn begin(guard: Guard, belief: &Belief, now: Stamp) -> Result<Option<Self>, Failure> {
        let tare = belief.wrist.mean_n(now, &guard.axis)?;
        Ok(tare.map(|tare_n| Self { guard, tare_n, told: now, state: State::Clear }))
    }

    /// Takes a report. True where the arm must be stopped now.
    pub fn take(&mut self, now: Stamp, wrench: &Wrench) -> bool {
        self.told = now;
        let force_n = (along(wrench, &self.guard.axis) - self.tare_n).abs();
        match &mut self.state {
            State::Clear if force_n > self.guard.force_n => {
                self.state = State::Touched(force_n);
                return true;
            }
            State::Touched(peak_n) => *peak_n = peak_n.max(force_n),
            State::Clear | State::Deaf => {}
        }
        false
    }

    /// Until when a report must have come. None once that no longer matters.
    pub fn patience(&self) -> Option<Stamp> {
        (self.state == State::Clear).then_some(self.told + limits::WRIST_AGE)
    }

    /// Nothing came in time.
    pub fn give_up(&mut self) {
        self.state = State::Deaf;
    }

    /// The wrist tells again, `mean_n` along the axis with the arm at rest: the motion may go on, with the force from before
    /// the silence as what nothing weighs, so that what was met during it is not taken for nothing.
    pub fn resume(&mut self, now: Stamp, mean_n: f64) {
        let force_n = (mean_n - self.tare_n).abs();
        self.told = now;
        self.state = if force_n > self.guard.force_n { State::Touched(force_n) } else { State::Clear };
    }

    /// How the motion stands.
    pub fn state(&self) -> State {
        self.state
    }
}

/// The same motion, stretched in time so that the tool goes no faster than `speed_m_s` between any two points.
pub fn slowed(arm: &Arm, mut trajectory: JointTrajectory, speed_m_s: f64) -> JointTrajectory {
    let places: Vec<(f64, Vector3<f64>)> = trajectory
        .points
        .iter()
        .map(|point| (point.time_s, arm.base_from_tool(&point.positions).translation()))
        .collect();
    let fastest = places.windows(2).map(|w| (w[1].1 - w[0].1).norm() / (w[1].0 - w[0].0)).fold(0.0, f64::max);
    let stretch = fastest / speed_m_s;
    if stretch > 1.0 {
        for point in &mut trajectory.points {
            point.time_s *= stretch;
            point.velocities.iter_mut().for_each(|rate| *rate /= stretch);
        }
    }
    trajectory
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::robot::TrajectoryPoint;

    fn wrench(ms: u64, z: f64) -> Wrench {
        Wrench { stamp: Stamp(ms * 1_000_000), force_n: [0.3, -0.2, z], torque_nm: [0.0; 3] }
    }

    fn log(z: f64) -> Belief {
        let mut belief = Belief::default();
        (0..100).for_each(|n| belief.wrist.take(wrench(10 * n, z)));
        belief
    }

    #[test]
    fn the_mean_is_of_the_last_moments_and_a_silent_wrist_is_told() {
        let mut belief = log(10.0);
        (100..120).for_each(|n| belief.wrist.take(wrench(10 * n, 12.0)));
        let mean = |ms: u64| belief.wrist.mean_n(Stamp(ms * 1_000_000), &Vector3::z());
        assert!((mean(1200).unwrap().unwrap() - 12.0).abs() < 1e-9);
        assert_eq!(mean(1900).unwrap_err().code, Code::SensorStale);
        let none = Belief::default();
        assert_eq!(none.wrist.mean_n(Stamp(5), &Vector3::z()), Ok(None));
    }

    #[test]
    fn after_a_gap_the_wrist_is_believed_once_it_has_told_for_a_mean() {
        let mut log = WristLog::default();
        assert_eq!(log.pause(Stamp(5)), None, "a robot without such a sensor");
        (0..20).for_each(|n| log.take(wrench(10 * n, 1.0)));
        let pause = |log: &WristLog, ms: u64| log.pause(Stamp(ms * 1_000_000)).map(|failure| failure.code);
        assert_eq!((pause(&log, 390), pause(&log, 391)), (None, Some(Code::SensorStale)));
        (50..61).for_each(|n| log.take(wrench(10 * n, 1.0)));
        assert_eq!(pause(&log, 600), Some(Code::SensorStale), "one report is not a mean");
        (61..63).for_each(|n| log.take(wrench(10 * n, 1.0)));
        assert_eq!(pause(&log, 620), None);
    }

    #[test]
    fn a_push_or_a_pull_stops_the_motion_once_and_silence_until_it_is_told_again() {
        let guard = Guard { force_n: 2.0, axis: Vector3::z(), speed_m_s: 0.01 };
        let now = Stamp(990_000_000);
        let begin = || Watch::begin(guard, &log(10.0), now).unwrap().unwrap();
        for force in [7.5, 12.5] {
            let mut watch = begin();
            assert!(!watch.take(Stamp(1_000_000_000), &wrench(1000, 11.5)));
            assert_eq!(watch.state(), State::Clear);
            assert_eq!(watch.patience(), Some(Stamp(1_000_000_000) + limits::WRIST_AGE));
            assert!(watch.take(Stamp(1_010_000_000), &wrench(1010, force)));
            assert!(!watch.take(Stamp(1_020_000_000), &wrench(1020, 6.0)), "it is told once");
            assert_eq!(watch.state(), State::Touched(4.0));
            assert_eq!(watch.patience(), None);
        }
        let mut deaf = begin();
        deaf.give_up();
        assert_eq!((deaf.state(), deaf.patience()), (State::Deaf, None));
        deaf.resume(Stamp(1_400_000_000), 11.0);
        assert_eq!(deaf.state(), State::Clear);
        assert_eq!(deaf.patience(), Some(Stamp(1_400_000_000) + limits::WRIST_AGE));
        deaf.give_up();
        deaf.resume(Stamp(1_900_000_000), 7.5);
        assert_eq!(deaf.state(), State::Touched(2.5), "what was met in the silence is told");
        assert!(Watch::begin(guard, &Belief::default(), now).unwrap().is_none());
    }

    #[test]
    fn a_slowed_motion_goes_the_same_way_within_the_speed() {
        let robot = nightshift_core::describe::Robot::load(&|file: &str| {
            let path = format!("{}/../robot/description/omni7/{file}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).map_err(|e| e.to_string())
        });
        let arm = Arm::new(&robot.unwrap()).unwrap();
        let point = |time_s: f64, q: f64, rate: f64| TrajectoryPoint {
            time_s,
            positions: (0..7).map(|j| if j == 1 { q } else { 0.3 }).collect(),
            velocities: vec![rate; 7],
        };
        let fast = JointTrajectory {
            points: vec![point(0.0, 0.0, 0.0), point(0.1, 0.02, 0.4), point(0.2, 0.04, 0.0)],
        };
        let slow = slowed(&arm, fast.clone(), 0.02);
        let places: Vec<_> =
            slow.points.iter().map(|p| (p.time_s, arm.base_from_tool(&p.positions).translation())).collect();
        let speeds = places.windows(2).map(|w| (w[1].1 - w[0].1).norm() / (w[1].0 - w[0].0));
        let fastest = speeds.fold(0.0, f64::max);
        assert!((fastest - 0.02).abs() < 1e-9, "{fastest}");
        let (end, was) = (slow.points.last().unwrap(), fast.points.last().unwrap());
        assert_eq!(end.positions, was.positions);
        assert!((slow.points[1].velocities[0] * slow.duration_s() - 0.4 * 0.2).abs() < 1e-9);
        assert_eq!(slowed(&arm, fast.clone(), 10.0), fast, "what is slow enough stays");
    }
}
