//! The catalogue: every fault that there is, with its parameters, their units and its effect.

mod entries;

pub use entries::CATALOGUE;
use serde::Serialize;

/// What a fault strikes: the first word of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// A laser scanner.
    Scanner,
    /// Dead reckoning.
    Odometry,
    /// The arm's encoders.
    Joints,
    /// The gripper and its sensor.
    Gripper,
    /// The wrist camera.
    Camera,
    /// The wheels.
    Base,
    /// The arm's drives.
    Arm,
    /// A station's rack.
    Rack,
    /// A slot of a rack.
    Slot,
    /// A sample's vessel.
    Vial,
    /// A station that behaves.
    Station,
    /// A station that charges the robot.
    Charger,
    /// The robot's battery.
    Battery,
    /// A station's dock tag.
    Tag,
    /// A piece of furniture.
    Furniture,
    /// A box on the floor.
    Obstacle,
    /// The room's light.
    Room,
    /// The robot's clock.
    Clock,
    /// What joins robot and stack.
    Network,
    /// The disk that the ledger is on.
    Disk,
    /// The stack's process.
    Stack,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Scanner,
        Self::Odometry,
        Self::Joints,
        Self::Gripper,
        Self::Camera,
        Self::Base,
        Self::Arm,
        Self::Rack,
        Self::Slot,
        Self::Vial,
        Self::Station,
        Self::Charger,
        Self::Battery,
        Self::Tag,
        Self::Furniture,
        Self::Obstacle,
        Self::Room,
        Self::Clock,
        Self::Network,
        Self::Disk,
        Self::Stack,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scanner => "scanner",
            Self::Odometry => "odometry",
            Self::Joints => "joints",
            Self::Gripper => "gripper",
            Self::Camera => "camera",
            Self::Base => "base",
            Self::Arm => "arm",
            Self::Rack => "rack",
            Self::Slot => "slot",
            Self::Vial => "vial",
            Self::Station => "station",
            Self::Charger => "charger",
            Self::Battery => "battery",
            Self::Tag => "tag",
            Self::Furniture => "furniture",
            Self::Obstacle => "obstacle",
            Self::Room => "room",
            Self::Clock => "clock",
            Self::Network => "network",
            Self::Disk => "disk",
            Self::Stack => "stack",
        }
    }

    /// What the words after the component name; none where it is one of a kind.
    pub fn target(self) -> Option<&'static str> {
        match self {
            Self::Scanner => Some("SCANNER"),
            Self::Rack => Some("STATION/NEST"),
            Self::Slot => Some("STATION/NEST/SLOT"),
            Self::Vial => Some("SAMPLE"),
            Self::Station | Self::Charger | Self::Tag => Some("STATION"),
            Self::Furniture | Self::Obstacle => Some("NAME"),
            _ => None,
        }
    }
}

/// What a number is measured in, within the simulator: SI units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Time.
    Seconds,
    /// Length.
    Metres,
    /// Angle.
    Radians,
    /// Force.
    Newtons,
    /// Turn in a metre of driving.
    RadiansPerMetre,
    /// A part of a whole, 1 is all.
    Share,
    /// Length in the picture.
    Pixels,
}

impl Unit {
    /// How it is written, in SI.
    pub fn symbol(self) -> &'static str {
        self.suffixes()[0].0
    }

    /// Accepted suffixes and their size in SI.
    pub fn suffixes(self) -> &'static [(&'static str, f64)] {
        const DEGREE: f64 = std::f64::consts::PI / 180.0;
        match self {
            Self::Seconds => &[("s", 1.0), ("ms", 1e-3), ("min", 60.0)],
            Self::Metres => &[("m", 1.0), ("mm", 1e-3), ("cm", 1e-2)],
            Self::Radians => &[("rad", 1.0), ("deg", DEGREE)],
            Self::Newtons => &[("N", 1.0)],
            Self::RadiansPerMetre => &[("rad/m", 1.0), ("deg/m", DEGREE)],
            Self::Share => &[("", 1.0), ("%", 1e-2)],
            Self::Pixels => &[("px", 1.0)],
        }
    }
}

/// What a parameter can be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// A number with its unit.
    Number {
        /// Its unit.
        unit: Unit,
        /// Taken where none is given; none: it must be given. Infinite (null) is for good.
        default: Option<f64>,
        /// The least that makes sense, SI.
        least: f64,
        /// The most, SI.
        most: f64,
    },
    /// A name.
    Word {
        /// What it can be; empty: names of the robot or the site.
        choices: &'static [&'static str],
    },
}

/// A parameter of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// As it is written.
    pub name: &'static str,
    /// What it can be.
    pub kind: ParameterKind,
    /// What it does.
    pub about: &'static str,
}

/// An entry of the catalogue.
#[derive(Debug, PartialEq, Serialize)]
pub struct Spec {
    /// What it strikes.
    pub component: Component,
    /// Its name on that component.
    pub name: &'static str,
    /// What it does, for the simulator.
    #[serde(skip)]
    pub what: What,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// What it does, in words.
    pub effect: &'static str,
}

/// What can happen to any stream of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFault {
    /// Nothing comes.
    Loss,
    /// The same thing comes again and again, with fresh stamps.
    Freeze,
    /// Everything comes later.
    Delay,
    /// Everything comes later, each by another time.
    Jitter,
    /// Everything comes twice.
    Duplicate,
    /// Some do not come.
    Drop,
}

/// What a fault does. Whoever matches on it handles each, or says that it is not his.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the catalogue's entries say what each does")]
pub enum What {
    Stream(StreamFault),
    ScannerBias,
    ScannerNoise,
    ScannerNan,
    ScannerBlind,
    ScannerDirt,
    ScannerGlare,
    ScannerKnocked,
    ScannerCrosstalk,
    OdometryScale,
    OdometryVeer,
    OdometryNoise,
    JointsBias,
    JointsNoise,
    GripperBias,
    GripperNoise,
    GripperSlip,
    GripperJam,
    GripperTorqueLoss,
    GripperOpens,
    CameraDark,
    CameraOverexposed,
    CameraSmear,
    CameraBlur,
    CameraGlare,
    CameraNoise,
    CameraDepthLoss,
    CameraKnocked,
    BaseSlip,
    BaseStuckWheel,
    BaseSluggish,
    BaseKidnap,
    ArmProtectiveStop,
    ArmRefuses,
    ArmWeak,
    RackShift,
    SlotOccupied,
    VialMissing,
    VialMoved,
    VialToppled,
    VialSwapped,
    VialUnreadable,
    VialStuck,
    StationRefuses,
    StationBusy,
    StationBroken,
    StationPartStuck,
    StationPartMisread,
    ChargerDirty,
    ChargerDead,
    BatteryCharge,
    TagCovered,
    FurnitureShift,
    ObstaclePut,
    ObstacleRemove,
    RoomDark,
    ClockJump,
    ClockDrift,
    NetworkPartition,
    NetworkDelay,
    NetworkDrop,
    DiskFull,
    StackKill,
}

impl What {
    /// Whether it strikes the stack's side, which is not simulated by the world but by whoever runs the stack.
    pub fn strikes_the_stack(self) -> bool {
        matches!(self, Self::DiskFull | Self::StackKill)
    }
}

/// The entries of a component.
pub fn of(component: Component) -> impl Iterator<Item = &'static Spec> {
    CATALOGUE.iter().filter(move |spec| spec.component == component)
}
