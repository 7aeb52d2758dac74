//! `nightshift faults`: the catalogue of what can be made to go wrong.

use crate::cli::FaultsArgs;
use crate::talk::tell;
use nightshift_sim::faults::{CATALOGUE, Parameter, ParameterKind, Spec, catalogue};
use std::process::ExitCode;

/// Prints the catalogue.
pub fn run(args: &FaultsArgs) -> Result<ExitCode, String> {
    if args.json {
        tell!("{}", serde_json::to_string(CATALOGUE).expect("plain data"));
        return Ok(ExitCode::SUCCESS);
    }
    for component in catalogue::Component::ALL {
        for spec in catalogue::of(component) {
            tell!("{}\n    {}", written(spec), spec.effect);
            for parameter in spec.parameters {
                tell!("    {:<8} {}", parameter.name, about(parameter));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn written(spec: &Spec) -> String {
    let target = spec.component.target().map(|target| format!(".{target}")).unwrap_or_default();
    format!("{}{target}.{}", spec.component.name(), spec.name)
}

fn about(parameter: &Parameter) -> String {
    let bounds = match parameter.kind {
        ParameterKind::Word { choices: [] } => "a name, must be given".to_owned(),
        ParameterKind::Word { choices } => format!("{}, must be given", choices.join(", ")),
        ParameterKind::Number { unit, default, least, most } => {
            let suffixes: Vec<&str> = unit.suffixes().iter().map(|(name, _)| *name).collect();
            let symbol = unit.symbol();
            let default = match default {
                None => "must be given".to_owned(),
                Some(value) if value.is_infinite() => "for good where it is not given".to_owned(),
                Some(value) => format!("{value}{symbol} where it is not given"),
            };
            let written: Vec<&str> = suffixes.into_iter().filter(|name| !name.is_empty()).collect();
            let most = if most.is_infinite() { "any".to_owned() } else { format!("{most}{symbol}") };
            format!("{least}{symbol} to {most} ({}), {default}", written.join(", "))
        }
    };
    format!("{}; {bounds}", parameter.about)
}
