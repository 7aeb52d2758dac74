//! A rack located after docking.

use crate::lab::{Lab, usual};
use nightshift_core::frames::{Camera, Pose};

/// Until several pictures have located the rack at which the usual job begins: by how much it is believed aside, m, across and along the
/// vertical, and one sigma.
fn located(lab: &mut Lab) -> (f64, f64) {
    let place = |lab: &Lab| {
        let (place, sigma_m) = lab.executive.nest_place(&"storage".into(), &"rack".into())?;
        Some((place, sigma_m?))
    };
    lab.submit(usual("J")).unwrap();
    lab.until(|lab| place(lab).is_some());
    let (place, sigma_m) = place(lab).unwrap();
    let truth = lab.base_from_nest(&"storage/rack/A1".parse().unwrap()).unwrap();
    ((truth.inverse() * place).translation().xy().norm(), sigma_m)
}

#[test]
fn a_rack_is_located_though_the_base_docked_roughly_and_the_camera_sits_aside() {
    let mut lab = Lab::new();
    lab.faults.dock_error_m = 0.006;
    let (off_m, sigma_m) = located(&mut lab);
    assert!(off_m < 2e-5 && sigma_m < 1e-4, "{off_m} m, said to be {sigma_m} m");
    // What the stack does not know: the camera was bolted on 0.4 mm and 0.6 mrad aside, which is 0.5 mm at the rack.
    let mut lab = Lab::new();
    lab.faults.dock_error_m = 0.006;
    lab.robot.camera.pose =
        lab.robot.camera.pose * Pose::<Camera, Camera>::from_xyz_rpy([3e-4, -2e-4, 0.0], [5e-4, 4e-4, 0.0]);
    let (off_m, _) = located(&mut lab);
    assert!(off_m < 5e-5, "{off_m} m");
    let looks = lab.commands.iter().filter(|word| word.starts_with("look refine")).count();
    assert_eq!(looks, 4);
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
