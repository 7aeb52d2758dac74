//! `nightshift plan-path`: the planner on a saved map.

use crate::cli::PlanPathArgs;
use crate::files;
use crate::picture::{Canvas, draw_map, draw_zones};
use crate::talk::{talk, tell};
use cpu_time::ThreadTime;
use nalgebra::{Isometry2, Vector2};
use nightshift_core::describe::{Robot, Rule, Zone};
use nightshift_core::grid::OccupancyGrid;
use nightshift_navigation::planning::{Costmap, Footprint, Motion, Route, Way, plan, routes};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use tiny_skia::Color;

#[derive(Serialize)]
struct Report {
    found: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    length_m: f64,
    turn_deg: f64,
    /// From the outline to the nearest obstacle's cell centre, along the whole path.
    #[serde(skip_serializing_if = "Option::is_none")]
    clearance_m: Option<f64>,
    cpu_ms: f64,
    /// Of the distances that are worked out once for a map.
    map_cpu_ms: f64,
    /// x, y (m), yaw (rad).
    path: Vec<[f64; 3]>,
}

/// Runs the command.
pub fn run(args: &PlanPathArgs) -> Result<ExitCode, String> {
    match (&args.site, &args.map, args.from, args.to) {
        (Some(site), ..) => between_stations(args, site),
        (None, Some(map), Some(from), Some(to)) => one_path(args, map, [from, to]),
        // The parser has seen to it.
        _ => Err("give --map, --from and --to, or --site".to_owned()),
    }
}

/// Closes passages by name.
fn close(zones: &mut [Zone], names: &[String]) -> Result<(), String> {
    for name in names {
        let is = |zone: &&mut Zone| zone.name == *name && matches!(zone.rule, Rule::Passage { .. });
        match zones.iter_mut().find(is) {
            Some(zone) => zone.rule = Rule::Passage { closed: true },
            None => {
                let passages = zones.iter().filter(|zone| matches!(zone.rule, Rule::Passage { .. }));
                let known: Vec<&str> = passages.map(|zone| zone.name.as_str()).collect();
                return Err(format!(
                    "--close {name}: the zones have no such passage; there are: {}",
                    known.join(", ")
                ));
            }
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct RouteReport {
    /// None: where the robot is switched on.
    from: Option<String>,
    to: String,
    found: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    length_m: f64,
    seconds: f64,
    passages: Vec<String>,
}

fn between_stations(args: &PlanPathArgs, site: &str) -> Result<ExitCode, String> {
    let mut lab = files::load_lab(site, &args.robot).map_err(|e| e.to_string())?;
    close(&mut lab.site.zones, &args.close)?;
    let base = &lab.robot.base;
    let motion = Motion { speed: base.max_speed, omnidirectional: base.omnidirectional };
    let costmap = Costmap::with_zones(lab.grid.clone(), Footprint::new(&base.footprint_m), &lab.site.zones);
    let reports: Vec<RouteReport> =
        routes(&lab.site, &costmap, &motion).into_iter().map(RouteReport::from).collect();
    let found = reports.iter().all(|report| report.found);
    if args.json {
        tell!("{}", serde_json::to_string(&reports).expect("plain data"));
    } else {
        for report in &reports {
            let (from, to) = (report.from.as_deref().unwrap_or("start"), &report.to);
            match &report.reason {
                Some(reason) => tell!("{from:>16} -> {to:<16} {reason}"),
                None => {
                    let by = report.passages.join(", ");
                    tell!("{from:>16} -> {to:<16} {:6.2} m {:6.1} s  {by}", report.length_m, report.seconds);
                }
            }
        }
    }
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl From<Route> for RouteReport {
    fn from(route: Route) -> Self {
        let (reason, way) = match route.way {
            Ok(way) => (None, way),
            Err(obstruction) => {
                (Some(obstruction.words), Way { length_m: 0.0, seconds: 0.0, passages: Vec::new() })
            }
        };
        Self {
            from: route.from.map(|id| id.as_str().to_owned()),
            to: route.to.as_str().to_owned(),
            found: reason.is_none(),
            reason,
            length_m: way.length_m,
            seconds: way.seconds,
            passages: way.passages,
        }
    }
}

fn one_path(args: &PlanPathArgs, map: &Path, ends: [[f64; 3]; 2]) -> Result<ExitCode, String> {
    let grid = files::load_map(map).map_err(|e| format!("{}: {e}", map.display()))?;
    let robot = files::load_in(&files::robot_folder(&args.robot), Robot::load).map_err(|e| e.to_string())?;
    let mut zones = args.zones.as_deref().map(files::load_zones).transpose()?.unwrap_or_default();
    close(&mut zones, &args.close)?;
    let [from, to] = ends.map(|[x, y, yaw]| Isometry2::new(Vector2::new(x, y), yaw));
    let motion = Motion { speed: robot.base.max_speed, omnidirectional: robot.base.omnidirectional };
    let began = ThreadTime::now();
    let costmap = Costmap::with_zones(grid.clone(), Footprint::new(&robot.base.footprint_m), &zones);
    let map_cpu_ms = began.elapsed().as_secs_f64() * 1e3;
    let began = ThreadTime::now();
    let map = costmap.snapshot();
    let found = plan(&map, &motion, &from, &to);
    let cpu_ms = began.elapsed().as_secs_f64() * 1e3;
    let path = found.as_deref().unwrap_or_default();
    let report = Report {
        found: found.is_ok(),
        reason: found.as_ref().err().map(|obstruction| obstruction.words.clone()),
        length_m: path.windows(2).map(|p| (p[1].translation.vector - p[0].translation.vector).norm()).sum(),
        turn_deg: path.windows(2).map(|p| p[0].rotation.angle_to(&p[1].rotation).abs().to_degrees()).sum(),
        clearance_m: path.iter().map(|pose| map.gap_m(pose, 1.0)).min_by(f64::total_cmp),
        cpu_ms,
        map_cpu_ms,
        path: path.iter().map(|p| [p.translation.x, p.translation.y, p.rotation.angle()]).collect(),
    };
    if let Some(file) = &args.picture {
        draw(&grid, &zones, &robot, path, [&from, &to], file)?;
    }
    if args.json {
        tell!("{}", serde_json::to_string(&report).expect("plain data"));
    } else if let Some(reason) = &report.reason {
        tell!("{reason}");
    } else {
        tell!("length     {:.2} m, {:.0} deg of turning", report.length_m, report.turn_deg);
        tell!("clearance  {:.3} m", report.clearance_m.unwrap_or(f64::NAN));
        tell!("cpu        {cpu_ms:.2} ms, and {map_cpu_ms:.2} ms once for the map");
    }
    Ok(if report.found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn draw(
    grid: &OccupancyGrid,
    zones: &[Zone],
    robot: &Robot,
    path: &[Isometry2<f64>],
    [from, to]: [&Isometry2<f64>; 2],
    file: &Path,
) -> Result<(), String> {
    let mut canvas = Canvas::about(grid)?;
    draw_map(&mut canvas, grid);
    draw_zones(&mut canvas, zones);
    // The outline every quarter of a metre, then the way of its middle.
    let mut drawn: Option<Isometry2<f64>> = None;
    for pose in path {
        let apart = drawn.map(|last| {
            (last.translation.vector - pose.translation.vector).norm()
                + last.rotation.angle_to(&pose.rotation).abs() * 0.4
        });
        if apart.is_none_or(|apart| apart > 0.25) {
            drawn = Some(*pose);
            outline(&mut canvas, robot, pose, Color::from_rgba8(40, 110, 220, 40));
        }
    }
    let middle: Vec<(f32, f32)> =
        path.iter().map(|p| canvas.pixel(p.translation.x, p.translation.y)).collect();
    canvas.line(&middle, 2.0, Color::from_rgba8(20, 70, 180, 255));
    outline(&mut canvas, robot, from, Color::from_rgba8(30, 160, 70, 200));
    outline(&mut canvas, robot, to, Color::from_rgba8(210, 40, 60, 200));
    canvas.pixmap.save_png(file).map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
    talk!("{}", file.display());
    Ok(())
}

fn outline(canvas: &mut Canvas, robot: &Robot, pose: &Isometry2<f64>, color: Color) {
    let corner = |c: &[f64; 2]| pose * nalgebra::Point2::from(*c);
    let corners = robot.base.footprint_m.iter().map(corner);
    let corners: Vec<(f32, f32)> = corners.map(|c| canvas.pixel(c.x, c.y)).collect();
    canvas.polygon(&corners, color);
}
