//! What moves: drawn as the journal tells it.

use crate::journal::{News, Truth};
use crate::pose::{base_from_links, point, transform, translation};
use crate::scene::{self, CAMERA, PICTURE, ROBOT, link_path};
use nalgebra::Point3;
use nightshift_core::api::Feedback;
use nightshift_core::describe::Robot;
use nightshift_core::frames::{Base, Laser, Map, Odom, Pose, Pose2};
use nightshift_core::robot::{Beam, LaserScan};
use nightshift_core::{Level, Stamp};
use rerun::{
    Color, Cylinders3D, EncodedImage, LineStrips3D, Points3D, RecordingStream, RecordingStreamResult,
    Scalars, TextLog, TextLogLevel,
};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The time line that everything is drawn on.
pub const TIMELINE: &str = "ros_time";

/// Sensors tell more often than anybody looks, and recordings grow with it: seconds from drawing to drawing.
const SCAN_PERIOD_S: f64 = 0.2;
const STATE_PERIOD_S: f64 = 0.05;
/// A person as drawn: height and radius, metres.
const PERSON_M: [f64; 2] = [1.7, 0.2];
/// From point to point of the trail, metres.
const TRAIL_STEP_M: f64 = 0.05;
/// A trail is written anew with each point, so it is cut in pieces of so many.
const TRAIL_PIECE: usize = 50;

/// Draws news into a recording.
pub struct Live {
    stream: RecordingStream,
    robot: Option<Robot>,
    folder: PathBuf,
    map_from_odom: Option<Pose2<Map, Odom>>,
    odom_from_base: Option<Pose2<Odom, Base>>,
    /// Where the simulator says that the base is.
    truly: Option<Pose2<Map, Base>>,
    arm: Vec<f64>,
    opening_m: f64,
    trail: Vec<[f32; 3]>,
    trail_pieces: usize,
    drawn: BTreeMap<String, Stamp>,
    /// Pictures that the journal names and the folder does not have.
    pub missing_pictures: usize,
}

impl Live {
    /// Pictures are looked for in `folder`.
    pub fn new(stream: RecordingStream, robot: Option<Robot>, folder: PathBuf) -> Self {
        Self {
            stream,
            robot,
            folder,
            map_from_odom: None,
            odom_from_base: None,
            truly: None,
            arm: Vec::new(),
            opening_m: 0.0,
            trail: Vec::new(),
            trail_pieces: 0,
            drawn: BTreeMap::new(),
            missing_pictures: 0,
        }
    }

    /// Draws what a line tells.
    pub fn take(&mut self, stamp: Stamp, news: News) -> RecordingStreamResult<()> {
        self.stream.set_duration_secs(TIMELINE, stamp.seconds());
        match news {
            News::Scan(scan) => self.scan(stamp, &scan),
            News::Odometry(odometry) => {
                self.odom_from_base = Some(odometry.odom_from_base);
                if !self.is_due("odometry", stamp, STATE_PERIOD_S) {
                    return Ok(());
                }
                let velocity = odometry.velocity;
                self.scalar("plots/base/speed_m_s", velocity.x.hypot(velocity.y))?;
                self.scalar("plots/base/turn_rad_s", velocity.yaw)?;
                self.base()
            }
            News::Joints(joints) => {
                self.arm = joints.positions;
                if self.is_due("joints", stamp, STATE_PERIOD_S) { self.links() } else { Ok(()) }
            }
            News::Gripper(gripper) => {
                self.opening_m = gripper.opening_m;
                if !self.is_due("gripper", stamp, STATE_PERIOD_S) {
                    return Ok(());
                }
                self.scalar("plots/gripper/opening_mm", gripper.opening_m * 1e3)?;
                self.scalar("plots/gripper/force_n", gripper.force_n)
            }
            News::Wrist(wrench) => {
                if !self.is_due("wrist", stamp, STATE_PERIOD_S) {
                    return Ok(());
                }
                let [x, y, z] = wrench.force_n;
                self.scalar("plots/wrist/force_n", x.hypot(y).hypot(z))
            }
            News::Truth(truth) => self.truth(&truth),
            News::Picture(picture) => self.picture(&picture.path),
            News::Localised(found) => {
                let estimate = found.estimate();
                self.scalar("plots/localisation/confidence", estimate.map_or(0.0, |e| e.confidence))?;
                let Some(estimate) = estimate else { return Ok(()) };
                self.map_from_odom = Some(estimate.map_from_odom);
                self.base()
            }
            News::Path(path) => {
                let points: Vec<[f32; 3]> = path.iter().map(|pose| on_floor(pose, 0.03)).collect();
                let line = LineStrips3D::new([points])
                    .with_colors([Color::from_rgb(230, 120, 20)])
                    .with_radii([0.015]);
                self.stream.log("world/path", &line)
            }
            News::Drive(twist) => {
                self.scalar("plots/base/told_speed_m_s", twist.x.hypot(twist.y))?;
                self.scalar("plots/base/told_turn_rad_s", twist.yaw)
            }
            News::Feedback(job, feedback) => {
                self.text("log/phases", TextLogLevel::INFO, words(job.as_str(), &feedback))
            }
            News::Finished(result) => {
                let (level, end) = match &result.error {
                    None => (TextLogLevel::INFO, "done".to_owned()),
                    Some(error) => (TextLogLevel::ERROR, error.to_string()),
                };
                self.text("log/phases", level, format!("{}: {end}", result.job_id))
            }
            News::Notice { level, message } => {
                let level = match level {
                    Level::Warning => TextLogLevel::WARN,
                    Level::Urgent | Level::Critical => TextLogLevel::ERROR,
                    Level::Fatal => TextLogLevel::CRITICAL,
                };
                self.text("log/notices", level, message)
            }
            News::Nothing => Ok(()),
        }
    }

    /// As the stack believes it, else as the simulator has it.
    fn map_from_base(&self) -> Option<Pose2<Map, Base>> {
        self.map_from_odom.zip(self.odom_from_base).map_or(self.truly, |(map, odom)| Some(map * odom))
    }

    fn truth(&mut self, truth: &Truth) -> RecordingStreamResult<()> {
        let [x, y, yaw] = truth.robot.pose;
        self.truly = Some(Pose2::new(x, y, yaw));
        let (lengths, radii) = ([PERSON_M[0] as f32], [PERSON_M[1] as f32]);
        let places: Vec<[f32; 3]> =
            truth.people.iter().map(|[x, y, _]| [*x as f32, *y as f32, lengths[0] / 2.0]).collect();
        if !places.is_empty() {
            let people =
                Cylinders3D::from_lengths_and_radii(lengths.repeat(places.len()), radii.repeat(places.len()));
            let people = people.with_centers(places).with_colors([Color::from_rgb(200, 140, 60)]);
            self.stream.log("world/truth/people", &people)?;
        }
        let vials: Vec<[f32; 3]> =
            truth.samples.values().map(|sample| translation(&sample.pose.iso)).collect();
        let colors = truth.samples.values().map(|sample| match sample.broken {
            true => Color::from_rgb(220, 30, 30),
            false => Color::from_rgb(60, 170, 200),
        });
        let vials = Points3D::new(vials).with_colors(colors).with_radii([0.012]);
        self.stream.log("world/truth/vials", &vials.with_labels(truth.samples.keys().map(String::as_str)))?;
        if self.map_from_odom.is_none() { self.base() } else { Ok(()) }
    }

    /// Where it is not known, the robot is not drawn.
    fn base(&mut self) -> RecordingStreamResult<()> {
        let Some(map_from_base) = self.map_from_base() else { return Ok(()) };
        self.stream.log(ROBOT, &transform(&map_from_base.spatial().iso))?;
        let here = on_floor(&map_from_base, 0.01);
        let near = |last: &[f32; 3]| f64::from((last[0] - here[0]).hypot(last[1] - here[1])) < TRAIL_STEP_M;
        if self.trail.last().is_some_and(near) {
            return Ok(());
        }
        self.trail.push(here);
        let line = LineStrips3D::new([self.trail.clone()])
            .with_colors([Color::from_rgb(70, 110, 220)])
            .with_radii([0.01]);
        self.stream.log(format!("world/trail/{}", self.trail_pieces), &line)?;
        if self.trail.len() == TRAIL_PIECE {
            self.trail = vec![here];
            self.trail_pieces += 1;
        }
        Ok(())
    }

    fn links(&mut self) -> RecordingStreamResult<()> {
        let Some(robot) = &self.robot else { return Ok(()) };
        let links = base_from_links(robot, &self.arm, self.opening_m);
        for (link, base_from_link) in &links {
            if *link != robot.model.root {
                self.stream.log(link_path(link), &transform(base_from_link))?;
            }
        }
        match links.get(&robot.arm.flange_link) {
            Some(flange) => self.stream.log(CAMERA, &scene::camera_transform(robot, flange)),
            None => Ok(()),
        }
    }

    fn scan(&mut self, stamp: Stamp, scan: &LaserScan) -> RecordingStreamResult<()> {
        let Some(map_from_base) = self.map_from_base() else { return Ok(()) };
        let base_from_laser = match &self.robot {
            Some(robot) => robot.scanners.get(&scan.scanner).map(|scanner| scanner.pose),
            // A log of a scanner alone has it in the base's middle.
            None => Some(Pose::identity()),
        };
        let Some(base_from_laser) = base_from_laser else { return Ok(()) };
        if !self.is_due(&scan.scanner, stamp, SCAN_PERIOD_S) {
            return Ok(());
        }
        let map_from_laser: Pose<Map, Laser> = map_from_base.spatial() * base_from_laser;
        let points: Vec<[f32; 3]> = scan
            .beams
            .iter()
            .enumerate()
            .filter_map(|(index, beam)| {
                let Beam::Hit(range) = *beam else { return None };
                let bearing = scan.angle_min + index as f64 * scan.angle_increment;
                let range = f64::from(range);
                let hit = Point3::new(range * bearing.cos(), range * bearing.sin(), 0.0);
                Some(point(&map_from_laser.point(&hit)))
            })
            .collect();
        let points = Points3D::new(points).with_colors([Color::from_rgb(220, 40, 40)]).with_radii([0.02]);
        self.stream.log(format!("world/scans/{}", scan.scanner), &points)
    }

    fn picture(&mut self, path: &str) -> RecordingStreamResult<()> {
        if path.is_empty() {
            return Ok(());
        }
        match std::fs::read(self.folder.join(path)) {
            Ok(bytes) => self.stream.log(PICTURE, &EncodedImage::from_file_contents(bytes)),
            Err(_) => {
                self.missing_pictures += 1;
                Ok(())
            }
        }
    }

    fn scalar(&self, path: &str, value: f64) -> RecordingStreamResult<()> {
        self.stream.log(path, &Scalars::single(value))
    }

    fn text(&self, path: &str, level: &str, words: String) -> RecordingStreamResult<()> {
        self.stream.log(path, &TextLog::new(words).with_level(level))
    }

    fn is_due(&mut self, what: &str, stamp: Stamp, period_s: f64) -> bool {
        let due = self.drawn.get(what).is_none_or(|last| stamp.since(*last) >= period_s);
        if due {
            self.drawn.insert(what.to_owned(), stamp);
        }
        due
    }
}

fn on_floor(pose: &Pose2<Map, Base>, height_m: f32) -> [f32; 3] {
    [pose.x() as f32, pose.y() as f32, height_m]
}

fn words(job: &str, feedback: &Feedback) -> String {
    let percent = feedback.progress * 100.0;
    let head = format!("{job}: {} {} {percent:.0} %", feedback.phase.name(), feedback.sample_id);
    if feedback.message.is_empty() { head } else { format!("{head}: {}", feedback.message) }
}
