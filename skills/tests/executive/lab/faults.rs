//! What can be made to go wrong.

use nightshift_core::handshake::Verdict;
use nightshift_core::{Address, Failure, StationId};
use std::collections::{BTreeMap, VecDeque};

/// What goes wrong. Counters count down.
#[derive(Debug, Default)]
pub struct Faults {
    /// So many grasps close on nothing.
    pub misses: u32,
    /// So many grasps let go while the arm next moves; the vial falls back into its slot.
    pub slips: u32,
    /// As `slips`, but the vial falls to the floor.
    pub drops: u32,
    /// As `slips`, but the fingers catch the vial by its cap.
    pub pinches: u32,
    /// So many placings leave the vial lying beside the slot.
    pub botched_places: u32,
    /// The next drive fails so.
    pub drive: VecDeque<Failure>,
    /// The next docking fails so.
    pub dock: VecDeque<Failure>,
    /// So many looks give no usable picture.
    pub blind: u32,
    /// Pictures that are to locate a rack better are dark.
    pub blind_from_aside: bool,
    /// The arm fails to follow its next trajectory once this many have been made.
    pub arm_fault_after: Option<u32>,
    /// From now on the arm never says that it ended.
    pub arm_silent: bool,
    /// The planner finds nothing for motions to above this slot (by name in no message: by position).
    pub no_motion_above: Option<Address>,
    /// The planner finds no straight way around the vial in this slot, so often, while the fingers are on its axis.
    pub no_way_around: Option<(Address, u32)>,
    /// Appends to the store fail once this many have been made.
    pub store_fails_after: Option<u32>,
    /// Racks that stand elsewhere than taught: metres along the station's y.
    pub nest_shift: BTreeMap<StationId, f64>,
    /// A post that nobody has described stands there, in every station's frame, metres, from 4 to 23 cm over the bench.
    pub post_m: Option<[f64; 2]>,
    /// The base is docked so far to the side, metres.
    pub dock_error_m: f64,
    /// Chargers have no power from the time when the battery has so much.
    pub charger_dead_at: Option<f64>,
    /// What docking says that its place is unsure by, metres.
    pub dock_sigma_m: f64,
    /// The next wishes to reach into a station are answered so.
    pub site_verdicts: VecDeque<Verdict>,
    /// Stations break down when they are asked whether they are ready.
    pub site_breaks: bool,
    /// No station is ever ready.
    pub site_slow: bool,
    /// Stations say that they are ready with their parts halfway.
    pub site_half_open: bool,
    /// Parts that a hand moves are here, as their stations say.
    pub parts_told: Option<f64>,
    /// Parts that a hand moves come no farther than this.
    pub part_sticks_at: Option<f64>,
    /// Moving parts are seen so far on their way, whatever the station says.
    pub parts_at: Option<f64>,
    /// The planner finds no way to where a station's parts are looked at from.
    pub no_motion_to_parts: bool,
    /// No station's sensor sees what was put there.
    pub site_blind: bool,
    /// So many words to stations are lost.
    pub site_deaf: u32,
    /// The wrist falls silent for so long in the middle of every third motion, ms.
    pub wrist_gap_ms: Option<u64>,
    /// Not before this motion.
    pub wrist_gap_from: u32,
}
