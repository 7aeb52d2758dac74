//! `nightshift lab`: a laboratory of a seed as a site's folder, with the map that the save-map tool draws of it.

use crate::cli::{LabOfSeedArgs, SaveMapArgs};
use crate::commands::save_map;
use crate::talk::tell;
use nightshift_core::random::Seed;
use nightshift_sim::laboratory;
use std::fs;
use std::process::ExitCode;

/// Writes the folder.
pub fn run(args: &LabOfSeedArgs) -> Result<ExitCode, String> {
    let files = laboratory::files(Seed(args.seed)).map_err(|e| e.to_string())?;
    for (name, text) in &files {
        let path = args.out.join(name);
        let failed = |e: std::io::Error| format!("{} cannot be written: {e}", path.display());
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).and_then(|()| fs::write(&path, text)).map_err(failed)?;
    }
    let stations = files.keys().filter(|file| file.starts_with("stations/")).count();
    save_map(&SaveMapArgs { folder: args.out.clone(), robot: args.robot.clone() }, !args.json)?;
    let out = args.out.display().to_string();
    if args.json {
        tell!("{}", serde_json::json!({ "seed": args.seed, "out": out, "stations": stations }));
    } else {
        tell!("{out}  laboratory of seed {}, {stations} stations", args.seed);
    }
    Ok(ExitCode::SUCCESS)
}
