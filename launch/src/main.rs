//! The `nightshift` binary: the composition root.

// What is printed goes through `talk.rs`, which outlives its reader.
#![deny(clippy::print_stdout)]

mod arm_tools;
mod bench;
mod bench_docking;
mod bench_drives;
mod bench_grasp;
mod bench_refine;
mod bench_sim;
mod calibrate;
mod check;
mod cli;
mod clock;
mod commands;
mod complete_depth;
mod dataset;
mod docking_picture;
mod effects;
mod faults;
mod files;
mod follow;
mod gaze;
mod interrupt;
mod judge;
mod lab;
mod live;
mod localize;
mod lockstep;
mod make_map;
mod map_changes;
mod mcap_file;
mod night;
mod photo;
mod picture;
mod plan_path;
mod reach;
mod recording;
mod render;
mod render_site;
mod runner;
mod scenario;
mod score;
mod see;
mod shown;
mod sim_keys;
mod sim_node;
mod sim_record;
mod sim_run;
mod stack;
mod tag_pose;
mod talk;
mod urgent;

use crate::talk::talk;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()) {
        Ok(code) if talk::answered() => code,
        Ok(_) => ExitCode::from(2),
        Err(message) => {
            talk!("nightshift: {message}");
            ExitCode::from(2)
        }
    }
}
