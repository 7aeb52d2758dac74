//! What the depth camera sees and nobody has described.

use crate::lab::{Lab, transfer, usual};
use nightshift_core::api::{Evidence, JobEvent};
use nightshift_motion::Scene;

/// The scenes of all motions that were asked for.
fn scenes(lab: &Lab) -> Vec<Scene> {
    let plans = lab.journal.iter().filter_map(|line| {
        let word: serde_json::Value = serde_json::from_str(line).unwrap();
        Some(serde_json::from_value(word.get("Plan")?.get("request")?.get("scene")?.clone()).unwrap())
    });
    plans.collect()
}

/// What is kept clear of lies there: about and behind a place of the docked base's frame, from the bench's top to 103 cm.
fn stands_at(scene: &Scene, [x, y]: [f64; 2]) -> bool {
    let about = |point: &[f64; 3]| {
        let [ahead, aside] = [point[0] - x, point[1] - y];
        (-0.04..0.16).contains(&ahead) && aside.abs() < 0.08 && (0.8..1.04).contains(&point[2])
    };
    scene.seen_m.len() > 20 && scene.seen_m.iter().all(about)
}

#[test]
fn what_nobody_described_is_kept_clear_of_and_told_and_what_is_described_is_not() {
    let mut lab = Lab::new();
    let result = lab.run(usual("J1"));
    assert!(result.outcomes[0].error.is_none(), "{:?}", result.outcomes);
    assert!(
        scenes(&lab).iter().all(|scene| scene.seen_m.is_empty()),
        "benches, racks, vials and arm are known"
    );

    // Aside of the rack: in view from before the dock only.
    let mut lab = Lab::new();
    lab.faults.post_m = Some([0.18, 0.24]);
    let result = lab.run(transfer("J1", &[("S-001", "", "storage/rack/B4")]));
    assert!(result.outcomes[0].error.is_none(), "{:?}", result.outcomes);
    let with = scenes(&lab);
    let first = with.iter().position(|scene| !scene.seen_m.is_empty()).expect("it is kept clear of");
    assert!(
        with[first..].iter().all(|scene| stands_at(scene, [0.68, 0.24])),
        "from the first motion to the last"
    );
    assert!(first <= 1, "before the arm reaches in");
    let told = lab.notices.iter().filter(|words| words.contains("something that no description knows"));
    assert_eq!(told.count(), 1, "{:?}", lab.notices);
    let noted = |e: &&Evidence| e.kind == "unknown-thing" && e.text.contains("about (0.68, 0.24, 0.9");
    assert_eq!(
        result.outcomes[0].evidence.iter().filter(noted).count(),
        1,
        "{:?}",
        result.outcomes[0].evidence
    );
}

#[test]
fn what_was_taken_away_is_forgotten_where_the_camera_looks_again_and_when_the_base_drives() {
    let mut lab = Lab::new();
    // Over the rack's middle, in every look at it.
    lab.faults.post_m = Some([0.18, 0.0]);
    lab.submit(transfer("J1", &[("S-001", "", "storage/rack/B4")])).unwrap();
    lab.until(|lab| scenes(lab).last().is_some_and(|scene| !scene.seen_m.is_empty()));
    lab.faults.post_m = None;
    lab.until(|lab| scenes(lab).last().is_some_and(|scene| scene.seen_m.is_empty()));
    assert_eq!(lab.commands.iter().filter(|word| word.starts_with("drive")).count(), 1, "{:?}", lab.commands);

    let mut lab = Lab::new();
    lab.faults.post_m = Some([0.18, 0.24]);
    lab.submit(transfer("J1", &[("S-001", "", "photolysis/rack/A1")])).unwrap();
    lab.until(|lab| lab.commands.iter().any(|word| word.contains("photolysis")));
    lab.faults.post_m = None;
    let before = scenes(&lab).len();
    lab.until(|lab| lab.events.iter().any(|event| matches!(event, JobEvent::Finished(_))));
    assert!(
        !scenes(&lab)[before - 1].seen_m.is_empty()
            && scenes(&lab)[before..].iter().all(|s| s.seen_m.is_empty())
    );
}
