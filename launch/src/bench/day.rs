//! A day of driving in a laboratory of a seed, in lockstep: whether memory stays flat.

use super::{Aim, Notes, Plan};
use crate::bench_drives::Tour;
use crate::bench_sim::resident_mib;
use crate::files;
use crate::talk::talk;
use cpu_time::ThreadTime;
use nightshift_core::describe::Robot;

/// Of the laboratory and all that is drawn at random in it.
const SEED: u64 = 1;

/// From drive to drive it stands so long, seconds.
const REST_S: f64 = 5.0;

/// Drives from station to station, each drawn, for so many simulated hours; memory is looked at by the hour.
pub fn day(asked: &Plan, notes: &mut Notes) -> Result<(), String> {
    let robot = files::load_in(&files::robot_folder("omni7"), Robot::load).map_err(|e| e.to_string())?;
    let began = ThreadTime::now();
    // Nobody walks about: somebody would only make the controller foresee, which keeps nothing.
    let mut tour = Tour::new(SEED, 0, &robot)?;
    let bar = notes.steps("simulated minutes", asked.hours as usize * 60).clone();
    let (mut drives, mut arrived, mut contacts, mut metres) = (0, 0, 0, 0.0);
    let mut by_hour_mib = Vec::new();
    while by_hour_mib.len() < asked.hours as usize {
        let drive = tour.drive();
        // Memory must not grow while it stands either; and time goes on where a drive is refused.
        tour.rest(REST_S);
        drives += 1;
        arrived += usize::from(drive.arrived);
        contacts += drive.contacts.len();
        metres += drive.distance_m;
        bar.set_position((tour.seconds() / 60.0) as u64);
        if tour.seconds() >= 3600.0 * (by_hour_mib.len() + 1) as f64 {
            by_hour_mib.push(resident_mib());
            if bar.is_hidden() {
                // Where no bar is drawn, a line tells how far it has come.
                let (hour, mib, cpu_min) =
                    (by_hour_mib.len(), resident_mib(), began.elapsed().as_secs_f64() / 60.0);
                talk!("hour {hour}: {mib:.1} MiB, {drives} drives, {arrived} arrived, {cpu_min:.1} min");
            }
        }
    }
    let (hours, first) = (by_hour_mib.len(), by_hour_mib[0]);
    let most = by_hour_mib.iter().copied().fold(first, f64::max);
    let grown =
        notes.figure("laboratory", "memory after the first hour: most more", "MiB", most - first, hours);
    // One page of an allocator's arena comes or goes; what leaks at each drive or scan is hundreds of times that.
    grown.aim = Some(Aim::AtMost(1.0));
    let last = by_hour_mib[hours - 1];
    notes.figure("laboratory", "memory at the end", "MiB", last, hours).spread =
        Some([by_hour_mib.iter().copied().fold(first, f64::min), most]);
    let share = 100.0 * arrived as f64 / drives as f64;
    notes.figure("laboratory", "drives that arrived", "%", share, drives).aim = Some(Aim::AtLeast(98.0));
    notes.figure("laboratory", "contacts", "", contacts as f64, drives).aim = Some(Aim::AtMost(0.0));
    notes.figure("laboratory", "way between starts and goals", "m", metres, drives);
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    notes.figure(
        "laboratory",
        "CPU of a simulated hour, simulator included",
        "min",
        minutes / hours as f64,
        hours,
    );
    Ok(())
}
