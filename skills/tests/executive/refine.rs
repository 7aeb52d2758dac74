//! A rack located after docking.

use crate::lab::{Lab, transfer, usual};
use nightshift_core::api::JobRequest;
use nightshift_core::frames::{Camera, Pose};

/// Until several pictures have located the rack at which a job begins: by how much it is believed aside, m, across and along the
/// vertical, and one sigma.
fn located(lab: &mut Lab, job: JobRequest) -> (f64, f64) {
    let place = |lab: &Lab| lab.executive.located(&"storage".into(), &"rack".into()).cloned();
    let looks = lab.looks_from_aside();
    lab.submit(job).unwrap();
    lab.until(|lab| place(lab).is_some() && lab.looks_from_aside() > looks);
    let place = place(lab).unwrap();
    let truth = lab.base_from_nest(&"storage/rack/A1".parse().unwrap()).unwrap();
    ((truth.inverse() * place.base_from_nest).translation().xy().norm(), place.sigma_m())
}

#[test]
fn a_rack_is_located_though_the_base_docked_roughly_and_the_camera_sits_aside() {
    let mut lab = Lab::new();
    lab.faults.dock_error_m = 0.006;
    let (off_m, sigma_m) = located(&mut lab, usual("J"));
    assert!(off_m < 2e-5 && sigma_m < 1e-4, "{off_m} m, said to be {sigma_m} m");
    // What the stack does not know: the camera was bolted on 0.4 mm and 0.6 mrad aside, which is 0.5 mm at the rack.
    let mut lab = Lab::new();
    lab.faults.dock_error_m = 0.006;
    lab.robot.camera.pose =
        lab.robot.camera.pose * Pose::<Camera, Camera>::from_xyz_rpy([3e-4, -2e-4, 0.0], [5e-4, 4e-4, 0.0]);
    let (off_m, _) = located(&mut lab, usual("J"));
    assert!(off_m < 5e-5, "{off_m} m");
    assert_eq!(lab.looks_from_aside(), 4);
}

#[test]
fn a_rack_that_was_pushed_by_a_little_is_located_anew_before_it_is_worked_at_again() {
    let mut lab = Lab::new();
    let within = |job: &str, slot: &str| transfer(job, &[("S-001", "", &format!("storage/rack/{slot}"))]);
    assert!(lab.run(within("J1", "B4")).outcomes[0].error.is_none());
    assert_eq!(lab.looks_from_aside(), 4);
    // Nobody has moved it: it is as it was.
    assert!(lab.run(within("J2", "A1")).outcomes[0].error.is_none());
    assert_eq!(lab.looks_from_aside(), 4);
    lab.faults.nest_shift.insert("storage".into(), 0.0015);
    let (off_m, _) = located(&mut lab, within("J3", "B4"));
    assert!(off_m < 2e-5, "{off_m} m");
    assert_eq!(lab.looks_from_aside(), 8);
}

#[test]
fn a_rack_that_is_neither_seen_from_aside_nor_felt_is_worked_at_as_one_picture_tells_it() {
    // With a wrist the walls are felt for; those of this laboratory push nothing back.
    let mut lab = Lab::new().with_wrist();
    lab.faults.blind_from_aside = true;
    let result = lab.run(usual("J"));
    assert!(result.outcomes[0].error.is_none(), "{:?}", result.outcomes);
    let told = result.outcomes[0].evidence.iter().filter(|e| e.kind == "refined");
    let told: Vec<&str> = told.map(|e| &*e.text).collect();
    assert!(told.len() == 2 && told[0].contains("0 of 4 pictures serve"), "{told:?}");
    assert!(
        told[0].contains("nor could it be felt: no wall of storage/rack was met within 10 mm"),
        "{told:?}"
    );
}

#[test]
fn a_rack_that_cannot_be_looked_at_from_aside_is_worked_at_all_the_same() {
    let mut lab = Lab::new();
    lab.faults.blind_from_aside = true;
    let result = lab.run(usual("J"));
    assert!(result.outcomes[0].error.is_none(), "{:?}", result.outcomes);
    let told = result.outcomes[0].evidence.iter().filter(|e| e.kind == "refined").map(|e| &e.text);
    assert!(told.clone().count() == 2 && told.clone().all(|text| text.contains("as one picture tells it")));
}
