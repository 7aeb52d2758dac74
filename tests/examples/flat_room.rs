//! A room of a seed with a share of its furniture changed: its old map, and a drive through it as it is now, for
//! `nightshift changes` and `nightshift localize`.
//!
//! `cargo run -p nightshift-tests --example flat_room -- SEED CHANGED FOLDER` writes FOLDER/room.yaml, room.pgm and drive.txt.

use nightshift_flat::{Drive, Plan};
use nightshift_navigation::map::{to_pgm, to_yaml};
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [seed, changed, folder] = words.as_slice() else { return Err("give SEED CHANGED FOLDER".into()) };
    let plan = Plan { changed: changed.parse()?, ..Plan::drawn(seed.parse()?) };
    let drive = Drive::new(plan).ok_or("this room has no floor to drive on: choose another seed")?;
    let (folder, map) = (PathBuf::from(folder), drive.map());
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("room.pgm"), to_pgm(&map))?;
    fs::write(folder.join("room.yaml"), to_yaml(&map, "room.pgm"))?;
    fs::write(folder.join("drive.txt"), drive.to_text())?;
    let start = drive.steps[0].truth;
    println!("starts at {:.2},{:.2},{:.2}", start.translation.x, start.translation.y, start.rotation.angle());
    Ok(())
}
