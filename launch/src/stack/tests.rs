//! What a person tells the stack by hand: where the robot is, and where it shall drive.

use super::*;
use crate::files;
use crate::lockstep::Lockstep;
use nightshift_core::api::{JobKind, JobRequest, Request, RequestItem};
use nightshift_core::record::{Sink, replay};
use nightshift_sim::SimConfig;
use nightshift_skills::Store;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone, Default)]
struct Journal(Rc<RefCell<Vec<String>>>);

impl Sink for Journal {
    fn line(&mut self, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

type Run = Lockstep<Journal>;

/// Steps until `done` says so of the outputs so far, which are returned.
fn run_until(run: &mut Run, most_s: f64, done: impl Fn(&[StackOutput]) -> bool) -> Vec<StackOutput> {
    let end = run.world.now().seconds() + most_s;
    let mut outputs = Vec::new();
    while run.world.now().seconds() < end && !done(&outputs) {
        outputs.extend(run.step().outputs);
    }
    outputs
}

fn notices(outputs: &[StackOutput]) -> String {
    let words = outputs.iter().filter_map(|output| match output {
        StackOutput::Notice { message, .. } => Some(message.as_str()),
        _ => None,
    });
    words.collect::<Vec<_>>().join("\n")
}

fn says(outputs: &[StackOutput], words: &str) {
    assert!(notices(outputs).contains(words), "{words:?} is not in {:?}", notices(outputs));
}

fn tracked(outputs: &[StackOutput]) -> Option<Pose2<Map, Base>> {
    let last = outputs.iter().rev().find_map(|output| match output {
        StackOutput::Localised(it) => Some(it),
        _ => None,
    });
    last?.tracked().map(|estimate| estimate.map_from_base)
}

fn goal(x: f64, y: f64) -> StackInput {
    StackInput::GoalPose(Pose2::new(x, y, 0.0))
}

fn transfer(deadline_s: f64) -> StackInput {
    let item = RequestItem {
        sample_id: "S-001".to_owned(),
        labware_type: String::new(),
        source: String::new(),
        target: "photolysis/rack/A1".to_owned(),
        expected_code: String::new(),
    };
    let request = JobRequest {
        kind: JobKind::Transfer,
        job_id: "by hand".to_owned(),
        caller: "test".to_owned(),
        items: vec![item],
        stations: Vec::new(),
        on_failure: String::new(),
        verify: String::new(),
        deadline_s,
        dry_run: false,
    };
    StackInput::Call(Call { id: CommandId(1), request: Request::Submit(request) })
}

#[test]
fn a_person_tells_pose_and_goal_and_nonsense_is_refused_and_all_of_it_replays() {
    let lab = files::load_lab("photocatalysis", "omni7").unwrap();
    let journal = Journal::default();
    let config = SimConfig { seed: Seed(4), start: None };
    let mut run = Lockstep::new(&lab, config, None, journal.clone()).unwrap();
    let begun = run_until(&mut run, 4.0, |_| false);
    let start = tracked(&begun).expect("it knows where it stands");

    for (pose, why) in
        [(Pose2::new(-0.9, start.y(), 0.0), "refused"), (Pose2::new(900.0, 2.0, 0.0), "outside the map")]
    {
        says(&run.tell(StackInput::InitialPose(pose)), why);
        let kept = tracked(&run_until(&mut run, 0.3, |_| false)).expect("the pose is kept");
        assert!(kept.distance(&start) < 0.02, "{kept:?}");
    }
    // 20 cm and 6 degrees off: taken, and drawn back to where the scans agree.
    let off = Pose2::new(start.x() + 0.15, start.y() - 0.13, start.yaw() + 0.1);
    says(&run.tell(StackInput::InitialPose(off)), "is tried");
    let found = tracked(&run_until(&mut run, 2.0, |_| false)).expect("the scans agree");
    assert!(found.distance(&start) < 0.02, "{found:?} is not {start:?}");

    for (input, why) in [(goal(900.0, 2.0), "meets the map"), (goal(-0.9, start.y()), "meets the map")] {
        says(&run.tell(input), why);
    }
    let away = [start.x() + 1.0, start.y()];
    run.tell(goal(away[0], away[1]));
    let drive = run_until(&mut run, 30.0, |outputs| notices(outputs).contains("the base is"));
    says(&drive, "the base is at the goal");
    let at = run.world.truth().robot.pose;
    assert!((at.x() - away[0]).hypot(at.y() - away[1]) < 0.03, "{at:?}");
    let paths: Vec<usize> = drive
        .iter()
        .filter_map(|output| if let StackOutput::Path(path) = output { Some(path.len()) } else { None })
        .collect();
    assert!(paths.len() >= 2 && paths[0] > 1 && paths[paths.len() - 1] == 0, "{paths:?}");

    for deadline_s in [f64::NAN, f64::INFINITY] {
        let refused = run.tell(transfer(deadline_s));
        let why = refused.iter().find_map(|output| match output {
            StackOutput::Answer { reply: Reply::Submitted(Err(failure)), .. } => Some(failure.to_string()),
            _ => None,
        });
        assert!(why.as_ref().is_some_and(|why| why.contains("deadline_s")), "{why:?}");
    }
    run.tell(transfer(0.0));
    run_until(&mut run, 1.0, |_| false);
    says(&run.tell(goal(away[0], away[1])), "a job is underway");

    let (_, restored) = Store::in_memory().unwrap();
    let fresh = Stack::new(&lab.site, &lab.robot, lab.grid.clone(), restored, Seed(4)).unwrap();
    let lines = journal.0.borrow().clone();
    assert_eq!(replay(fresh, &lines), Ok(lines.len()));
}
