//! Both sides of the graph in one process, a fake robot behind the one and a fake executive behind the other, and a
//! stock rclpy client (`planner.py`) as a planner. Needs `launch/env`.

use nalgebra::Matrix3;
use nightshift_core::api::{
    Call, Custody, Effect, Feedback, ItemOutcome, ItemStatus, JobEvent, JobRequest, JobResult, JobState,
    LedgerLine, Phase, Reply, Request,
};
use nightshift_core::describe::Robot;
use nightshift_core::grid::{Cell, OccupancyGrid};
use nightshift_core::handshake::{Purpose, Reach, SiteAnswer, SiteCall, Verb, Verdict};
use nightshift_core::image::{Depth, Frame, Image};
use nightshift_core::robot::{
    Beam, CommandId, Gate, GripperState, JointState, JointTrajectory, LaserScan, Odometry, RobotCommand,
    RobotEvent, TrajectoryPoint, Twist, Wrench,
};
use nightshift_core::{Code, Failure, JobId, Pose2, Stamp};
use nightshift_ros::{
    Localised, RobotSide, RobotSideInput, RosError, StackSide, StackSideInput, StackSideOutput,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Marks the process that the test runs in: ROS reads its domain from the environment, at the process's first node.
const INNER: &str = "NIGHTSHIFT_ROS_TEST_INNER";

#[test]
fn the_graph_carries_everything_between_robot_stack_and_planner() {
    if std::env::var_os(INNER).is_some() {
        return whole_graph();
    }
    // A domain of its own, so that no other run is heard, and nothing beyond this machine.
    let domain = 1 + std::process::id() % 100;
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_graph_carries_everything_between_robot_stack_and_planner", "--nocapture"])
        .env(INNER, "1")
        .env("ROS_DOMAIN_ID", domain.to_string())
        .env("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        .status()
        .unwrap();
    assert!(status.success(), "see above");
}

#[test]
fn a_domain_that_is_none_is_refused_in_words() {
    if std::env::var_os(INNER).is_some() {
        let refused = RobotSide::start(&robot(), &[]).err();
        assert!(matches!(&refused, Some(RosError::BadDomain(text)) if text == "lab"), "{refused:?}");
        return;
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_domain_that_is_none_is_refused_in_words"])
        .env(INNER, "1")
        .env("ROS_DOMAIN_ID", "lab")
        .status()
        .unwrap();
    assert!(status.success());
}

fn robot() -> Robot {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../description/omni7");
    Robot::load(&|file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string()))
        .unwrap()
}

fn whole_graph() {
    let robot = robot();
    let lonely = StackSide::start(&robot, &[], Box::new(Bar::default())).unwrap();
    let absent = lonely.wait_for_robot(Duration::from_millis(50)).unwrap_err().to_string();
    assert!(absent.contains("/scan_front") && absent.contains("/odom"), "{absent}");
    drop(lonely);

    let robot_side = RobotSide::start(&robot, &["gas-chromatograph".into()]).unwrap();
    let (stop, stopped) = sync_channel(0);
    std::thread::scope(|scope| {
        let fake = FakeRobot::new(&robot, robot_side);
        std::thread::Builder::new()
            .name("fake-robot".to_owned())
            .spawn_scoped(scope, move || fake.run(&stopped))
            .unwrap();
        let shut = Arc::new(AtomicBool::new(false));
        let stations = ["gas-chromatograph".into(), "moon".into()];
        let stack = StackSide::start(&robot, &stations, Box::new(Bar(Arc::clone(&shut)))).unwrap();
        stack.wait_for_robot(Duration::from_secs(10)).unwrap();
        assert!(stack.now() < Stamp::from_seconds(600.0), "the robot's clock is followed");

        sensors_arrive(&stack);
        commands_are_obeyed(&stack, robot.arm.joints.len());
        the_gate_stops_the_wheels_by_itself(&stack, &shut);
        stations_answer(&stack);
        a_second_stack_is_refused(&robot);
        planner_is_served(stack);
        drop(stop);
    });
}

/// Waits for an input that is looked for, by the clock: whatever arrives wakes it, some hundred times a second, and a station that does
/// not answer is given up only after some seconds.
fn wait_for<T>(stack: &StackSide, what: &str, mut pick: impl FnMut(StackSideInput) -> Option<T>) -> T {
    let until = Until::after(Duration::from_secs(60));
    while until.waits() {
        if let Some(found) = stack.wait(Duration::from_millis(100)).into_iter().find_map(&mut pick) {
            return found;
        }
    }
    panic!("{what} did not come; health: {:#?}", stack.health());
}

/// A deadline on the wall.
struct Until(Instant);

#[expect(clippy::disallowed_methods, reason = "a time-out towards other threads and processes")]
impl Until {
    fn after(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    fn waits(&self) -> bool {
        Instant::now() < self.0
    }
}

fn sensors_arrive(stack: &StackSide) {
    let scan = wait_for(stack, "a rear scan", |input| match input {
        StackSideInput::Robot(RobotEvent::Scan(scan)) if scan.scanner == "rear" => Some(scan),
        _ => None,
    });
    assert_eq!(scan.beams, beams());
    let opening = wait_for(stack, "the gripper", |input| match input {
        StackSideInput::Robot(RobotEvent::Gripper(state)) => Some(state.opening_m),
        _ => None,
    });
    assert_eq!(opening, 0.04);
    let force_n = wait_for(stack, "the wrist", |input| match input {
        StackSideInput::Robot(RobotEvent::Wrist(wrench)) => Some(wrench.force_n),
        _ => None,
    });
    assert_eq!(force_n, [0.5, 0.0, 11.0]);
    let frame = stack.wait_for_frame_after(stack.now(), Duration::from_secs(10)).expect("a frame");
    assert_eq!((frame.color.pixels[0], frame.depth.pixels[0]), ([9, 8, 7], Depth::Measured(0.5)));
    assert_eq!(stack.latest_frame_after(Stamp::ZERO).map(|latest| latest.stamp >= frame.stamp), Some(true));
}

fn commands_are_obeyed(stack: &StackSide, joints: usize) {
    let twist = Twist { x: 0.25, y: -0.125, yaw: 0.5 };
    stack.send(StackSideOutput::Robot(RobotCommand::Drive(twist))).unwrap();
    wait_for(stack, "the velocity in the odometry", |input| match input {
        StackSideInput::Robot(RobotEvent::Odometry(odometry)) => (odometry.velocity == twist).then_some(()),
        _ => None,
    });

    let point =
        |time_s, q| TrajectoryPoint { time_s, positions: vec![q; joints], velocities: vec![0.0; joints] };
    let motion = |end_s| JointTrajectory { points: vec![point(0.0, 0.0), point(end_s, 0.5)] };
    let arm_done = |id: u64| {
        wait_for(stack, "the end of a motion", |input| match input {
            StackSideInput::Robot(RobotEvent::ArmDone { id: done, ok, message }) if done.0 == id => {
                Some((ok, message))
            }
            _ => None,
        })
    };
    let move_arm = |id, trajectory| {
        stack.send(StackSideOutput::Robot(RobotCommand::MoveArm { id: CommandId(id), trajectory })).unwrap();
    };
    move_arm(71, motion(0.25));
    assert_eq!(arm_done(71), (true, String::new()));
    wait_for(stack, "the joints at the motion's end", |input| match input {
        StackSideInput::Robot(RobotEvent::Joints(state)) => {
            (state.positions == vec![0.5; joints]).then_some(())
        }
        _ => None,
    });
    move_arm(72, motion(60.0));
    stack.send(StackSideOutput::Robot(RobotCommand::StopArm)).unwrap();
    assert_eq!(arm_done(72), (false, "stopped".to_owned()));
    move_arm(73, motion(60.0));
    move_arm(74, motion(0.25));
    let (ok, words) = arm_done(73);
    assert!(!ok && words.contains("replaced"), "{words}");
    assert!(arm_done(74).0);
    move_arm(75, JointTrajectory::default());
    let (ok, words) = arm_done(75);
    assert!(!ok && words.contains("no points"), "{words}");

    let grip = |id, opening_m| {
        let command = RobotCommand::Grip { id: CommandId(id), opening_m, force_n: 12.0 };
        stack.send(StackSideOutput::Robot(command)).unwrap();
        wait_for(stack, "the end of a grip", |input| match input {
            StackSideInput::Robot(RobotEvent::GripperDone { id: done, opening_m, force_n, stalled }) => {
                (done.0 == id).then_some((opening_m, force_n, stalled))
            }
            _ => None,
        })
    };
    assert_eq!(grip(81, 0.01), (0.028, 12.0, true), "a vial of 28 mm is between the pads");
    assert_eq!(grip(82, 7.0), (0.028, 12.0, false), "seven metres are refused: the gripper stands as it did");
}

/// A gate that lets everything pass until it is shut, and then nothing.
#[derive(Default)]
struct Bar(Arc<AtomicBool>);

impl Gate for Bar {
    fn odometry(&mut self, _: &Odometry) {}

    fn scan(&mut self, _: Stamp, _: &LaserScan) -> Option<Twist> {
        self.0.load(Ordering::Relaxed).then_some(Twist::STOP)
    }

    fn command(&mut self, _: Stamp, wanted: Twist) -> Twist {
        if self.0.load(Ordering::Relaxed) { Twist::STOP } else { wanted }
    }
}

/// The stack has told the wheels to turn, and says nothing more: a scan is enough.
fn the_gate_stops_the_wheels_by_itself(stack: &StackSide, shut: &AtomicBool) {
    let velocity = |wanted: Twist| {
        wait_for(stack, "a velocity in the odometry", |input| match input {
            StackSideInput::Robot(RobotEvent::Odometry(odometry)) => {
                (odometry.velocity == wanted).then_some(())
            }
            _ => None,
        });
    };
    let twist = Twist { x: 0.125, y: 0.0, yaw: 0.25 };
    stack.send(StackSideOutput::Robot(RobotCommand::Drive(twist))).unwrap();
    velocity(twist);
    shut.store(true, Ordering::Relaxed);
    velocity(Twist::STOP);
    shut.store(false, Ordering::Relaxed);
}

fn stations_answer(stack: &StackSide) {
    let ask = |id: u64, station: &str| {
        let reach = Some(Reach { nest: "rack".into(), slot: "A1".into(), purpose: Purpose::Place });
        let call = SiteCall { station: station.into(), verb: Verb::Prepare, token: "J1".into(), reach };
        stack.send(StackSideOutput::Site { id, call }).unwrap();
        wait_for(stack, "a station's answer", |input| match input {
            StackSideInput::Site { id: of, answer } if of == id => Some(answer),
            _ => None,
        })
    };
    let answer = ask(91, "gas-chromatograph").unwrap();
    assert_eq!((answer.verdict, answer.wait_s, answer.seated), (Verdict::Busy, Some(12.0), Some(true)));
    assert_eq!((answer.holder.as_deref(), answer.parts[&"tray".into()]), (Some("J1"), 1.0));
    assert!(answer.message.contains("A1") && answer.message.contains("Place"), "{}", answer.message);
    assert_eq!(ask(92, "moon").unwrap_err().code, Code::SiteUnavailable, "nobody serves it");
    assert_eq!(ask(93, "mars").unwrap_err().code, Code::SiteUnavailable, "nobody knows it");
}

fn a_second_stack_is_refused(robot: &Robot) {
    let second = StackSide::start(robot, &[], Box::new(Bar::default())).err();
    assert!(
        matches!(&second, Some(RosError::AlreadyRunning { by, .. }) if by == "/nightshift/stack"),
        "{second:?}"
    );
    let second = RobotSide::start(robot, &[]).err();
    assert!(matches!(&second, Some(RosError::AlreadyRunning { by, .. }) if by == "/robot"), "{second:?}");
}

fn planner_is_served(stack: StackSide) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/planner.py");
    let mut planner = Command::new("python3").arg(script).spawn().expect("python3 of launch/env");
    let cells = vec![Cell::Free, Cell::Occupied, Cell::Unknown, Cell::Free];
    let grid = OccupancyGrid { resolution_m: 0.05, width: 2, height: 2, origin: [0.0, 0.0], cells };
    stack.send(StackSideOutput::Map(grid)).unwrap();
    let mut executive = FakeExecutive { stack, jobs: BTreeMap::new() };
    let ended = executive.run_until_ended(&mut planner);
    assert!(ended, "the planner is not content; health: {:#?}", executive.stack.health());
    let health = executive.stack.health();
    assert_eq!(health["/nightshift/transfer"].malformed, 1, "the second goal of one id: {health:#?}");
    let sensors = ["/scan_front", "/scan_rear", "/odom", "/joint_states", "/camera/depth/image_raw"];
    for topic in sensors {
        assert!(health[topic].received > 0 && health[topic].malformed == 0, "{topic}: {:?}", health[topic]);
    }
}

fn beams() -> Vec<Beam> {
    vec![Beam::Hit(1.5), Beam::NoReturn, Beam::Invalid, Beam::Hit(2.25)]
}

/// Obeys at once, more or less.
struct FakeRobot {
    side: RobotSide,
    robot: Robot,
    now: Stamp,
    velocity: Twist,
    positions: Vec<f64>,
    gripper: (f64, f64),
    motion: Option<(Stamp, CommandId, Vec<f64>)>,
    faults: Vec<String>,
}

impl FakeRobot {
    fn new(robot: &Robot, side: RobotSide) -> Self {
        Self {
            side,
            robot: robot.clone(),
            now: Stamp::from_seconds(100.0),
            velocity: Twist::STOP,
            positions: vec![0.0; robot.arm.joints.len()],
            gripper: (0.04, 0.0),
            motion: None,
            faults: Vec::new(),
        }
    }

    fn run(mut self, stopped: &Receiver<()>) {
        let turn = Duration::from_millis(10);
        for count in 0u64.. {
            if stopped.recv_timeout(turn) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            self.now = self.now + turn;
            self.side.publish_clock(self.now).unwrap();
            for input in self.side.drain() {
                self.obey(input);
            }
            if let Some((_, id, end)) = self.motion.take_if(|(due, ..)| *due <= self.now) {
                self.positions = end;
                self.tell(RobotEvent::ArmDone { id, ok: true, message: String::new() });
            }
            if count.is_multiple_of(2) {
                self.sense();
            }
            if count.is_multiple_of(30) {
                self.side.publish_frame(&self.frame()).unwrap();
                let truth = serde_json::json!({ "faults": self.faults });
                self.side.publish_truth(truth.to_string()).unwrap();
            }
        }
    }

    fn obey(&mut self, input: RobotSideInput) {
        match input {
            RobotSideInput::Command(RobotCommand::Drive(twist)) => self.velocity = twist,
            RobotSideInput::Command(RobotCommand::MoveArm { id, trajectory }) => {
                let due = self.now + Duration::from_secs_f64(trajectory.duration_s());
                self.motion = Some((due, id, trajectory.sample(f64::INFINITY)));
            }
            RobotSideInput::Command(RobotCommand::StopArm) => {
                if let Some((_, id, _)) = self.motion.take() {
                    self.tell(RobotEvent::ArmDone { id, ok: false, message: "stopped".to_owned() });
                }
            }
            RobotSideInput::Command(RobotCommand::Grip { id, opening_m, force_n }) => {
                // A vial of 28 mm is between the pads until they open wider once.
                let stalled = opening_m < 0.02;
                self.gripper = if stalled { (0.028, force_n) } else { (opening_m, 0.0) };
                let (opening_m, force_n) = self.gripper;
                self.sense();
                self.tell(RobotEvent::GripperDone { id, opening_m, force_n, stalled });
            }
            RobotSideInput::Fault(text) => self.faults.push(text),
            RobotSideInput::Site { id, call } => {
                let answer = SiteAnswer {
                    verdict: Verdict::Busy,
                    state: "measuring".into(),
                    ready: false,
                    seated: Some(true),
                    holder: Some(call.token),
                    wait_s: Some(12.0),
                    parts: [("tray".into(), 1.0)].into(),
                    message: format!("{:?}", call.reach),
                };
                self.side.answer_site(id, answer).unwrap();
            }
            // Nobody here asks for it.
            RobotSideInput::Sim { id, .. } => {
                self.side.answer_sim(id, vec![Err("no simulator".to_owned())]).unwrap();
            }
        }
    }

    fn sense(&self) {
        let stamp = self.now;
        for scanner in self.robot.scanners.keys() {
            let scanner = scanner.clone();
            let (angle_min, angle_increment) = (-1.0, 0.5);
            self.tell(RobotEvent::Scan(LaserScan {
                stamp,
                scanner,
                angle_min,
                angle_increment,
                sweep: Duration::ZERO,
                beams: beams(),
            }));
        }
        let odom_from_base = Pose2::new(1.0, 2.0, 0.5);
        self.tell(RobotEvent::Odometry(Odometry { stamp, odom_from_base, velocity: self.velocity }));
        let (positions, velocities) = (self.positions.clone(), vec![0.0; self.positions.len()]);
        let efforts = vec![0.25; positions.len()];
        self.tell(RobotEvent::Joints(JointState { stamp, positions, velocities, efforts }));
        let (opening_m, force_n) = self.gripper;
        self.tell(RobotEvent::Gripper(GripperState { stamp, opening_m, force_n }));
        let (force_n, torque_nm) = ([0.5, 0.0, 11.0], [0.0, 0.1, 0.0]);
        self.tell(RobotEvent::Wrist(Wrench { stamp, force_n, torque_nm }));
    }

    fn frame(&self) -> Frame {
        let intrinsics = self.robot.camera.intrinsics;
        Frame {
            stamp: self.now,
            intrinsics,
            color: Image::filled(intrinsics.width, intrinsics.height, [9, 8, 7]),
            depth: Image::filled(intrinsics.width, intrinsics.height, Depth::Measured(0.5)),
        }
    }

    fn tell(&self, event: RobotEvent) {
        self.side.publish(&event).unwrap();
    }
}

/// Jobs called `hold...` go on until they are cancelled, those called `step...` until it is resumed, all others are
/// done at once.
struct FakeExecutive {
    stack: StackSide,
    jobs: BTreeMap<String, JobState>,
}

impl FakeExecutive {
    /// Whether the planner was content.
    fn run_until_ended(&mut self, planner: &mut Child) -> bool {
        // The planner gives up much earlier.
        let until = Until::after(Duration::from_secs(60));
        while until.waits() {
            if let Some(status) = planner.try_wait().unwrap() {
                return status.success();
            }
            for input in self.stack.wait(Duration::from_millis(20)) {
                if let StackSideInput::Call(Call { id, request }) = input {
                    let (reply, events) = self.answer(request);
                    self.stack.send(StackSideOutput::Answer { id, reply }).unwrap();
                    events
                        .into_iter()
                        .for_each(|event| self.stack.send(StackSideOutput::Event(event)).unwrap());
                }
            }
            self.go_on();
        }
        planner.kill().unwrap();
        false
    }

    fn go_on(&self) {
        self.stack.send(StackSideOutput::Notice("all is well".to_owned())).unwrap();
        let localised = Localised {
            stamp: Stamp::from_seconds(1.0),
            map_from_odom: Pose2::new(0.5, 0.0, 0.0),
            map_from_base: Pose2::new(1.5, 2.0, 0.5),
            covariance: Matrix3::identity() * 1e-4,
        };
        self.stack.send(StackSideOutput::Localised(localised)).unwrap();
        self.stack.send(StackSideOutput::Path(vec![localised.map_from_base])).unwrap();
        for (id, job) in &self.jobs {
            if job.result.is_none() && id.starts_with("hold") {
                let event = JobEvent::Feedback(JobId::new(id), feedback(Phase::Carry));
                self.stack.send(StackSideOutput::Event(event)).unwrap();
            }
        }
    }

    fn answer(&mut self, request: Request) -> (Reply, Vec<JobEvent>) {
        match request {
            Request::Submit(request) => self.submit(request),
            Request::Cancel { job_id } => match self.jobs.get_mut(&job_id) {
                Some(job) if job.result.is_none() => {
                    let error = Failure::new(Code::Cancelled, "by the caller");
                    let result = result(&job.request, ItemStatus::Cancelled, Some(error));
                    job.result = Some(result.clone());
                    (
                        Reply::Acknowledged(Ok("the sample is put back".to_owned())),
                        vec![JobEvent::Finished(result)],
                    )
                }
                _ => (Reply::Acknowledged(Err(Failure::new(Code::UnknownJob, job_id))), Vec::new()),
            },
            Request::GetJob { job_id } => {
                (Reply::Job(self.jobs.get(&job_id).cloned().map(Box::new)), Vec::new())
            }
            Request::QueryLedger { .. } => {
                let line = LedgerLine {
                    sample_id: "s1".into(),
                    location: "photolysis/rack/A1".to_owned(),
                    in_doubt: false,
                    ledger_seq: 3,
                };
                (Reply::Ledger(vec![line]), Vec::new())
            }
            Request::SetPassage { passage, closed: true, .. } => {
                (Reply::Acknowledged(Ok(format!("{passage} is closed"))), Vec::new())
            }
            Request::SetPassage { passage, .. } => {
                let words = format!("no passage {passage}");
                (Reply::Acknowledged(Err(Failure::new(Code::MalformedRequest, words))), Vec::new())
            }
            Request::Resume { caller, .. } => {
                let steps =
                    self.jobs.iter_mut().filter(|(id, job)| id.starts_with("step") && job.result.is_none());
                let ended = steps.map(|(_, job)| {
                    let result = result(&job.request, ItemStatus::Done, None);
                    job.result = Some(result.clone());
                    JobEvent::Finished(result)
                });
                (Reply::Acknowledged(Ok(caller)), ended.collect())
            }
        }
    }

    fn submit(&mut self, request: JobRequest) -> (Reply, Vec<JobEvent>) {
        if request.caller.is_empty() {
            let failure = Failure::new(Code::MalformedRequest, "caller is empty");
            return (Reply::Submitted(Err(failure)), Vec::new());
        }
        let id = JobId::new(request.job_id.clone());
        let reply = Reply::Submitted(Ok(id.clone()));
        if self.jobs.contains_key(id.as_str()) {
            return (reply, Vec::new());
        }
        let waits = ["hold", "step"].iter().any(|name| id.as_str().starts_with(name));
        let done = (!waits).then(|| result(&request, ItemStatus::Done, None));
        let mut events: Vec<JobEvent> = done.clone().map(JobEvent::Finished).into_iter().collect();
        if id.as_str().starts_with("step") {
            let phases = [Phase::Navigate, Phase::Pick];
            events.extend(phases.map(|phase| JobEvent::Feedback(id.clone(), feedback(phase))));
        }
        self.jobs.insert(id.as_str().to_owned(), JobState { request, phase: Phase::Carry, result: done });
        (reply, events)
    }
}

fn feedback(phase: Phase) -> Feedback {
    let (custody, message) = (Custody::Gripper, String::new());
    Feedback { phase, sample_id: "s1".into(), custody, progress: 0.5, eta_s: 10.0, message }
}

fn result(request: &JobRequest, status: ItemStatus, error: Option<Failure>) -> JobResult {
    let outcome = |sample_id: &str, target: &str| ItemOutcome {
        sample_id: sample_id.into(),
        status,
        effect: Effect::Placed,
        location: target.to_owned(),
        evidence: Vec::new(),
        error: error.clone(),
        ledger_seq: 3,
    };
    JobResult {
        success: error.is_none(),
        job_id: JobId::new(request.job_id.clone()),
        outcomes: request.items.iter().map(|item| outcome(&item.sample_id, &item.target)).collect(),
        error,
        seen: Vec::new(),
        unseen: Vec::new(),
    }
}
