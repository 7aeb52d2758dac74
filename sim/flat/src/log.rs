//! A drive as the text that laser logs are kept in.

use crate::drive::Drive;
use std::fmt::Write;

impl Drive {
    /// A header `# n_beams N angle_min A angle_inc D`, then a line a scan: index, time, odometry, truth, ranges. Metres
    /// and radians; ranges to a millimetre, as scanners give them.
    pub fn to_text(&self) -> String {
        let scanner = &self.plan.scanner;
        let increment = scanner.view_rad / (scanner.beams - 1) as f64;
        let mut text = format!(
            "# n_beams {} angle_min {} angle_inc {increment}\n",
            scanner.beams,
            -scanner.view_rad / 2.0
        );
        for (index, step) in self.steps.iter().enumerate() {
            write!(text, "{index} {:.3}", step.time_s).expect("a string takes text");
            for pose in [&step.odom, &step.truth] {
                let (at, yaw) = (pose.translation, pose.rotation.angle());
                write!(text, " {:.6} {:.6} {yaw:.7}", at.x, at.y).expect("a string takes text");
            }
            for range in &step.ranges {
                write!(text, " {range:.3}").expect("a string takes text");
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::{Drive, Plan};

    #[test]
    fn a_drive_repeats_is_long_enough_and_touches_nothing() {
        let drives = (1..9).filter_map(|seed| Drive::new(Plan { length_m: 10.0, ..Plan::drawn(seed) }));
        let mut count = 0;
        for drive in drives {
            count += 1;
            let clear = |step: &crate::Step| drive.now.clearance(&step.truth.translation.vector.into());
            assert!(drive.steps.iter().all(|step| clear(step) > 0.2), "seed {}", drive.plan.seed);
            let driven: f64 = drive
                .steps
                .windows(2)
                .map(|s| (s[1].truth.translation.vector - s[0].truth.translation.vector).norm())
                .sum();
            assert!(driven > 8.0, "seed {}: {driven} m", drive.plan.seed);
            assert_eq!(Drive::new(drive.plan.clone()).as_ref(), Some(&drive));
            let text = drive.to_text();
            assert_eq!(text.lines().count(), drive.steps.len() + 1);
            assert_eq!(text.lines().nth(1).map(|l| l.split(' ').count()), Some(8 + drive.plan.scanner.beams));
        }
        assert!(count >= 7, "{count} rooms of 8 can be driven in");
    }
}
