//! Measures inverse kinematics and planning, in processor time of the thread.
//!
//! `measure inverse ARM N` takes N random reachable poses; `measure plan ARM FILE` takes one [`PlanRequest`] a line as
//! JSON (tests/peers/motion_bench_maker.py writes them). ARM is a folder of robot/description with `arm.toml`.

use cpu_time::ThreadTime;
use nightshift_core::describe::Manipulator;
use nightshift_core::random::Seed;
use nightshift_motion::{Arm, PlanRequest, plan};
use rand::Rng;

fn arm(name: &str) -> Arm {
    let read = |file: &str| {
        let full = format!("{}/../description/{name}/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&full).map_err(|error| error.to_string())
    };
    let manipulator = Manipulator::load(&read).unwrap_or_else(|problems| panic!("{problems}"));
    Arm::alone(manipulator).expect("a loaded arm has a chain")
}

fn spread(what: &str, mut us: Vec<f64>) {
    us.sort_by(f64::total_cmp);
    let at = |share: f64| us[((us.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: n {}, p50 {:.1} us, p95 {:.1}, p99 {:.1}, max {:.1}",
        us.len(),
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0)
    );
}

fn inverse(arm: &Arm, count: u64) {
    let mut stream = Seed(1).stream("measure");
    let near: Vec<f64> = arm.limits().iter().map(|l| 0.5 * (l.lower + l.upper)).collect();
    let (mut one_us, mut all_us) = (Vec::new(), Vec::new());
    let (mut found, mut in_time, mut has_it, mut worst) = (0, 0, 0, 0.0f64);
    for seed in 0..count {
        let q: Vec<f64> = arm.limits().iter().map(|l| stream.random_range(l.lower..=l.upper)).collect();
        let goal = arm.base_from_tool(&q);
        let began = ThreadTime::now();
        let one = arm.inverse_one(&goal, &near, Seed(seed));
        let us = began.elapsed().as_secs_f64() * 1e6;
        one_us.push(us);
        if let Some(one) = one {
            found += 1;
            in_time += u32::from(us < 5000.0);
            worst = worst.max((arm.base_from_tool(&one).translation() - goal.translation()).norm());
        }
        let began = ThreadTime::now();
        let all = arm.inverse(&goal, &near, Seed(seed));
        all_us.push(began.elapsed().as_secs_f64() * 1e6);
        let same = |other: &Vec<f64>| other.iter().zip(&q).all(|(a, b)| (a - b).abs() < 1e-5);
        has_it += u32::from(all.iter().any(same));
    }
    println!("{}: {found} of {count} found, {in_time} within 5 ms, worst {worst:.1e} m", arm.inverse_words());
    println!("the position itself among all solutions: {has_it} of {count}");
    spread("one", one_us);
    spread("all", all_us);
}

fn problems(arm: &Arm, file: &str) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (mut us, mut failures) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let request: PlanRequest =
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{file}:{}: {e}", index + 1));
        let began = ThreadTime::now();
        match plan(arm, &request) {
            Ok(_) => us.push(began.elapsed().as_secs_f64() * 1e6),
            Err(failure) => failures.push(format!("{}: {failure}", index + 1)),
        }
    }
    println!("{} of {} solved", us.len(), us.len() + failures.len());
    spread("plan, shortened, rounded and timed", us);
    for failure in failures {
        println!("line {failure}");
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["inverse", name, count] => inverse(&arm(name), count.parse().expect("a number of poses")),
        ["plan", name, file] => problems(&arm(name), file),
        _ => println!("measure inverse ARM N | measure plan ARM FILE"),
    }
}
