//! `nightshift-watch`: turns a run's journal into what the Rerun viewer shows. Nothing reads back what it writes.

mod blueprint;
mod cli;
mod journal;
mod lab;
mod live;
mod pose;
mod scene;
mod show;
mod solids;
#[cfg(test)]
mod tests;
mod viewer;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match show::show(&cli::Cli::parse()) {
        Ok(summary) => {
            eprintln!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("nightshift-watch: {error}");
            ExitCode::FAILURE
        }
    }
}
