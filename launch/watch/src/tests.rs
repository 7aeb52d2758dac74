use crate::cli::Cli;
use crate::journal::{self, News, Unreadable};
use crate::lab::{self, Lab, LabError};
use crate::pose::base_from_links;
use crate::show::{self, ShowError, Summary};
use crate::viewer::{ViewerError, check_version};
use clap::{CommandFactory, Parser};
use nightshift_core::api::{Custody, Feedback, JobEvent, JobResult, Phase};
use nightshift_core::describe::{Robot, Site};
use nightshift_core::frames::{Map, Pose, Pose2, Ware};
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::record::Entry;
use nightshift_core::robot::{
    Beam, GripperState, Inertial, JointState, LaserScan, Odometry, RobotCommand, RobotEvent, Twist, Wrench,
};
use nightshift_core::{Code, Failure, Level, Stamp};
use nightshift_navigation::localiser::{Estimate, Localisation, Place};
use rerun::RecordingStreamBuilder;
use rerun::log::{Chunk, LogMsg};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn lab() -> Lab {
    let reader = |folder: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
        move |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|e| e.to_string())
    };
    let grid = OccupancyGrid {
        resolution_m: 0.5,
        width: 3,
        height: 2,
        origin: [-0.5, -0.5],
        cells: vec![Cell::Free, Cell::Occupied, Cell::Unknown, Cell::Free, Cell::Free, Cell::Free],
    };
    Lab {
        site: Some(Site::load(&reader("maps/photocatalysis")).unwrap()),
        robot: Some(Robot::load(&reader("robot/description/omni7")).unwrap()),
        grid,
    }
}

fn localised() -> Localisation {
    Localisation {
        stamp: Stamp(5),
        place: Place::Tracking(Estimate {
            map_from_odom: Pose2::new(1.0, 2.0, 0.0),
            map_from_base: Pose2::new(1.0, 2.0, 0.0),
            covariance: [[0.0; 3]; 3],
            confidence: 0.9,
        }),
    }
}

fn feedback() -> Feedback {
    Feedback {
        phase: Phase::Pick,
        sample_id: "S-001".into(),
        custody: Custody::Source,
        progress: 0.25,
        eta_s: 40.0,
        message: String::new(),
    }
}

/// Journal lines as the stack writes them: its inputs and outputs wrap the messages of core and navigation.
struct Journal {
    lines: Vec<String>,
    now: Stamp,
}

impl Journal {
    fn given(&mut self, input: impl Serialize) {
        let input = serde_json::to_value(input).unwrap();
        let entry: Entry<_, ()> = Entry::In(self.now, input);
        self.lines.push(serde_json::to_string(&entry).unwrap());
    }

    fn robot(&mut self, event: RobotEvent) {
        self.given(json!({ "Robot": event }));
    }

    fn answered(&mut self, output: impl Serialize) {
        let output = serde_json::to_value(output).unwrap();
        let entry: Entry<(), _> = Entry::Out(self.now, output);
        self.lines.push(serde_json::to_string(&entry).unwrap());
    }
}

/// Two metres ahead in ten seconds, then a look and a failed job.
fn drive() -> Journal {
    let mut journal = Journal { lines: Vec::new(), now: Stamp::ZERO };
    for step in 0..100_u32 {
        let (stamp, x) = (Stamp::from_seconds(f64::from(step) * 0.1), f64::from(step) * 0.02);
        journal.now = stamp;
        let velocity = Twist { x: 0.2, y: 0.0, yaw: 0.0 };
        journal.robot(RobotEvent::Odometry(Odometry {
            stamp,
            odom_from_base: Pose2::new(x, 0.0, 0.0),
            velocity,
        }));
        if step == 3 {
            journal.answered(json!({ "Localised": localised() }));
            journal.answered(
                json!({ "Path": [Pose2::<(), ()>::new(1.0, 2.0, 0.0), Pose2::<(), ()>::new(3.0, 2.0, 0.0)] }),
            );
        }
        for scanner in ["front", "rear"] {
            let beams = vec![Beam::Hit(1.0), Beam::NoReturn, Beam::Invalid, Beam::Hit(2.0)];
            let scanner = scanner.to_owned();
            journal.robot(RobotEvent::Scan(LaserScan {
                stamp,
                scanner,
                angle_min: 0.0,
                angle_increment: 0.1,
                sweep: Duration::ZERO,
                beams,
            }));
        }
        let positions = vec![0.1; 7];
        journal.robot(RobotEvent::Joints(JointState {
            stamp,
            velocities: vec![0.0; 7],
            positions,
            efforts: Vec::new(),
        }));
        journal.robot(RobotEvent::Gripper(GripperState { stamp, opening_m: 0.03, force_n: 8.0 }));
        journal.answered(json!({ "Robot": RobotCommand::Drive(velocity) }));
    }
    journal.answered(json!({ "Event": JobEvent::Feedback("J1".into(), feedback()) }));
    journal.answered(json!({ "Robot": RobotCommand::StopArm }));
    journal.given(
        json!({ "Looked": { "id": 3, "look": { "path": "pictures/none.png", "tags": { "Ok": [] } } } }),
    );
    journal.answered(json!({ "Notice": { "level": Level::Warning, "message": "a word" } }));
    let error = Failure::new(Code::GraspMissed, "nothing between the fingers");
    let (outcomes, seen, unseen) = (vec![], vec![], vec![]);
    let result =
        JobResult { success: false, job_id: "J1".into(), outcomes, error: Some(error), seen, unseen };
    journal.answered(json!({ "Event": JobEvent::Finished(result) }));
    journal
}

fn cli(words: &[&str]) -> Cli {
    Cli::parse_from([&["nightshift-watch", "--record", "nowhere"], words].concat())
}

/// What was drawn: rows by entity.
fn drawn(lines: &[String]) -> (Summary, BTreeMap<String, usize>) {
    let (stream, storage) = RecordingStreamBuilder::new("test").memory().unwrap();
    let text = lines.join("\n");
    let summary = show::draw(&stream, &lab(), &cli(&["--save", "none"]), Cursor::new(text)).unwrap();
    let mut rows = BTreeMap::new();
    for message in storage.take() {
        if let LogMsg::ArrowMsg(_, message) = message {
            let chunk = Chunk::from_arrow_msg(&message).unwrap();
            *rows.entry(chunk.entity_path().to_string()).or_default() += chunk.num_rows();
        }
    }
    (summary, rows)
}

#[test]
fn a_drive_is_drawn_with_all_that_stands_around() {
    let (summary, rows) = drawn(&drive().lines);
    assert_eq!((summary.unreadable.len(), summary.missing_pictures), (0, 1));
    assert!((summary.end.seconds() - 9.9).abs() < 1e-9);
    let count = |path: &str| rows.get(path).copied().unwrap_or(0);
    for still in [
        "/world/map",
        "/world/furniture/island",
        "/world/stations/storage/bench",
        "/world/robot/footprint",
        "/world/robot/links/link_3/0",
        "/world/robot/camera/picture",
    ] {
        assert_eq!(count(still), 1, "{still} in {rows:?}");
    }
    // Ten seconds: scans at five a second at most, the rest as told; nothing in the map before it is localised.
    assert!((30..=50).contains(&count("/world/scans/front")), "{rows:?}");
    assert!((30..=50).contains(&count("/world/scans/rear")), "{rows:?}");
    assert!((96..=99).contains(&count("/world/robot")), "{rows:?}");
    assert_eq!(count("/world/robot/links/link_7"), 100);
    assert_eq!(count("/world/robot/camera"), 100);
    assert_eq!(count("/world/path"), 1);
    // Two metres in steps of five centimetres or a little more, in a piece of at most fifty.
    assert!((20..=40).contains(&count("/world/trail/0")), "{rows:?}");
    assert_eq!(count("/plots/gripper/force_n"), 100);
    assert_eq!(count("/plots/localisation/confidence"), 1);
    assert_eq!(count("/plots/base/told_speed_m_s"), 100);
    assert_eq!((count("/log/phases"), count("/log/notices")), (2, 1));
}

#[test]
fn a_long_trail_is_cut_in_pieces() {
    let mut journal = Journal { lines: Vec::new(), now: Stamp::ZERO };
    journal.answered(json!({ "Localised": localised() }));
    for step in 0..200_u32 {
        let stamp = Stamp::from_seconds(f64::from(step));
        journal.now = stamp;
        let odom_from_base = Pose2::new(f64::from(step) * 0.1, 0.0, 0.0);
        journal.robot(RobotEvent::Odometry(Odometry { stamp, odom_from_base, velocity: Twist::STOP }));
    }
    let (_, rows) = drawn(&journal.lines);
    let pieces: Vec<usize> =
        rows.iter().filter(|(path, _)| path.starts_with("/world/trail/")).map(|(_, rows)| *rows).collect();
    assert_eq!(pieces.iter().sum::<usize>(), 200);
    assert!(pieces.len() >= 4 && pieces.iter().all(|rows| *rows <= 50), "{pieces:?}");
}

#[test]
fn a_run_of_the_simulator_alone_is_drawn_where_everything_truly_is() {
    let mut journal = Journal { lines: Vec::new(), now: Stamp::ZERO };
    let pose = |x: f64| Pose::<Map, Ware>::from_xyz_rpy([x, 1.0, 0.9], [0.0; 3]);
    for step in 0..20_u32 {
        let stamp = Stamp::from_seconds(f64::from(step) * 0.1);
        journal.now = stamp;
        let samples = json!({
            "S-001": { "pose": pose(1.0), "broken": false, "location": "storage/rack/A1" },
            "S-002": { "pose": pose(1.1), "broken": true, "location": "nowhere" },
        });
        let robot = json!({ "pose": [f64::from(step) * 0.1, 2.0, 0.0] });
        journal.given(json!({ "Truth": { "stamp": stamp, "robot": robot, "samples": samples,
            "people": [[3.0, 2.0, 0.5]], "stations": {} } }));
        let (force_n, torque_nm) = ([0.0, 3.0, 4.0], [0.0; 3]);
        journal.robot(RobotEvent::Wrist(Wrench { stamp, force_n, torque_nm }));
        let (rate, acceleration) = ([0.0; 3], [0.0, 0.0, 9.81]);
        journal.robot(RobotEvent::Inertial(Inertial { stamp, rate, acceleration }));
    }
    let (summary, rows) = drawn(&journal.lines);
    assert_eq!(summary.unreadable, BTreeMap::new());
    let count = |path: &str| rows.get(path).copied().unwrap_or(0);
    for path in ["/world/truth/people", "/world/truth/vials", "/world/robot", "/plots/wrist/force_n"] {
        assert_eq!(count(path), 20, "{path} in {rows:?}");
    }
}

#[test]
fn lines_that_are_not_known_are_counted_by_reason() {
    let mut lines = drive().lines;
    for odd in [
        "not json",
        "[1,2]",
        r#"{"In":[7,{"Robot":{"Sonar":{"volts":48}}}]}"#,
        r#"{"In":[7,{"Robot":{"Sonar":{"volts":47}}}]}"#,
        r#"{"Out":[7,{"Drive":{"forward":1}}]}"#,
        r#"{"In":[-7,{"Drive":{"x":0.0,"y":0.0,"yaw":0.0}}]}"#,
    ] {
        lines.push(odd.to_owned());
    }
    let (summary, _) = drawn(&lines);
    let expected = BTreeMap::from([
        (Unreadable::NoEntry, 3),
        (Unreadable::Unknown("Sonar".into()), 2),
        (Unreadable::OtherForm("Drive".into()), 1),
    ]);
    assert_eq!(summary.unreadable, expected);
    let words = summary.to_string();
    assert!(words.contains("2 lines not shown: Sonar is not known"), "{words}");
}

#[test]
fn a_journal_of_nonsense_is_an_error() {
    let (stream, _storage) = RecordingStreamBuilder::new("test").memory().unwrap();
    let shown = show::draw(&stream, &lab(), &cli(&["--save", "none"]), Cursor::new("a\nb\n"));
    assert!(matches!(shown, Err(ShowError::NothingReadable { lines: 2, first: Unreadable::NoEntry })));
}

#[test]
fn quiet_entries_are_known() {
    for line in [
        r#"{"Until":12}"#,
        r#"{"Out":[3,{"Robot":"StopArm"}]}"#,
        r#"{"In":[3,{"Stored":{"id":4,"result":{"Ok":5}}}]}"#,
        r#"{"Out":[3,{"Plan":{"id":4,"request":{}}}]}"#,
    ] {
        assert!(matches!(journal::read(line), Ok((_, News::Nothing))), "{line}");
    }
}

#[test]
fn links_follow_the_joints() {
    let robot = lab().robot.unwrap();
    let straight = base_from_links(&robot, &[0.0; 7], 0.05);
    let turned = base_from_links(&robot, &[std::f64::consts::FRAC_PI_2, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0], 0.05);
    assert_eq!(straight.len(), robot.model.links.len());
    let flange = |links: &BTreeMap<String, nalgebra::Isometry3<f64>>| links["flange"].translation.vector;
    // Straight up above the arm's foot; then leaning to the left.
    assert!((flange(&straight).xy() - nalgebra::Vector2::new(0.22, 0.0)).norm() < 1e-9);
    assert!(flange(&turned).y > 0.2 && flange(&turned).z < flange(&straight).z);
    let apart = straight["finger_left"].translation.vector - straight["finger_right"].translation.vector;
    assert!((apart.norm() - 0.05).abs() < 1e-9);
}

#[test]
fn a_recording_is_written_for_a_folder_of_a_run() {
    let folder = Scratch::new("run");
    std::fs::write(folder.0.join("journal.jsonl"), drive().lines.join("\n")).unwrap();
    let site = folder.0.join("site");
    copy_site(&site);
    let info = json!({ "site": site.to_str().unwrap(), "robot": "omni7", "seed": 1 });
    std::fs::write(folder.0.join("run.json"), info.to_string()).unwrap();
    let (record, file) = (folder.0.to_str().unwrap(), folder.0.join("run.rrd"));
    let cli = Cli::parse_from(["nightshift-watch", "--record", record, "--save", file.to_str().unwrap()]);
    let summary = show::show(&cli).unwrap();
    assert_eq!((summary.file.as_ref(), summary.missing_pictures), (Some(&file), 1));
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.len() > 10_000 && bytes.starts_with(b"RRF"), "{} bytes", bytes.len());
}

#[test]
fn what_is_missing_is_named() {
    let folder = Scratch::new("missing");
    let message = |words: &[&str]| {
        let record = folder.0.to_str().unwrap();
        let words = [&["nightshift-watch", "--record", record, "--save", "none.rrd"], words].concat();
        show::show(&Cli::parse_from(words)).unwrap_err().to_string()
    };
    assert!(message(&[]).contains("run.json does not say which site"));
    assert!(message(&["--site", "photocatalysis"]).contains("give --robot"));
    assert!(message(&["--site", "no/such", "--robot", "omni7"]).contains("site.toml"));
    let site = folder.0.join("site");
    copy_site(&site);
    let site = site.to_str().unwrap();
    assert!(message(&["--site", site, "--robot", "omni7"]).contains("journal.jsonl cannot be read"));
    std::fs::remove_file(Path::new(site).join("map.pgm")).unwrap();
    assert!(message(&["--site", site, "--robot", "omni7"]).contains("map.pgm cannot be read"));
    let broken = lab::load(&folder.0, Some("photocatalysis"), Some("no/such"));
    assert!(matches!(broken, Err(LabError::Description { .. })), "{broken:?}");
}

#[test]
fn a_drive_on_a_map_alone_is_drawn_with_its_scans_and_an_arrow_for_the_base() {
    let folder = Scratch::new("drive");
    let site = folder.0.join("site");
    copy_site(&site);
    let info = json!({ "map": site.join("map.yaml") }).to_string();
    std::fs::write(folder.0.join("run.json"), info).unwrap();
    let scan = LaserScan {
        stamp: Stamp(5),
        scanner: "laser".into(),
        angle_min: 0.0,
        angle_increment: 0.1,
        sweep: Duration::ZERO,
        beams: vec![Beam::Hit(2.0), Beam::NoReturn],
    };
    let odometry = Odometry { stamp: Stamp(5), odom_from_base: Pose2::identity(), velocity: Twist::STOP };
    let lines = [
        json!({ "In": [5, { "Odometry": odometry }] }),
        json!({ "Out": [5, { "Localised": localised() }] }),
        json!({ "In": [5, { "Scan": scan }] }),
    ];
    let lines = lines.map(|line| line.to_string() + "\n").concat();
    std::fs::write(folder.0.join("journal.jsonl"), lines).unwrap();
    let (record, file) = (folder.0.to_str().unwrap(), folder.0.join("drive.rrd"));
    let words = ["nightshift-watch", "--record", record, "--save", file.to_str().unwrap()];
    let summary = show::show(&Cli::parse_from(words)).unwrap();
    assert_eq!((summary.lines, summary.unreadable.len()), (3, 0));
    let written = std::fs::read(&file).unwrap();
    for drawn in ["world/scans/laser", "world/robot/base", "world/map", "world/trail/0"] {
        let there = written.windows(drawn.len()).any(|bytes| bytes == drawn.as_bytes());
        assert!(there, "{drawn}");
    }
}

#[test]
fn the_command_line_is_sound_and_the_viewer_must_fit() {
    Cli::command().debug_assert();
    assert!(Cli::try_parse_from(["nightshift-watch", "--record", "out/run"]).is_err());
    let fits = format!("rerun-cli {} [rustc 1.90.0] x86_64-unknown-linux-gnu", rerun::build_info().version);
    assert_eq!(check_version(&fits), Ok(()));
    assert_eq!(check_version("rerun-cli 0.20.0 [rustc]"), Err(ViewerError::OtherVersion("0.20.0".into())));
    assert_eq!(check_version(""), Err(ViewerError::OtherVersion("unknown".into())));
}

/// The bundled site with a small map of its own.
fn copy_site(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../maps/photocatalysis");
    std::fs::create_dir_all(to.join("stations")).unwrap();
    for folder in ["", "stations"] {
        for entry in std::fs::read_dir(from.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "toml" || e == "yaml") {
                std::fs::copy(&path, to.join(folder).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    std::fs::write(to.join("map.pgm"), b"P5\n4 3\n255\n\xfe\xfe\xfe\x00\xfe\xfe\xcd\x00\xfe\xfe\xfe\x00")
        .unwrap();
}

/// A folder that goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nightshift-watch-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind where it cannot be removed: it is in the system's folder for such.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
