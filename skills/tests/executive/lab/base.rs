//! The base, and navigation's answers.

use super::{BaseAt, Due, Lab};
use nightshift_core::frames::{Base, Pose, Tag};
use nightshift_core::robot::CommandId;
use nightshift_core::{Code, Failure, Pose2, StationId};
use nightshift_navigation::{NavCommand, NavInput, NavOutput};
use nightshift_skills::SkillInput;
use std::time::Duration;

impl Lab {
    pub(super) fn station_from_base(
        &self,
    ) -> Option<(StationId, Pose2<nightshift_core::frames::Station, Base>)> {
        let (id, nominal) = match &self.base {
            BaseAt::Free => return None,
            BaseAt::Staging(id) => (id, self.site.stations[id].dock.staging),
            BaseAt::Docked(id) => (id, self.site.stations[id].dock.docked),
        };
        let error = Pose2::<Base, Base>::new(0.0, self.faults.dock_error_m, 0.004);
        Some((id.clone(), nominal * error))
    }

    pub(super) fn map_from_base(&self) -> Pose2<nightshift_core::frames::Map, Base> {
        match self.station_from_base() {
            Some((id, station_from_base)) => self.site.stations[&id].pose * station_from_base,
            None => self.site.start,
        }
    }

    pub(super) fn navigate(&mut self, input: NavInput) {
        match input {
            NavInput::Command(NavCommand::Stop) => {
                // As the navigator does: it answers at once, and the base coasts for a second.
                if let Some((id, _)) = &self.navigation {
                    let (id, result) = (*id, Err(Failure::new(Code::Cancelled, "stopped")));
                    self.after(1, Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })));
                    self.coasts_until = self.now + Duration::from_secs(1);
                }
            }
            NavInput::Command(NavCommand::SetPassage { passage, closed }) => {
                self.commands.push(format!("{} {passage}", if closed { "close" } else { "open" }));
            }
            NavInput::Command(NavCommand::DriveToStation { id, station }) => {
                self.commands.push(format!("drive {station}"));
                let drive = self.robot.arm.posture("drive").unwrap();
                let off = drive.iter().zip(self.joints()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(off < 0.05 && self.motion.is_none(), "the base drives with its arm out by {off} rad");
                self.base = BaseAt::Free;
                self.navigation = Some((id, NavCommand::DriveToStation { id, station }));
                let result = self.faults.drive.pop_front().map_or(Ok(()), Err);
                self.after(4000, Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })));
            }
            NavInput::Command(NavCommand::Dock { id, station }) => {
                self.commands.push(format!("dock {station}"));
                assert_eq!(self.base, BaseAt::Staging(station.clone()), "docking begins at staging");
                if let Some(failure) = self.faults.dock.pop_front() {
                    let result = Err(failure);
                    self.navigation = Some((id, NavCommand::Dock { id, station }));
                    self.after(1000, Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })));
                    return;
                }
                let look = NavOutput::LookForDock { station: station.clone() };
                self.navigation = Some((id, NavCommand::Dock { id, station }));
                self.after(100, Due::Input(SkillInput::Navigation(look)));
            }
            NavInput::DockSeen { base_from_tag, .. } => {
                let Some((id, NavCommand::Dock { station, .. })) = self.navigation.clone() else { return };
                let last = self.base == BaseAt::Docked(station.clone());
                let result = match base_from_tag {
                    Some(seen) => {
                        let (_, station_from_base) = self.station_from_base().unwrap();
                        let mount = self.site.stations[&station].dock.tag.pose;
                        let truth: Pose<Base, Tag> = station_from_base.inverse().spatial() * mount;
                        let off = (seen.translation() - truth.translation()).norm();
                        assert!(off < 0.002, "the dock's tag is told {off} m from where it is");
                        if !last {
                            // Seen from staging: the base drives in, and wants to see the tag once more.
                            self.base = BaseAt::Docked(station.clone());
                            let look = NavOutput::LookForDock { station };
                            return self.after(2000, Due::Input(SkillInput::Navigation(look)));
                        }
                        // It does not know what it is off by.
                        let station_from_base = self.site.stations[&station].dock.docked;
                        let variance = self.faults.dock_sigma_m.powi(2);
                        let docked = NavOutput::Docked {
                            station: station.clone(),
                            stamp: self.now,
                            station_from_base,
                            covariance: [[variance, 0.0, 0.0], [0.0, variance, 0.0], [0.0, 0.0, 1e-7]],
                        };
                        self.after(900, Due::Input(SkillInput::Navigation(docked)));
                        Ok(())
                    }
                    None => Err(Failure::new(Code::DockNotSeen, "no tag")),
                };
                self.after(1000, Due::Input(SkillInput::Navigation(NavOutput::Done { id, result })));
            }
            other => panic!("the executive has no business with {other:?}"),
        }
    }

    pub(super) fn navigation_ends(&mut self, id: CommandId, result: Result<(), Failure>) {
        if self.navigation.as_ref().is_some_and(|(running, _)| *running == id)
            && let Some((_, command)) = self.navigation.take()
            && result.is_ok()
        {
            self.base = match command {
                NavCommand::DriveToStation { station, .. } => BaseAt::Staging(station),
                NavCommand::Dock { station, .. } => BaseAt::Docked(station),
                other => panic!("{other:?} was never begun"),
            };
        }
        self.feed(SkillInput::Navigation(NavOutput::Done { id, result }));
    }
}
