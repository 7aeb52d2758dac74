//! How long anything is waited for and how far anything may be off: the closed list, each with its reason.

use std::time::Duration;

/// A planned motion takes milliseconds; a worker on a loaded machine, seconds.
pub const PLAN: Duration = Duration::from_secs(20);
/// Beyond a trajectory's own duration: controllers settle late, and on a loaded machine an action's result was seen to
/// come two seconds late on the wall, six on the clock of a simulator at three times real time.
pub const ARM_EXTRA: Duration = Duration::from_secs(20);
/// A stopped arm rests within a second; the answer may be late.
pub const ARM_STOP: Duration = Duration::from_secs(10);
/// The fingers' whole stroke takes a second at most; late as for [`ARM_EXTRA`].
pub const GRIP: Duration = Duration::from_secs(20);
/// A camera at 3 Hz and its detector on a loaded machine.
pub const LOOK: Duration = Duration::from_secs(10);
/// A synchronous write to a tired disk.
pub const STORE: Duration = Duration::from_secs(30);
/// Navigation gives up by itself before this; it only guards against a navigator that does not answer.
pub const DRIVE: Duration = Duration::from_secs(600);
/// As for [`DRIVE`].
pub const DOCK: Duration = Duration::from_secs(240);
/// A base that was told to stop stands still by then: 1 m/s at 0.5 m/s^2.
pub const COAST: Duration = Duration::from_secs(2);
/// How long a job waits for a robot that does not know where it is.
pub const LOCALISE: Duration = Duration::from_secs(90);
/// After a motion, until the arm has stopped swinging and the gripper has reported anew.
pub const SETTLE: Duration = Duration::from_millis(250);
/// Joints, and the gripper, older than this are not acted on: they come at tens of hertz.
pub const STATE_AGE_S: f64 = 1.0;
/// Joints are kept so long, to know where the camera was when a picture was taken.
pub const JOINT_HISTORY_S: f64 = 5.0;
/// Joints that are farther than this from a picture's stamp say nothing of it.
pub const JOINT_GAP_S: f64 = 0.25;
/// A picture is believed only if each joint was slower than this, rad/s: 0.02 rad/s over a 20 ms stamp error at
/// 0.8 m reach are 0.3 mm.
pub const STILL_RAD_S: f64 = 0.02;

/// A station's driver answers within this, or is not there: it only ever says what it has begun.
pub const SITE_ANSWER: Duration = Duration::from_secs(10);
/// Between two looks at how far a station is.
pub const SITE_POLL: Duration = Duration::from_millis(500);
/// A station that is busy for longer than this is not waited for, seconds: the planner knows better what to do then.
pub const SITE_BUSY_S: f64 = 180.0;
/// A station that has begun to get ready is ready within this, seconds: the slowest doors take half a minute.
pub const SITE_READY_S: f64 = 60.0;
/// Releases tried before the failure is told.
pub const SITE_RELEASES: u32 = 3;
/// A part may be so far from where the station's file has it when it is ready, over its travel of 0 to 1.
pub const SITE_PART: f64 = 0.03;

/// Pictures tried for one question before it is answered with a failure.
pub const LOOKS: u32 = 3;
/// Grasps tried again, beside the first, before the item fails.
pub const GRASPS: u32 = 2;
/// Jobs that wait, beside the one that runs: a night's list is sent in batches.
pub const QUEUE: usize = 16;

/// What docking says of the base's place is gone by for so long, s: a base on rubber wheels settles, and is leant against.
pub const DOCKED_AGE_S: f64 = 1800.0;
/// What a docked base's place may be unsure by at the arm's reach, one sigma, m: a rack is looked for within four of it,
/// [`NEST_SHIFT_M`].
pub const DOCKED_SIGMA_M: f64 = 0.005;
/// How far from the base's middle the arm works, m.
pub const REACH_M: f64 = 1.0;
/// A rack that stands farther than this from where it was taught was moved: m. Docking and teaching are good to 5 mm.
pub const NEST_SHIFT_M: f64 = 0.020;
/// As [`NEST_SHIFT_M`], radians.
pub const NEST_TURN_RAD: f64 = 3.0 * std::f64::consts::PI / 180.0;
/// A cap farther than this from the slot's axis does not stand in that slot, m. A seated vial has 1.5 mm of play,
/// a leaning one up to 4 mm at its cap.
pub const SLOT_OFFSET_M: f64 = 0.006;
/// The held width may differ by this from the vessel's diameter, m: fingers bend, tolerances of glass are 0.5 mm.
pub const WIDTH_M: f64 = 0.003;
/// Of the closing force that must still be there for a thing to be held.
pub const HELD_FORCE: f64 = 0.4;
/// Wider than the vessel by this, the fingers have let go of it, m.
pub const RELEASED_M: f64 = 0.003;
/// Reports in a row that must say that the thing is gone: one may be noise.
pub const SLIP_REPORTS: u32 = 3;
/// Of the closing force, less is a weak grip.
pub const FIRM_FORCE: f64 = 0.85;
/// Reports in a row, at a hundred a second, that must say so: fingers take that long to settle.
pub const WEAK_REPORTS: u32 = 15;

/// The wrist tells at 100 Hz. One that is silent for longer than this in a guarded motion no longer guards it: the arm
/// stands until it tells again.
pub const WRIST_AGE: Duration = Duration::from_millis(200);
/// A wrist that stays silent for longer than this, with the arm at rest, is lost. A machine that is short of time was seen
/// to hold reports back for half a second.
pub const WRIST_LOST: Duration = Duration::from_secs(5);
/// One motion is gone on with so often: a wrist that falls silent more often does not guard it.
pub const WRIST_GAPS: u32 = 10;
/// The wrist's reports are kept so long, s.
pub const WRIST_HISTORY_S: f64 = 1.0;
/// A resting force is the mean over this, s: of 50 mN of noise, 15 are left.
pub const WRIST_MEAN_S: f64 = 0.12;
/// An arm has stopped swinging, and the mean over [`WRIST_MEAN_S`] is of a resting arm, after this.
pub const WRIST_REST: Duration = Duration::from_millis(250);
/// Along the tool, on the way down: what is met there is glass, or what glass is pushed against. What the arm does
/// until it stands comes on top, and 5 N are the most.
pub const TOUCH_N: f64 = 0.7;
/// As fast as the tool goes where it, or what it holds, may meet something, m/s. Some 20 ms pass until the arm slows
/// down, and a stiff one pushes with up to 50 N a millimetre.
pub const FEEL_SPEED: f64 = 0.003;
/// As fast from a slot's mouth to its seat, m/s, held with [`RELAXED_N`].
pub const INSERT_SPEED: f64 = 0.012;
/// As fast where nothing should be, m/s.
pub const NEAR_SPEED: f64 = 0.025;
/// Over a slot that was seen to be free, and down to its seat, a vial is held with so much, N, or what its weight needs:
/// what it meets there pushes it along pads with a friction of 0.6 before 4.2 N. At the rim it is held as when carried,
/// so that it does not tilt. Fingers close on a vial with
/// it at first: a linked pair that is off the middle presses with the force of both on one side.
pub const RELAXED_N: f64 = 3.5;
/// Fingers that stand wider than the vessel by more than this are off its middle, m.
pub const OFF_MIDDLE_M: f64 = 0.0008;
/// Across the tool, N: less does not say to which side.
pub const SIDE_N: f64 = 0.3;
/// Steps that a vial at a rim takes to where the rim pushes it without getting deeper, before it searches all around.
pub const YIELDS: u32 = 5;
/// A vial that meets something lower by this than ever before is nearer to its slot's mouth, m: more than a top's unevenness, less than
/// a rounded edge.
pub const DEEPER_M: f64 = 0.0005;
/// Times that closing fingers are brought to a vial's middle.
pub const CENTRINGS: u32 = 3;
/// The tips of the fingers are lower than the tool's point by less than this, m.
pub const TIP_M: f64 = 0.0075;
/// Of heights in a rack that was seen, m.
pub const SIGHT_M: f64 = 0.0035;
/// A grasped vial is first lifted so far, m: enough to feel that it comes along, and it still stands in its slot.
pub const TUG_M: f64 = 0.004;
/// Over its weight, so much may be felt at the tug, N: the slot's walls rub. More, and it is stuck.
pub const TUG_N: f64 = 2.5;
/// A vial that jams on its way out is let go and taken anew so often before it is left there.
pub const WRIGGLES: u32 = 4;
/// Of the play of its slot, what a jammed vial is moved to the side that its wall pushes it to.
pub const WRIGGLE_PLAY: f64 = 0.3;
/// A held vial may seem to weigh so much less, or more, than it does, N: in the ten seconds since the tare, a sensor's
/// offset drifts by some 30 mN.
pub const WEIGHT_N: f64 = 0.12;
/// Accelerations of a carried sample that its grip is reckoned for, m/s^2: the most that a labware's carry rule allows without its
/// file saying so, which every planned motion keeps.
pub const CARRY_ACCELERATION: f64 = 2.0;
/// A vial whose base is so near to its seat's height stands on it, m: sight is good to 3 mm in height.
pub const SEAT_M: f64 = 0.005;
/// A vial is felt down to so far below its seat at most, m; what is under the rack keeps [`MARGIN_M`].
pub const BELOW_SEAT_M: f64 = 0.005;
/// How far around the slot's axis its mouth is searched, m: what a rack may have moved without being seen (5 mm), what docking is off by, and
/// the play of a slot, by which the outermost places fall short of covering the reach.
pub const SEARCH_M: f64 = 0.0075;
/// Between two touches of the rim, the vial is raised by this, m.
pub const HOP_M: f64 = 0.002;
/// Fingers that touch a vial's top try so far to each side, m.
pub const SIDE_STEP_M: f64 = 0.003;

/// The arm and what it holds keep this distance from everything, m: above the error of docking and sight, below
/// the 4 mm between open fingers and a vial.
pub const MARGIN_M: f64 = 0.003;
/// What the depth camera sees no farther than this from something described is that, m: a shape is simpler than the thing, and base
/// and rack are a little off their places.
pub const SEEN_EXPLAINED_M: f64 = 0.015;
/// As [`SEEN_EXPLAINED_M`], from a metre away, before the base is docked: there depth is off by a centimetre, and by up to four on a
/// fiducial, which looks the same to a stereo camera again and again.
pub const SEEN_EXPLAINED_FAR_M: f64 = 0.05;
/// What is seen and not described is kept clear of where it is no farther than this from the middle of the docked base, m: the arm's
/// reach and a forearm.
pub const SEEN_REACH_M: f64 = 1.2;
/// Between points of what takes up room, m: half the edge of a planner's cell.
pub const SEEN_STEP_M: f64 = 0.015;
/// Steps of [`SEEN_STEP_M`] that a thing that is seen reaches down at most, to what it stands on: half a metre.
pub const SEEN_LEVELS: u32 = 33;
/// Steps of [`SEEN_STEP_M`] that it reaches away from a camera that looks at it from the side: its back is not seen, until the camera is
/// over it.
pub const SEEN_BEHIND: u32 = 7;
/// Points that are seen and not described are one thing where they are so near to each other, m.
pub const SEEN_APART_M: f64 = 0.04;
/// So many together, itself counted, are a thing; fewer may be a wrong match of the depth camera.
pub const SEEN_POINTS: usize = 4;
/// From the fiducials of a rack to the camera, m: nearer the rack leaves the picture, farther the codes get small.
pub const VIEW_DISTANCES_M: [f64; 3] = [0.28, 0.30, 0.26];
/// From where a nest's fiducials are looked at to locate it, from each place in two ways round: ahead and left of their middle in
/// the nest's frame and above it, m. Two places tell more of what else pictures are off by than one.
pub const REFINE_EYES: [[f64; 3]; 2] = [[0.07, 0.05, 0.25], [-0.07, -0.05, 0.27]];
/// What was located so is located anew after this, s: a base on rubber wheels, and a bench, settle and are leant against.
pub const REFINED_AGE_S: f64 = 900.0;
/// Two looks at a nest show the same place where what is between them, squared and in units of what both allow for (three numbers: place
/// and turn), is no more than this: chance exceeds it once in a thousand times (chi-squared, 99.9 %).
pub const LOCATED_OFF: f64 = 16.27;

/// From the middle of a nest to the camera that looks at a station's parts before the hand reaches in: towards the base, and up, m; and
/// turned aside about the nest.
pub const PARTS_EYES: [[f64; 2]; 4] = [[0.34, 0.40], [0.28, 0.48], [0.42, 0.34], [0.20, 0.55]];
/// See [`PARTS_EYES`], radians.
pub const PARTS_ASIDE_RAD: [f64; 3] = [0.0, -0.4, 0.4];
/// Between points of a part that are looked for in a picture's depth, m: less than a patch of it covers.
pub const PARTS_STEP_M: f64 = 0.008;
/// What of a part is nearer than this to something else is not looked for: a depth camera cannot tell which it sees.
pub const PARTS_APART_M: f64 = 0.016;

/// A finger that is to meet a rack's wall comes from so far off where that should be, m: docking is good to 5 mm.
pub const TOUCH_FROM_M: f64 = 0.010;
/// It goes so far beyond where the wall should be before there is none, m.
pub const TOUCH_BEYOND_M: f64 = 0.010;
/// Touches tell a place where they tell its turn to so much, one sigma, radians: 0.15 mm at the end of a rack.
pub const TOUCH_TURN_RAD: f64 = 0.0016;
/// From the ends of a rack's wall to where it is touched, m: a finger's width, and what docking is off by.
pub const TOUCH_INSET_M: f64 = 0.020;

/// A part that a hand moves is where it shall be when it is no farther off, over its travel of 0 to 1: stations themselves take a hundredth
/// for arrived.
pub const HAND_PART: f64 = 0.008;
/// Knobs are held with so much, N: with pads of a friction of 0.6 that pulls along a knob with up to 18.
pub const KNOB_GRIP_N: f64 = 15.0;
/// Open fingers stand so far from a knob on either side, m; where the gripper opens less, as it opens.
pub const KNOB_OPEN_M: f64 = 0.010;
/// The tool takes a knob so far below its end, m: the pads are on it, and their tips keep off the part.
pub const KNOB_DEPTH_M: f64 = 0.015;
/// The tips pass so far over a knob's end on the way to it, m.
pub const KNOB_OVER_M: f64 = 0.020;
/// Along the tool, on the way down around a knob, N: nothing should be met.
pub const KNOB_TOUCH_N: f64 = 2.0;
/// The hand goes so far beyond the end of a part's way, m, to feel the stop.
pub const PULL_BEYOND_M: f64 = 0.003;
/// A part that holds the hand no farther than this from where it shall be is at its stop, m.
pub const PULL_STOP_M: f64 = 0.004;
/// A part on a hinge is turned by so much in one straight line, radians: at 0.3 m the chord is 0.3 mm from the circle.
pub const PULL_TURN_RAD: f64 = 5.0 * std::f64::consts::PI / 180.0;

/// A carried vial's base passes above the tops of those that stand, m.
pub const CARRY_CLEARANCE_M: f64 = 0.020;
/// A vial is let go so high above its seat, m: pressed onto it, an error in height would push on glass.
pub const RELEASE_M: f64 = 0.001;
/// How far a tool that may be among vials is pulled up before anything else moves, m; the shorter ones are tried
/// where there is no room.
pub const RETREATS_M: [f64; 3] = [0.12, 0.08, 0.05];
/// Joints that are so near to a posture are in it, radians.
pub const POSTURE_RAD: f64 = 0.02;

/// Share of the arm's limits with empty fingers.
pub const SPEED_FREE: f64 = 0.6;
/// With a sample in the fingers: below the 250 mm/s of careful handling (ISO 10218-1), measured at the tool.
pub const SPEED_HELD: f64 = 0.17;
/// Among glass.
pub const SPEED_NEAR: f64 = 0.2;
/// How often a sample that slipped or was missed is looked for before the item ends in doubt.
pub const SETTLES: u32 = 4;
/// A docked base that the localiser sees this far from its dock was moved, m and radians: well above the localiser's
/// error.
pub const MOVED_M: f64 = 0.15;
/// See [`MOVED_M`].
pub const MOVED_RAD: f64 = 0.15;
