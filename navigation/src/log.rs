//! Recorded drives as text: what the SLAM community's laser logs hold, one line a scan.
//!
//! A header `# n_beams N angle_min A angle_inc D` (radians), then on each line an index, the time (s), dead reckoning
//! x y yaw, a reference x y yaw (m, rad; anything finite where there is none), and N ranges (m; 50 and more is no
//! return). Further lines that begin with `#` are passed over.

use nalgebra::Isometry2;
use nightshift_core::describe::ScannerDescription;
use nightshift_core::frames::{Base, Map, Odom};
use nightshift_core::robot::{Beam, LaserScan, Odometry, Twist};
use nightshift_core::{Pose, Pose2, Stamp};
use std::time::Duration;

/// Nearer is invalid, metres.
const RANGE_MIN_M: f64 = 0.05;
/// Farther is no return, metres: the format's 50 and more.
const RANGE_MAX_M: f64 = 49.0;
/// Real logs have scans stamped a little before the one before them; more than this is another log's time, seconds.
const MAX_BACKWARDS_S: f64 = 2.0;
/// Longer drives are times in another unit, seconds.
const MAX_LENGTH_S: f64 = 366.0 * 86_400.0;
/// What a scan's time becomes where it does not go on, seconds after the one before.
const LEAST_STEP_S: f64 = 0.001;
/// The name of the one scanner.
pub const SCANNER: &str = "laser";

/// Where a log cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct LogError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// A recorded drive.
#[derive(Clone, Debug, PartialEq)]
pub struct DriveLog {
    /// Bearing of the first beam, rad.
    pub angle_min: f64,
    /// From beam to beam, rad.
    pub angle_increment: f64,
    /// Beams in a scan.
    pub beams: usize,
    /// In the order of the file; never empty.
    pub steps: Vec<LogStep>,
    /// Scans whose time does not go on from the one before; they are taken in the order of the file.
    pub backwards: usize,
}

/// One scan with what was known at its time. The scanner stands in the base's origin.
#[derive(Clone, Debug, PartialEq)]
pub struct LogStep {
    /// As the log has it, seconds.
    pub time_s: f64,
    /// Grows from scan to scan: seconds since the first, and one.
    pub stamp: Stamp,
    /// Dead reckoning.
    pub odom_from_base: Pose2<Odom, Base>,
    /// What a localiser is scored against.
    pub reference: Pose2<Map, Base>,
    /// Metres, as the log has them: also NaN, negative, infinite.
    pub ranges: Vec<f32>,
}

impl DriveLog {
    /// Reads a log.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let mut lines = lines.filter(|(_, line)| !line.is_empty());
        let (line, header) =
            lines.next().ok_or(LogError { line: 1, reason: "the log is empty".to_owned() })?;
        let (beams, angle_min, angle_increment) =
            header_of(header).map_err(|reason| LogError { line, reason })?;
        let mut log = Self { angle_min, angle_increment, beams, steps: Vec::new(), backwards: 0 };
        for (line, words) in lines.filter(|(_, words)| !words.starts_with('#')) {
            log.take(words).map_err(|reason| LogError { line, reason })?;
        }
        if log.steps.is_empty() {
            return Err(LogError { line, reason: "no scan follows the header".to_owned() });
        }
        Ok(log)
    }

    fn take(&mut self, words: &str) -> Result<(), String> {
        let (expected, found) = (8 + self.beams, words.split_whitespace().count());
        if found != expected {
            return Err(format!(
                "{found} numbers where index, time, two poses and {} ranges make {expected}: the line is cut off, \
                 or the scan has another number of beams than the header says",
                self.beams
            ));
        }
        let mut words = words.split_whitespace();
        let mut numbers = [0.0; 8];
        for (number, name) in numbers.iter_mut().zip(COLUMNS) {
            let word = words.next().unwrap_or_default();
            *number = word
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .ok_or_else(|| format!("{name} is {word:?}: it must be a finite number"))?;
        }
        let [_, time_s, ox, oy, oyaw, x, y, yaw] = numbers;
        let ranges = words.map(|word| word.parse().map_err(|_| format!("a range is {word:?}, not a number")));
        let ranges = ranges.collect::<Result<Vec<f32>, String>>()?;
        let stamp = match self.steps.last() {
            None => Stamp::from_seconds(1.0),
            Some(last) if time_s < last.time_s - MAX_BACKWARDS_S => {
                return Err(format!(
                    "time runs backwards, from {} s to {time_s} s: cut the log into its drives",
                    last.time_s
                ));
            }
            Some(_) if time_s - self.steps[0].time_s > MAX_LENGTH_S => {
                return Err(format!(
                    "the time is {time_s} s, more than a year after the first: it must be in seconds"
                ));
            }
            Some(last) => {
                let since_start_s = 1.0 + time_s - self.steps[0].time_s;
                self.backwards += usize::from(time_s <= last.time_s);
                Stamp::from_seconds(since_start_s.max(last.stamp.seconds() + LEAST_STEP_S))
            }
        };
        let (odom_from_base, reference) = (Pose2::new(ox, oy, oyaw), Pose2::new(x, y, yaw));
        self.steps.push(LogStep { time_s, stamp, odom_from_base, reference, ranges });
        Ok(())
    }

    /// What the log says of its scanner.
    pub fn scanner(&self) -> ScannerDescription {
        let last = self.angle_min + self.angle_increment * (self.beams - 1) as f64;
        ScannerDescription {
            pose: Pose::identity(),
            angle_min_deg: self.angle_min.to_degrees(),
            angle_max_deg: last.to_degrees(),
            beams: self.beams,
            range_min_m: RANGE_MIN_M,
            range_max_m: RANGE_MAX_M,
            rate_hz: 10.0,
            sweep_s: 0.0,
        }
    }

    /// A step's dead reckoning, with the velocity since the step before.
    pub fn odometry(&self, index: usize) -> Odometry {
        let step = &self.steps[index];
        let velocity = index.checked_sub(1).map_or(Twist::STOP, |before| {
            let before = &self.steps[before];
            let seconds = step.stamp.since(before.stamp);
            let moved: Isometry2<f64> = before.odom_from_base.iso.inv_mul(&step.odom_from_base.iso);
            Twist {
                x: moved.translation.x / seconds,
                y: moved.translation.y / seconds,
                yaw: moved.rotation.angle() / seconds,
            }
        });
        Odometry { stamp: step.stamp, odom_from_base: step.odom_from_base, velocity }
    }

    /// A step's scan.
    pub fn scan(&self, index: usize) -> LaserScan {
        let step = &self.steps[index];
        let beam = |range: &f32| Beam::from_range(*range, RANGE_MIN_M as f32, RANGE_MAX_M as f32);
        LaserScan {
            stamp: step.stamp,
            scanner: SCANNER.into(),
            angle_min: self.angle_min,
            angle_increment: self.angle_increment,
            sweep: Duration::ZERO,
            beams: step.ranges.iter().map(beam).collect(),
        }
    }
}

const COLUMNS: [&str; 8] = [
    "the index",
    "the time",
    "odometry's x",
    "odometry's y",
    "odometry's yaw",
    "the reference's x",
    "the reference's y",
    "the reference's yaw",
];

/// Beams, first bearing and step of a header.
fn header_of(line: &str) -> Result<(usize, f64, f64), String> {
    let words: Vec<&str> = line.trim_start_matches('#').split_whitespace().collect();
    let value = |key: &str| {
        let at = words.iter().position(|word| *word == key);
        at.and_then(|at| words.get(at + 1)).copied().filter(|_| line.starts_with('#')).ok_or_else(|| {
            format!(
                "the log must begin with `# n_beams N angle_min A angle_inc D` (radians); {key} is missing"
            )
        })
    };
    let angle = |key: &str| {
        let word = value(key)?;
        let angle = word.parse::<f64>().ok().filter(|a| a.is_finite() && a.abs() <= std::f64::consts::TAU);
        angle.ok_or_else(|| format!("{key} is {word:?}: it must be radians"))
    };
    let word = value("n_beams")?;
    let beams = word.parse().ok().filter(|beams| (1..=100_000).contains(beams));
    let beams = beams.ok_or_else(|| format!("n_beams is {word:?}: it must be 1 to 100000"))?;
    let (angle_min, angle_increment) = (angle("angle_min")?, angle("angle_inc")?);
    if angle_increment <= 0.0 {
        return Err(format!("angle_inc is {angle_increment}: beams must go counter-clockwise"));
    }
    Ok((beams, angle_min, angle_increment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "# n_beams 3 angle_min -1.5 angle_inc 0.5\n# idx t odom reference ranges\n";

    fn refused(text: &str) -> String {
        DriveLog::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_log_is_read_with_its_odd_ranges() {
        let text = format!("{HEADER}0 7.5 1 2 0.5 3 4 0.6 1.0 nan -2\n\n1 8.5 1 2 0.5 3 4 0.6 60 inf 0.01\n");
        let log = DriveLog::parse(&text).unwrap();
        assert_eq!((log.beams, log.steps.len(), log.backwards), (3, 2, 0));
        assert_eq!(log.scan(0).beams, [Beam::Hit(1.0), Beam::Invalid, Beam::Invalid]);
        assert_eq!(log.scan(1).beams, [Beam::NoReturn, Beam::NoReturn, Beam::Invalid]);
        assert_eq!(log.steps[1].time_s, 8.5);
        assert_eq!(log.steps[1].stamp.since(log.steps[0].stamp), 1.0);
        assert_eq!(log.odometry(1).velocity, Twist::STOP);
        assert!((log.scanner().angle_max_deg - (-0.5f64).to_degrees()).abs() < 1e-12);
    }

    #[test]
    fn each_bad_log_is_refused_by_line_and_reason() {
        let line = |t: f64| format!("0 {t} 1 2 0.5 3 4 0.6 1 1 1\n");
        let cases = [
            (String::new(), "line 1: the log is empty"),
            (line(1.0), "line 1: the log must begin with"),
            (HEADER.replace("angle_inc", "step"), "angle_inc is missing"),
            (HEADER.replace("0.5", "0"), "counter-clockwise"),
            (HEADER.replace("-1.5", "nan"), "angle_min is \"nan\""),
            (HEADER.replace('3', "0"), "n_beams is \"0\""),
            (HEADER.to_owned(), "no scan follows"),
            (format!("{HEADER}{}1 2.0 1 2 0.5 3 4 0.6 1 1", line(1.0)), "line 4: 10 numbers where"),
            (format!("{HEADER}0 1 1 2 0.5 3 4 0.6 1 1 1 1\n"), "another number of beams"),
            (format!("{HEADER}0 1 1 nan 0.5 3 4 0.6 1 1 1\n"), "odometry's y is \"nan\""),
            (format!("{HEADER}0 1 1 2 0.5 3 4 0.6 1 x 1\n"), "a range is \"x\""),
            (format!("{HEADER}{}{}", line(90.0), line(1.0)), "line 4: time runs backwards, from 90 s to 1 s"),
            (format!("{HEADER}{}{}", line(1.0), line(1e12)), "line 4: the time is 1000000000000 s"),
        ];
        for (text, words) in cases {
            assert!(refused(&text).contains(words), "{text:?}: {}", refused(&text));
        }
    }

    #[test]
    fn a_time_that_stutters_goes_on_in_the_order_of_the_file() {
        let lines: String = [5.0, 6.0, 5.9, 6.0, 7.0].map(|t| format!("0 {t} 1 2 0 3 4 0 1 1 1\n")).concat();
        let log = DriveLog::parse(&format!("{HEADER}{lines}")).unwrap();
        assert_eq!(log.backwards, 1);
        assert!(log.steps.windows(2).all(|pair| pair[0].stamp < pair[1].stamp));
        assert_eq!(log.steps[2].time_s, 5.9);
        assert_eq!(log.steps[4].stamp, Stamp::from_seconds(3.0));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(tail in "[0-9nai.# \\n-]{0,80}") {
            let log = DriveLog::parse(&format!("{HEADER}{tail}"));
            prop_assert!(log.is_err() || tail.len() > 10);
        }
    }
}
