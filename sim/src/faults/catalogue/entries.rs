//! The entries themselves.

use super::{Component, Parameter, ParameterKind, Spec, StreamFault, Unit, What};
use Component::{Arm, Base, Camera, Clock, Disk, Furniture, Gripper, Joints, Network, Obstacle, Odometry};
use Component::{Battery, Charger, Rack, Room, Scanner, Slot, Stack, Station, Tag, Vial};

const fn number(
    name: &'static str,
    unit: Unit,
    default: Option<f64>,
    [least, most]: [f64; 2],
    about: &'static str,
) -> Parameter {
    Parameter { name, kind: ParameterKind::Number { unit, default, least, most }, about }
}

const fn word(name: &'static str, choices: &'static [&'static str], about: &'static str) -> Parameter {
    Parameter { name, kind: ParameterKind::Word { choices }, about }
}

const fn entry(
    component: Component,
    name: &'static str,
    what: What,
    parameters: &'static [Parameter],
    effect: &'static str,
) -> Spec {
    Spec { component, name, what, parameters, effect }
}

const FOREVER: Option<f64> = Some(f64::INFINITY);
const FOR: Parameter =
    number("for", Unit::Seconds, FOREVER, [0.0, f64::INFINITY], "how long; without it, for good");
const BY: Parameter = number("by", Unit::Seconds, None, [0.0, 10.0], "how much later");
const SHARE: Parameter = number("share", Unit::Share, None, [0.0, 1.0], "how many");
const FROM: Parameter =
    number("from", Unit::Radians, None, [-3.15, 3.15], "bearing of the sector's right edge");
const TO: Parameter = number("to", Unit::Radians, None, [-3.15, 3.15], "bearing of its left edge");
const ZERO: Option<f64> = Some(0.0);
const X: Parameter = number("x", Unit::Metres, ZERO, [-0.5, 0.5], "along its own x");
const Y: Parameter = number("y", Unit::Metres, ZERO, [-0.5, 0.5], "along its own y");
const YAW: Parameter = number("yaw", Unit::Radians, ZERO, [-3.15, 3.15], "turn about the vertical");
const MAP_X: Parameter = number("x", Unit::Metres, None, [-1000.0, 1000.0], "in the map");
const MAP_Y: Parameter = number("y", Unit::Metres, None, [-1000.0, 1000.0], "in the map");
const JOINT: Parameter = word("joint", &[], "a joint of the robot's description");

const fn stream(component: Component, which: StreamFault) -> Spec {
    let what = What::Stream(which);
    match which {
        StreamFault::Loss => entry(component, "loss", what, &[FOR], "says nothing any more"),
        StreamFault::Freeze => {
            entry(component, "freeze", what, &[FOR], "says the same again and again, with fresh stamps")
        }
        StreamFault::Delay => {
            entry(component, "delay", what, &[BY, FOR], "is heard later, with its old stamps")
        }
        StreamFault::Jitter => {
            const UP_TO: Parameter =
                number("up_to", Unit::Seconds, None, [0.0, 10.0], "at most so much later");
            entry(
                component,
                "jitter",
                what,
                &[UP_TO, FOR],
                "is heard later, each time by another while, in order",
            )
        }
        StreamFault::Duplicate => entry(component, "duplicate", what, &[FOR], "says everything twice"),
        StreamFault::Drop => {
            entry(component, "drop", what, &[SHARE, FOR], "loses some of what it says, at random")
        }
    }
}

/// Every fault that there is.
pub static CATALOGUE: &[Spec] = &[
    stream(Scanner, StreamFault::Loss),
    stream(Scanner, StreamFault::Freeze),
    stream(Scanner, StreamFault::Delay),
    stream(Scanner, StreamFault::Jitter),
    stream(Scanner, StreamFault::Duplicate),
    stream(Scanner, StreamFault::Drop),
    entry(
        Scanner,
        "bias",
        What::ScannerBias,
        &[number("by", Unit::Metres, None, [-1.0, 1.0], "added to every range"), FOR],
        "measures too far or too near",
    ),
    entry(
        Scanner,
        "noise",
        What::ScannerNoise,
        &[number("sigma", Unit::Metres, None, [0.0, 1.0], "standard deviation added to every range"), FOR],
        "measures with more noise",
    ),
    entry(Scanner, "nan", What::ScannerNan, &[FOR], "every range is NaN"),
    entry(Scanner, "blind", What::ScannerBlind, &[FROM, TO, FOR], "a sector returns nothing"),
    entry(
        Scanner,
        "dirt",
        What::ScannerDirt,
        &[FROM, TO, FOR],
        "a sector meets dirt on the window, 8 cm away",
    ),
    entry(
        Scanner,
        "glare",
        What::ScannerGlare,
        &[FROM, TO, FOR],
        "a lamp or the sun shines into a sector: most of its beams are invalid, some are anything",
    ),
    entry(
        Scanner,
        "knocked",
        What::ScannerKnocked,
        &[number("yaw", Unit::Radians, None, [-1.0, 1.0], "turn of the mount, counter-clockwise")],
        "sits turned on its mount; nobody has told the description",
    ),
    entry(
        Scanner,
        "crosstalk",
        What::ScannerCrosstalk,
        &[SHARE, FOR],
        "some beams hear another scanner's light: any range below the true one",
    ),
    stream(Odometry, StreamFault::Loss),
    stream(Odometry, StreamFault::Freeze),
    stream(Odometry, StreamFault::Delay),
    stream(Odometry, StreamFault::Jitter),
    stream(Odometry, StreamFault::Duplicate),
    stream(Odometry, StreamFault::Drop),
    entry(
        Odometry,
        "bias",
        What::OdometryScale,
        &[number("by", Unit::Share, None, [-0.5, 0.5], "share of the way by which it tells too much"), FOR],
        "tells a longer way than was driven",
    ),
    entry(
        Odometry,
        "veer",
        What::OdometryVeer,
        &[number("by", Unit::RadiansPerMetre, None, [-1.0, 1.0], "turn told in a metre of driving"), FOR],
        "tells a turn that was not made",
    ),
    entry(
        Odometry,
        "noise",
        What::OdometryNoise,
        &[
            number(
                "sigma",
                Unit::Share,
                None,
                [0.0, 2.0],
                "standard deviation of each step, as a share of it",
            ),
            FOR,
        ],
        "tells steps with more noise",
    ),
    stream(Joints, StreamFault::Loss),
    stream(Joints, StreamFault::Freeze),
    stream(Joints, StreamFault::Delay),
    stream(Joints, StreamFault::Jitter),
    stream(Joints, StreamFault::Duplicate),
    stream(Joints, StreamFault::Drop),
    entry(
        Joints,
        "bias",
        What::JointsBias,
        &[JOINT, number("by", Unit::Radians, None, [-1.0, 1.0], "added to the angle that is told"), FOR],
        "an encoder has lost its zero: one joint's angle is told wrong",
    ),
    entry(
        Joints,
        "noise",
        What::JointsNoise,
        &[number("sigma", Unit::Radians, None, [0.0, 1.0], "standard deviation added to every angle"), FOR],
        "tells angles with more noise",
    ),
    stream(Gripper, StreamFault::Loss),
    stream(Gripper, StreamFault::Freeze),
    stream(Gripper, StreamFault::Delay),
    stream(Gripper, StreamFault::Jitter),
    stream(Gripper, StreamFault::Duplicate),
    stream(Gripper, StreamFault::Drop),
    entry(
        Gripper,
        "bias",
        What::GripperBias,
        &[number("by", Unit::Newtons, None, [-100.0, 100.0], "added to the force that is told"), FOR],
        "tells a wrong force",
    ),
    entry(
        Gripper,
        "noise",
        What::GripperNoise,
        &[number("sigma", Unit::Newtons, None, [0.0, 100.0], "standard deviation added to the force"), FOR],
        "tells the force with more noise",
    ),
    entry(
        Gripper,
        "slip",
        What::GripperSlip,
        &[],
        "once: as soon as a vial hangs in the pads and nothing else carries it, they turn slippery, until they have touched \
         no vial for half a second or five seconds have passed",
    ),
    entry(Gripper, "jam", What::GripperJam, &[FOR], "the fingers are stuck where they are"),
    entry(
        Gripper,
        "torque_loss",
        What::GripperTorqueLoss,
        &[number("share", Unit::Share, None, [0.0, 1.0], "how much of the force is lost"), FOR],
        "presses with less force than it is told to",
    ),
    entry(Gripper, "opens", What::GripperOpens, &[], "once: opens wide by itself"),
    stream(Camera, StreamFault::Loss),
    stream(Camera, StreamFault::Freeze),
    stream(Camera, StreamFault::Delay),
    stream(Camera, StreamFault::Jitter),
    stream(Camera, StreamFault::Duplicate),
    stream(Camera, StreamFault::Drop),
    entry(Camera, "dark", What::CameraDark, &[FOR], "pictures are black and without depth"),
    entry(Camera, "overexposed", What::CameraOverexposed, &[FOR], "pictures are four times too bright"),
    entry(
        Camera,
        "smear",
        What::CameraSmear,
        &[number("length", Unit::Pixels, None, [1.0, 400.0], "of the smear, along the rows"), FOR],
        "something greasy was wiped over the lens: pictures are smeared along the rows",
    ),
    entry(
        Camera,
        "blur",
        What::CameraBlur,
        &[number("radius", Unit::Pixels, None, [1.0, 40.0], "of the blur"), FOR],
        "the lens is out of focus",
    ),
    entry(
        Camera,
        "glare",
        What::CameraGlare,
        &[
            number("x", Unit::Share, Some(0.5), [0.0, 1.0], "where, of the picture's width"),
            number("y", Unit::Share, Some(0.5), [0.0, 1.0], "where, of its height"),
            number("radius", Unit::Share, Some(0.25), [0.0, 2.0], "of the spot, of its width"),
            FOR,
        ],
        "a lamp shines into the lens: a spot is white and without depth, and the rest is veiled",
    ),
    entry(
        Camera,
        "noise",
        What::CameraNoise,
        &[number("sigma", Unit::Share, None, [0.0, 1.0], "standard deviation, of full brightness"), FOR],
        "pictures have more noise",
    ),
    entry(Camera, "depth_loss", What::CameraDepthLoss, &[FOR], "pictures have no depth"),
    entry(
        Camera,
        "knocked",
        What::CameraKnocked,
        &[number("yaw", Unit::Radians, None, [-0.5, 0.5], "turn of the camera about its own vertical axis")],
        "sits turned on its mount; nobody has told the description",
    ),
    entry(
        Base,
        "slip",
        What::BaseSlip,
        &[number("share", Unit::Share, None, [0.0, 1.0], "of the way that the wheels turn for nothing"), FOR],
        "the wheels slip: the base moves less than they turn, and odometry tells what they turned",
    ),
    entry(
        Base,
        "stuck_wheel",
        What::BaseStuckWheel,
        &[
            word("wheel", &["front_left", "front_right", "rear_left", "rear_right"], "which does not turn"),
            FOR,
        ],
        "a wheel does not turn: the base is slower and veers",
    ),
    entry(
        Base,
        "sluggish",
        What::BaseSluggish,
        &[number("share", Unit::Share, None, [0.0, 1.0], "of the speed that is lost"), FOR],
        "drives more slowly than it is told to, and says so",
    ),
    entry(
        Base,
        "kidnap",
        What::BaseKidnap,
        &[MAP_X, MAP_Y, number("yaw", Unit::Radians, ZERO, [-6.3, 6.3], "in the map")],
        "is lifted and put down elsewhere, with what the robot carries; its wheels notice nothing",
    ),
    entry(
        Arm,
        "protective_stop",
        What::ArmProtectiveStop,
        &[number("for", Unit::Seconds, Some(5.0), [0.0, f64::INFINITY], "how long nothing is followed")],
        "stops, ends what it follows as failed, and refuses motions until it is over",
    ),
    entry(Arm, "refuses", What::ArmRefuses, &[FOR], "refuses every motion"),
    entry(
        Arm,
        "weak",
        What::ArmWeak,
        &[JOINT, number("share", Unit::Share, None, [0.0, 1.0], "of the joint's torque that is lost"), FOR],
        "a joint has less torque: it lags behind its path, and the motion is given up",
    ),
    entry(Rack, "shift", What::RackShift, &[X, Y, YAW], "stands elsewhere, with what stands in it"),
    entry(Slot, "occupied", What::SlotOccupied, &[], "a vial that nobody knows stands in it"),
    entry(Vial, "missing", What::VialMissing, &[], "is gone: it stands on the floor behind the walls"),
    entry(
        Vial,
        "moved",
        What::VialMoved,
        &[word("to", &[], "a free slot that takes it, station/nest/slot")],
        "stands in another slot",
    ),
    entry(Vial, "toppled", What::VialToppled, &[], "lies on the bench before its rack"),
    entry(
        Vial,
        "swapped",
        What::VialSwapped,
        &[word("with", &[], "the other sample")],
        "wears the other's label, and the other wears its",
    ),
    entry(Vial, "unreadable", What::VialUnreadable, &[], "its label has come off"),
    entry(
        Vial,
        "stuck",
        What::VialStuck,
        &[number("force", Unit::Newtons, Some(20.0), [0.0, 200.0], "with which it is held"), FOR],
        "sticks in its slot: a pull below the force does not lift it",
    ),
    entry(Station, "refuses", What::StationRefuses, &[FOR], "the station refuses every hand"),
    entry(Station, "busy", What::StationBusy, &[FOR], "the station is at work: a hand has to wait"),
    entry(
        Station,
        "broken",
        What::StationBroken,
        &[FOR],
        "the station stands still, its parts where they are, and answers nothing but that; then it is mended",
    ),
    entry(
        Station,
        "part_stuck",
        What::StationPartStuck,
        &[
            word("part", &[], "a part of the station's file"),
            number("at", Unit::Share, None, [0.0, 1.0], "where, over its travel"),
            FOR,
        ],
        "a part goes there and no farther, a door half open, whether driven or moved by a hand; then it is mended",
    ),
    entry(
        Station,
        "part_misread",
        What::StationPartMisread,
        &[
            word("part", &[], "a part of the station's file"),
            number(
                "says",
                Unit::Share,
                None,
                [0.0, 1.0],
                "where the station takes it to be, over its travel",
            ),
            FOR,
        ],
        "a switch or an encoder tells the station that a part is there, wherever it is",
    ),
    entry(
        Charger,
        "dirty",
        What::ChargerDirty,
        &[FOR],
        "its contacts conduct only from the third time on that the base comes onto them",
    ),
    entry(Charger, "dead", What::ChargerDead, &[FOR], "it has no power; then it has again"),
    entry(
        Battery,
        "charge",
        What::BatteryCharge,
        &[number("at", Unit::Share, None, [0.0, 1.0], "of a full charge")],
        "has so much left from now on",
    ),
    entry(Tag, "covered", What::TagCovered, &[FOR], "somebody has hung a cloth over the station's dock tag"),
    entry(Furniture, "shift", What::FurnitureShift, &[X, Y, YAW], "stands elsewhere than on the map"),
    entry(
        Obstacle,
        "put",
        What::ObstaclePut,
        &[
            MAP_X,
            MAP_Y,
            YAW,
            number("length", Unit::Metres, Some(0.5), [0.01, 10.0], "along its x"),
            number("width", Unit::Metres, Some(0.5), [0.01, 10.0], "along its y"),
            number("height", Unit::Metres, Some(0.6), [0.01, 10.0], "from its underside to its top"),
            number(
                "over",
                Unit::Metres,
                Some(0.0),
                [0.0, 10.0],
                "from the floor to its underside: a bench's top",
            ),
        ],
        "a box is put on the floor, or on something; one of the same name is replaced",
    ),
    entry(Obstacle, "remove", What::ObstacleRemove, &[], "the box is taken away"),
    entry(Room, "dark", What::RoomDark, &[FOR], "the light is off: pictures are dim and noisy"),
    entry(
        Clock,
        "jump",
        What::ClockJump,
        &[number("by", Unit::Seconds, None, [-60.0, 60.0], "how far ahead the stamps are from then on")],
        "the robot's clock jumps: all stamps of its sensors are ahead, or behind",
    ),
    entry(
        Clock,
        "drift",
        What::ClockDrift,
        &[number("rate", Unit::Share, None, [-0.1, 0.1], "seconds gained in a second"), FOR],
        "the robot's clock runs fast or slow",
    ),
    entry(
        Network,
        "partition",
        What::NetworkPartition,
        &[FOR],
        "robot and stack hear nothing of each other; what was sent is lost",
    ),
    entry(
        Network,
        "delay",
        What::NetworkDelay,
        &[BY, FOR],
        "everything between robot and stack comes later, both ways",
    ),
    entry(Network, "drop", What::NetworkDrop, &[SHARE, FOR], "some of what the sensors say is lost"),
    entry(Disk, "full", What::DiskFull, &[FOR], "the ledger cannot be written (scenarios only)"),
    entry(
        Stack,
        "kill",
        What::StackKill,
        &[number(
            "restart",
            Unit::Seconds,
            Some(5.0),
            [0.1, 3600.0],
            "how long until it is started again and acknowledged",
        )],
        "the stack dies and comes back with what is on its disk (scenarios only)",
    ),
];
