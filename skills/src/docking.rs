//! One drive or docking underway: what navigation does, and the pictures that it asks for.

use crate::action::Outcome;
use crate::belief::{BasePlace, DockSight};
use crate::context::Context;
use crate::messages::{EffectId, Look, SkillInput, SkillOutput};
use crate::running::Ended;
use crate::{limits, seen, sight};
use nightshift_core::robot::CommandId;
use nightshift_core::{Failure, Stamp, StationId};
use nightshift_navigation::{NavCommand, NavInput, NavOutput};
use std::time::Duration;

/// What navigation was asked to do.
#[derive(Debug)]
pub struct Journey {
    id: CommandId,
    dock: Option<Docking>,
    place: BasePlace,
    /// For messages.
    pub what: String,
}

/// Pictures for navigation while it docks.
#[derive(Debug)]
struct Docking {
    station: StationId,
    look: Option<(EffectId, Stamp)>,
    /// Why the last picture did not serve.
    trouble: Option<Failure>,
}

impl Journey {
    /// To where the approach to a station begins, and how long that may take.
    pub fn drive(ctx: &mut Context<'_>, station: StationId) -> (Self, Duration) {
        let id = ctx.ids.command();
        ctx.belief.base_moves();
        ctx.belief.seen.clear();
        let (what, place) = (format!("driving to {station}"), BasePlace::Staging(station.clone()));
        command(ctx, NavCommand::DriveToStation { id, station });
        (Self { id, dock: None, place, what }, limits::DRIVE)
    }

    /// Into a station's dock by sight, and how long that may take.
    pub fn dock(ctx: &mut Context<'_>, station: StationId) -> (Self, Duration) {
        let id = ctx.ids.command();
        ctx.belief.base_moves();
        let (what, place) = (format!("docking at {station}"), BasePlace::Docked(station.clone()));
        let dock = Docking { station: station.clone(), look: None, trouble: None };
        command(ctx, NavCommand::Dock { id, station });
        (Self { id, dock: Some(dock), place, what }, limits::DOCK)
    }

    /// Takes an input.
    pub fn on(&mut self, ctx: &mut Context<'_>, input: &SkillInput) -> Ended {
        match (input, &mut self.dock) {
            (SkillInput::Navigation(output), _) => self.navigated(ctx, output),
            (SkillInput::Looked { id, look }, Some(dock)) => {
                dock.looked(ctx, *id, look);
                None
            }
            _ => None,
        }
    }

    fn navigated(&mut self, ctx: &mut Context<'_>, output: &NavOutput) -> Ended {
        match (output, &mut self.dock) {
            (NavOutput::Done { id, result }, dock) if *id == self.id => Some(match result {
                Ok(()) => {
                    ctx.belief.base = self.place.clone();
                    Ok(Outcome::Arrived)
                }
                Err(failure) => {
                    let seen = dock.as_ref().and_then(|dock| dock.trouble.as_ref());
                    let why = seen.map_or(String::new(), |seen| format!(" (last picture: {})", seen.message));
                    Err(Failure::new(failure.code, format!("{}: {}{why}", self.what, failure.message)))
                }
            }),
            (NavOutput::Docked { station, stamp, station_from_base, covariance }, Some(dock))
                if *station == dock.station =>
            {
                ctx.belief.docked = Some(DockSight {
                    station: station.clone(),
                    stamp: *stamp,
                    station_from_base: *station_from_base,
                    covariance: *covariance,
                });
                None
            }
            (NavOutput::LookForDock { station }, Some(dock)) if *station == dock.station => {
                dock.look(ctx);
                None
            }
            _ => None,
        }
    }
}

impl Docking {
    fn look(&mut self, ctx: &mut Context<'_>) {
        let id = ctx.ids.effect();
        self.look = Some((id, ctx.now));
        ctx.out.push(SkillOutput::Look { id, purpose: format!("dock-{}", self.station) });
    }

    fn looked(&mut self, ctx: &mut Context<'_>, id: EffectId, look: &Look) {
        let Some((_, asked)) = self.look.take_if(|(wanted, _)| *wanted == id) else { return };
        // The base stands, and from here the whole bench is in view, which it is not from the dock.
        seen::take_before(ctx, look, asked, &self.station);
        let seen = sight::dock_tag(ctx.world, ctx.belief, look, asked, &self.station);
        let base_from_tag = seen.as_ref().ok().copied();
        self.trouble = seen.err();
        ctx.out.push(SkillOutput::Navigation(NavInput::DockSeen { stamp: look.stamp, base_from_tag }));
    }
}

/// Tells navigation what to do.
pub fn command(ctx: &mut Context<'_>, command: NavCommand) {
    ctx.out.push(SkillOutput::Navigation(NavInput::Command(command)));
}
