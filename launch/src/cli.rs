//! The command line.

use crate::see::EyesArgs;
use clap::{Args, Parser, Subcommand};
use nightshift_sim::Eyesight;
use std::path::PathBuf;

/// The control stack of a mobile manipulator for laboratories, and its simulator.
#[derive(Parser)]
#[command(
    name = "nightshift",
    version,
    after_help = "Examples:\n  nightshift check maps/photocatalysis\n  nightshift scenario transfer --seed 3 --json\n  nightshift sim --ros            # the simulated robot on ROS 2 ...\n  nightshift run                  # ... and the stack that drives it"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Run the stack against a robot on ROS 2 (a real one, or `nightshift sim --ros`).
    Run(RunArgs),
    /// Run the simulated laboratory.
    Sim(SimArgs),
    /// Run a scenario in lockstep, without ROS, as fast as the processor goes.
    Scenario(ScenarioArgs),
    /// List what can be made to go wrong.
    Faults(FaultsArgs),
    /// Write a laboratory of a seed, with its map.
    Lab(LabOfSeedArgs),
    /// Validate the folder of a site or a robot and report every error at once.
    Check(CheckArgs),
    /// Give a recording's inputs to a fresh stack and compare its answers.
    Replay(ReplayArgs),
    /// Write a recording as an MCAP file.
    Mcap(crate::mcap_file::McapArgs),
    /// Save the occupancy map of a simulated site as map_server files.
    SaveMap(SaveMapArgs),
    /// Draw a recording as a picture.
    Picture(PictureArgs),
    /// Make a map out of a recorded drive.
    Map(crate::make_map::MakeMapArgs),
    /// Find what differs from a map, over a recorded drive.
    Changes(crate::map_changes::ChangesArgs),
    /// Write a map with found changes taken in, where a person says yes.
    UpdateMap(crate::map_changes::UpdateMapArgs),
    /// Run the localiser over a recorded drive and write where the robot was.
    Localize(LocalizeArgs),
    /// Find the vessels, codes and fiducials in a picture.
    See(crate::see::SeeArgs),
    /// Follow vessels over pictures of one scene, and tell what becomes of what is in them.
    Follow(crate::follow::FollowArgs),
    /// Complete the depth of glass, which depth cameras do not tell.
    CompleteDepth(crate::complete_depth::CompleteArgs),
    /// Score the sight of vessels on an annotated folder.
    Score(crate::score::ScoreArgs),
    /// Plan a path on a saved map.
    PlanPath(PlanPathArgs),
    /// Find the joint positions that put an arm's tool at poses.
    Ik(IkArgs),
    /// Plan motions of an arm.
    Plan(PlanArgs),
    /// Find out which slots an arm reaches from which dock.
    Reach(crate::reach::ReachArgs),
    /// Find out where the wrist camera sits, or a tool's tip is.
    Calibrate(crate::calibrate::CalibrateArgs),
    /// Measure, and print the figures beside their aims.
    Bench(BenchArgs),
    /// Render annotated pictures of lab ware for training.
    Dataset(crate::dataset::DatasetArgs),
    /// Render a picture or a turntable of lab ware, or a scene of the data set.
    Render(crate::render::RenderArgs),
}

/// `nightshift ik`.
#[derive(Args)]
#[command(
    after_help = "A pose is one line: [x, y, z, qx, qy, qz, qw], metres, the tool in the base's frame.\n\nExamples:\n  nightshift ik --robot ur5 --poses poses.jsonl --json\n  nightshift ik --robot omni7 --poses poses.jsonl"
)]
pub struct IkArgs {
    /// A folder below robot/description/, or a path: a robot, or an arm alone.
    #[arg(long, default_value = "omni7")]
    pub robot: String,
    /// One pose a line, as JSON.
    #[arg(long, value_name = "FILE")]
    pub poses: PathBuf,
    /// Print one JSON object on stdout, with all solutions.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift plan`.
#[derive(Args)]
#[command(
    after_help = "tests/peers/motion_bench_maker.py writes such a file. `seen_m` in a problem's scene holds points that a depth camera sees and no \
shape explains, [x, y, z] in metres in the base's frame.\n\nExamples:\n  nightshift plan --robot panda --problems panda.jsonl\n  nightshift plan --robot ur5 --problems ur5.jsonl --json"
)]
pub struct PlanArgs {
    /// A folder below robot/description/, or a path: a robot, or an arm alone.
    #[arg(long, default_value = "omni7")]
    pub robot: String,
    /// One plan request a line, as JSON.
    #[arg(long, value_name = "FILE")]
    pub problems: PathBuf,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Which laboratory and which robot.
#[derive(Args, Clone)]
pub struct LabArgs {
    /// A folder below maps/, or a path.
    #[arg(long, default_value = "photocatalysis")]
    pub site: String,
    /// A folder below robot/description/, or a path.
    #[arg(long, default_value = "omni7")]
    pub robot: String,
}

/// `nightshift run`.
#[derive(Args)]
#[command(after_help = "Examples:\n  nightshift run\n  nightshift run --out out/tonight --site maps/my-lab")]
pub struct RunArgs {
    /// Site and robot.
    #[command(flatten)]
    pub lab: LabArgs,
    /// Folder for the ledger, the journal and the pictures. The ledger in it is gone on with.
    #[arg(long, default_value = "out/run")]
    pub out: PathBuf,
    /// Seed of the stack's own random choices (planning).
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Seconds to wait for the robot before giving up.
    #[arg(long, default_value_t = 60.0)]
    pub wait_s: f64,
    /// Look for vessels in the pictures that are taken, too: for `/nightshift/detections`, `/nightshift/overlay` and what depth is worth. The
    /// skills do not wait for it.
    #[arg(long)]
    pub see: bool,
    /// The networks for that.
    #[command(flatten)]
    pub eyes: EyesArgs,
}

/// `nightshift sim`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  nightshift sim --ros\n  nightshift sim --ros --rate 2 --seed 7\n  nightshift sim --for 10         # ten simulated seconds, and how fast they went\n  nightshift sim --ros --fault 'scanner.front.freeze(for=3s) at 12s'\n  nightshift sim --for 20 --people 2 --rate 1 --record out/sim --watch\n  nightshift sim --for 20 --record out/sim && nightshift mcap out/sim --out sim.mcap\n\nWhile it runs on ROS 2: space holds it and lets it go on, . makes one step of 2 ms, s keeps its state, r goes back to it, 0 to the \
start; the same by the services /nightshift_sim/pause, step, snapshot, restore, reset, and faults by inject_faults. Its clock then runs \
backwards, which a stack does not follow: start `nightshift run` anew."
)]
pub struct SimArgs {
    /// Site and robot.
    #[command(flatten)]
    pub lab: LabArgs,
    /// Seed of noise, slip and bias.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Simulated seconds per second.
    #[arg(long, default_value_t = 1.0)]
    pub rate: f64,
    /// Be a robot on ROS 2.
    #[arg(long)]
    pub ros: bool,
    /// Stop after so many simulated seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    pub for_s: Option<f64>,
    /// Something that goes wrong, `component.fault(parameters) at TIME or EVENT`; `nightshift faults` lists all. Can be
    /// given again.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,
    /// How many people walk about, with errands by the seed.
    #[arg(long, default_value_t = 0)]
    pub people: usize,
    /// How pictures are made: `fast`, or `traced` ray by ray with glass, liquid and lamps, which takes several times as long.
    #[arg(long, value_name = "HOW", default_value = "fast", value_parser = eyesight)]
    pub camera: Eyesight,
    /// Keep what the robot tells and is told, its pictures and the truth in this folder, for `nightshift-watch` and
    /// `nightshift mcap`.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Show the run in the Rerun viewer while it goes on.
    #[arg(long, requires = "record")]
    pub watch: bool,
    /// Show nothing, which is what happens without `--watch` too: for scripts that say so.
    #[arg(long, conflicts_with = "watch")]
    pub headless: bool,
}

/// `nightshift scenario`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  nightshift scenario transfer --seed 1 --json\n  nightshift scenario tests/scenarios/slip.toml --record out/slip\n  nightshift scenario transfer --fault 'gripper.slip at phase PICK'"
)]
pub struct ScenarioArgs {
    /// A scenario file, or the name of a bundled one.
    pub file: String,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
    /// Keep journal and pictures in this folder.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// How pictures are made, in place of what the file says: `fast`, or `traced` ray by ray with glass, liquid and lamps.
    #[arg(long, value_name = "HOW", value_parser = eyesight)]
    pub camera: Option<Eyesight>,
    /// Something more that goes wrong, `component.fault(parameters) at TIME or EVENT`; `nightshift faults` lists all. Can be
    /// given again.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,
}

/// `nightshift lab`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  nightshift lab --seed 7 --out out/lab-7 && nightshift sim --site out/lab-7 --for 10"
)]
pub struct LabOfSeedArgs {
    /// Which laboratory.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The folder to write it to; it is made.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The robot whose scanners' height the map is cut at.
    #[arg(long, default_value = "omni7")]
    pub robot: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift bench drives`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  nightshift bench drives --count 100 --seed 1 --json\n  nightshift bench drives --count 20 --people 0"
)]
pub struct DrivesArgs {
    /// How many drives.
    #[arg(long, default_value_t = 100)]
    pub count: usize,
    /// Of the first laboratory; each further one has the next seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// People in each laboratory.
    #[arg(long, default_value_t = 3)]
    pub people: usize,
    /// Drives in each laboratory.
    #[arg(long, default_value_t = 5)]
    pub per_lab: usize,
    /// A folder below robot/description/, or a path.
    #[arg(long, default_value = "omni7")]
    pub robot: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift faults`.
#[derive(Args)]
#[command(
    after_help = "A fault is written `component.fault(parameters) at TIME or EVENT`, in scenario files, on the command line and on \
ROS.\nTimes: 12s, 500ms, 2min. Events: drive, grasp, lift, phase NAME (scenarios only); `+ 1s` after one of them.\n\nExamples:\n  \
nightshift faults\n  nightshift faults --json\n  nightshift scenario transfer --fault 'rack.photolysis/rack.shift(x=5mm) at phase CARRY + 1s'"
)]
pub struct FaultsArgs {
    /// Print one JSON list on stdout: parameters with their units and bounds (SI), and the effect.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift check`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  nightshift check maps/photocatalysis\n  nightshift check robot/description/omni7 --json"
)]
pub struct CheckArgs {
    /// The folder of a site or a robot.
    pub path: PathBuf,
    /// The robot that a site is held against.
    #[arg(long, default_value = "omni7")]
    pub robot: String,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift replay`.
#[derive(Args)]
#[command(after_help = "Examples:\n  nightshift scenario transfer --record out/t && nightshift replay out/t")]
pub struct ReplayArgs {
    /// The folder of a recorded run (`nightshift run --out`, `nightshift scenario --record`).
    pub folder: PathBuf,
}

/// `nightshift save-map`.
#[derive(Args)]
#[command(after_help = "Examples:\n  nightshift save-map maps/photocatalysis")]
pub struct SaveMapArgs {
    /// The folder of a site; the map that its site.toml names is written there.
    pub folder: PathBuf,
    /// The robot whose scanners' height the walls are cut at.
    #[arg(long, default_value = "omni7")]
    pub robot: String,
}

/// `nightshift picture`.
#[derive(Args)]
#[command(after_help = "Examples:\n  nightshift picture out/run --out out/run.png")]
pub struct PictureArgs {
    /// The folder of a recorded run.
    pub folder: PathBuf,
    /// Where to write the PNG.
    #[arg(long, default_value = "run.png")]
    pub out: PathBuf,
    /// Site and robot of the run.
    #[command(flatten)]
    pub lab: LabArgs,
}

/// `nightshift localize`.
#[derive(Args)]
#[command(
    after_help = "The log is text, also as gzip: a header `# n_beams N angle_min A angle_inc D` (radians), then a line a scan: index, \
time (s), odometry x y yaw, reference x y yaw (m, rad), N ranges (m; 50 and more is no return).\n\nExamples:\n  \
nightshift localize --map lab.yaml --log drive.txt.gz --initial 1.5,7.0,0.0 --out drive.tum --json\n  \
nightshift localize --map lab.yaml --log drive.txt --global --out drive.tum --picture drive.png"
)]
pub struct LocalizeArgs {
    /// A map_server map, by its YAML file.
    #[arg(long, value_name = "YAML")]
    pub map: PathBuf,
    /// The recorded drive.
    #[arg(long, value_name = "TXT[.GZ]")]
    pub log: PathBuf,
    /// Where the robot is at the first scan, roughly: metres, metres, radians.
    #[arg(long, value_name = "X,Y,YAW", value_parser = pose, allow_hyphen_values = true)]
    pub initial: Option<[f64; 3]>,
    /// Nobody knows where the robot is: look in the whole map.
    #[arg(long, conflicts_with = "initial")]
    pub global: bool,
    /// Seed of the localiser's random choices.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where to write the poses, as a TUM trajectory: one for each scan, with the scan's time; no line while lost.
    #[arg(long, value_name = "TUM")]
    pub out: PathBuf,
    /// Write scans, odometry and answers into this folder as a run's journal, with the map's place in run.json.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Draw the drive on the map here: blue where the pose was trusted, orange dots where it was in doubt, the log's reference
    /// grey.
    #[arg(long, value_name = "PNG")]
    pub picture: Option<PathBuf>,
    /// Print one JSON object on stdout: scans, cpu_ms_mean, cpu_ms_p99, and the state at each scan.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift plan-path`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: there is a path; 1: there is none, with what is in the way; 2: it could not be tried.\n\nExamples:\n  \
nightshift plan-path --map maps/photocatalysis/map.yaml --from 1.3,3.4,0 --to 7.2,3.9,1.57\n  \
nightshift plan-path --map lab.yaml --from 1,1,0 --to 9,4,0 --json --picture plan.png\n  \
nightshift plan-path --site flow-synthesis --close 'north aisle'"
)]
pub struct PlanPathArgs {
    /// A map_server map, by its YAML file.
    #[arg(long, value_name = "YAML", required_unless_present = "site")]
    pub map: Option<PathBuf>,
    /// Where the base stands: metres, metres, radians.
    #[arg(long, value_name = "X,Y,YAW", value_parser = pose, allow_hyphen_values = true, required_unless_present = "site")]
    pub from: Option<[f64; 3]>,
    /// Where it shall go.
    #[arg(long, value_name = "X,Y,YAW", value_parser = pose, allow_hyphen_values = true, required_unless_present = "site")]
    pub to: Option<[f64; 3]>,
    /// Zones that count, as a site's zones.toml has them.
    #[arg(long, value_name = "TOML")]
    pub zones: Option<PathBuf>,
    /// Instead of one path: the ways from the start and from each station of a site to each other one. A name below
    /// maps/, or a path.
    #[arg(long, conflicts_with_all = ["map", "from", "to", "zones", "picture"])]
    pub site: Option<String>,
    /// A passage of the zones that shall count as closed; may be given again.
    #[arg(long, value_name = "NAME")]
    pub close: Vec<String>,
    /// The robot whose outline and speeds count: a folder below robot/description/, or a path.
    #[arg(long, default_value = "omni7")]
    pub robot: String,
    /// Print one JSON object on stdout: found or reason, length_m, clearance_m, cpu_ms, and the path's poses.
    #[arg(long)]
    pub json: bool,
    /// Draw map, zones, path and outlines here.
    #[arg(long, value_name = "PNG")]
    pub picture: Option<PathBuf>,
}

/// `nightshift bench`.
#[derive(Args)]
pub struct BenchArgs {
    /// Of what.
    #[command(subcommand)]
    pub what: BenchWhat,
}

/// What can be measured.
#[derive(Subcommand)]
pub enum BenchWhat {
    /// Drives from station to station in laboratories by seed, among people.
    Drives(DrivesArgs),
    /// How exactly the base docks, in the simulated laboratory.
    Docking(BenchDockingArgs),
    /// How long planner, controller and guard take.
    Driving(BenchDrivingArgs),
    /// Picks and inserts in the simulator's physics, with errors of sight.
    Grasp(BenchGraspArgs),
    /// Inverse kinematics and motion planning, beside peers.
    Motion(crate::bench::motion::BenchMotionArgs),
    /// Localisation, over recorded drives.
    Navigation(BenchNavigationArgs),
    /// Vessels, codes, fiducials and depth of glass, on real pictures.
    Perception(crate::bench::perception::BenchPerceptionArgs),
    /// How well a rack is located after a rough dock.
    Refine(BenchRefineArgs),
    /// The simulator's speed beside MuJoCo alone, and its memory.
    Sim(BenchSimArgs),
}

/// `nightshift bench docking`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: all docked, without contact, and the aims are met; 1: not so; 2: it could not be tried.\n\nExamples:\n  \
nightshift bench docking --count 40\n  \
nightshift bench docking --count 1000 --seed 1 --json --picture docks.png"
)]
pub struct BenchDockingArgs {
    /// Site and robot.
    #[command(flatten)]
    pub lab: LabArgs,
    /// Docks, at each station in turn.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Seed of starts, slip and noise.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
    /// Draw where the base came to rest here.
    #[arg(long, value_name = "PNG")]
    pub picture: Option<PathBuf>,
}

/// `nightshift bench driving`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: every aim is met; 1: some are missed; 2: it could not be tried.\n\nExamples:\n  \
nightshift bench driving\n  nightshift bench driving --section planning --plans 50 --json"
)]
pub struct BenchDrivingArgs {
    /// Measure only this section; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub section: Vec<String>,
    /// Plans for each kind of base.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub plans: u32,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift bench grasp`.
#[derive(Args)]
#[command(
    after_help = "Each trial brings a vial from one slot of a rack to another: sight up to 3 mm and 2 degrees off, friction 0.2 to 0.6, \
any fill, one to six neighbours. One more for every ten with pads that turn slippery.\n\n\
Exit code 0: every aim is met; 1: some are missed; 2: it could not be tried.\n\nExamples:\n  \
nightshift bench grasp --count 20\n  \
nightshift bench grasp --count 1000 --seed 1 --json\n  \
nightshift bench grasp --count 1 --first 37   # trial 37 alone"
)]
pub struct BenchGraspArgs {
    /// Site and robot.
    #[command(flatten)]
    pub lab: LabArgs,
    /// Trials, beside those with slippery pads.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// The number of the first: each has its own conditions.
    #[arg(long, default_value_t = 0)]
    pub first: u64,
    /// Seed of all conditions and noise.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Draw how vials went in, and what the gripper loses a vial at, into this PNG.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift bench refine`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: every rack was located, and the aims are met; 1: not so; 2: it could not be tried.\n\nExamples:\n  \
nightshift bench refine --count 40\n  \
nightshift bench refine --count 200 --seed 1 --json"
)]
pub struct BenchRefineArgs {
    /// Site and robot.
    #[command(flatten)]
    pub lab: LabArgs,
    /// Docks, at each station in turn.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Seed of where the base has stopped, and of noise.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Pictures that are to locate the rack are dark: a finger feels for its walls.
    #[arg(long)]
    pub dark: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift bench navigation`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: every aim is met; 1: some are missed; 2: nothing could be measured.\n\nExamples:\n  \
nightshift bench navigation\n  \
nightshift bench navigation --section tracking --seeds 2 --json\n  \
nightshift bench navigation --section day --hours 24\n  \
nightshift bench navigation --data ~/logs   # reads ~/logs/navigation/"
)]
pub struct BenchNavigationArgs {
    /// Measure only this section; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub section: Vec<String>,
    /// The folder that holds navigation/ with logs and maps; what is absent is skipped. [default: $NIGHTSHIFT_DATA, or
    /// ../shared/data beside the workspace]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Seeds with which each drive is followed.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// Starts from nowhere, and kidnaps, on each drive.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub starts: u32,
    /// Simulated hours of the section `day`: some minutes of processor time each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=240))]
    pub hours: u32,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `nightshift bench sim`.
#[derive(Args)]
#[command(
    after_help = "Exit code 0: every aim is met; 1: some are missed; 2: nothing could be measured.\n\nExamples:\n  \
nightshift bench sim\n  nightshift bench sim --vials 50 --seconds 10 --json\n  nightshift bench sim --night 8   # and eight simulated hours of transfers"
)]
pub struct BenchSimArgs {
    /// Site and robot.
    #[command(flatten)]
    pub lab: LabArgs,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Vials in the laboratory.
    #[arg(long, default_value_t = 200)]
    pub vials: usize,
    /// Simulated seconds that each workload is measured over.
    #[arg(long, default_value_t = 20.0)]
    pub seconds: f64,
    /// Times that each workload is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// Also run a night of transfers in lockstep, of so many simulated hours.
    #[arg(long, value_name = "HOURS")]
    pub night: Option<f64>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
}

fn eyesight(word: &str) -> Result<Eyesight, String> {
    match word {
        "fast" => Ok(Eyesight::Fast),
        "traced" => Ok(Eyesight::Traced),
        _ => Err("it must be fast or traced".to_owned()),
    }
}

/// x, y and heading, finite.
pub fn pose(words: &str) -> Result<[f64; 3], String> {
    numbers(words).map_err(|_| "it must be three finite numbers: x,y,yaw in metres and radians".to_owned())
}

/// So many finite numbers with commas between them.
pub fn numbers<const N: usize>(words: &str) -> Result<[f64; N], String> {
    let parsed = words.split(',').map(|word| word.trim().parse().ok().filter(|v: &f64| v.is_finite()));
    let all: Option<Vec<f64>> = parsed.collect();
    all.and_then(|all| all.try_into().ok())
        .ok_or_else(|| format!("it must be {N} finite numbers with commas between them"))
}
