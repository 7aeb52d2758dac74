//! Bad descriptions of stations that behave, and the bundled sites, which are none.

use super::{Problems, Robot, Site};

const SITES: [&str; 4] = ["photocatalysis", "thin-films", "flow-synthesis", "electrolytes"];

fn read(folder: &str, file: &str) -> Result<String, String> {
    let path = format!("{}/../../{folder}/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).map_err(|e| e.to_string())
}

/// A bundled site with some text replaced in one of its files.
fn spoilt(site: &str, file: &str, edits: &[(&str, &str)]) -> Result<Site, Problems> {
    Site::load(&|name| {
        let mut text = read(&format!("maps/{site}"), name)?;
        for (from, to) in edits.iter().filter(|_| name == file) {
            assert!(text.contains(from), "{file} has no {from:?}");
            text = text.replacen(from, to, 1);
        }
        Ok(text)
    })
}

/// Every expectation stands in the problems of one load.
fn told(site: &str, file: &str, edits: &[(&str, &str)], expected: &[&str]) {
    let found = spoilt(site, file, edits).unwrap_err().to_string();
    for words in expected {
        assert!(found.contains(words), "{words:?} not in:\n{found}");
    }
}

#[test]
fn every_bundled_site_loads_and_fits_the_bundled_robot() {
    let robot = Robot::load(&|file| read("robot/description/omni7", file)).unwrap();
    for name in SITES {
        let site = Site::load(&|file| read(&format!("maps/{name}"), file)).unwrap();
        assert_eq!(site.check_robot(&robot), [], "{name}");
        assert_eq!(site.name, name);
        assert!(!site.with_handshake().is_empty(), "{name} has stations that behave");
        let deck = site.equipped(&robot).deck;
        let carried = |item: &super::StockItem| {
            deck.values().any(|nest| site.catalogue.racks[&nest.rack].takes.contains(&item.labware))
        };
        assert!(site.stock.iter().all(carried), "{name}: the deck takes all that is in stock");
    }
}

#[test]
fn an_unknown_kind_of_station_names_those_there_are() {
    let edits = [("kind = \"storage\"", "kind = \"cupboard\"")];
    let words = [
        "stations/storage.toml: line 5: unknown variant `cupboard`",
        "`instrument`",
        "`storage`",
        "`charger`",
    ];
    told("photocatalysis", "stations/storage.toml", &edits, &words);
}

#[test]
fn every_flaw_of_a_machine_is_told_at_once_with_its_key() {
    let edits = [
        ("start = \"open\"", "start = \"opened\""),
        ("parts = { tray = 0.0 }\nready = true\nrelease = \"closing\"", "ready = true"),
        ("prepare = \"opening\"", "prepare = \"opning\""),
        ("{ to = \"opening\", arrived = true }", "{ to = \"opening\" }"),
        ("after_s = 15.0", "after_s = -15.0"),
        ("seat_sensor = true", "seat_sensor = false"),
        ("on = \"tray\"", "on = \"drawer\""),
        ("speed_per_s = 0.4", "speed_per_s = 0.0"),
        (
            "[machine.state.opening]\nparts = { tray = 0.0 }",
            "[machine.state.opening]\nparts = { tray = 1.5, hatch = 0.0 }",
        ),
    ];
    let expected = [
        "machine.start: there is no state opened",
        "machine.state.open.release: is missing",
        "machine.state.open.parts: must say where tray is",
        "machine.state.open: leads nowhere",
        "machine.state.closing.prepare: there is no state opning",
        "machine.state.closing.go[1].to: says no condition",
        "machine.state.closing.go[2].after_s: must be positive",
        "machine.state.closing.go[0].loaded: needs machine.seat_sensor",
        "machine.state.stuck: is never reached from opened",
        "nest.rack.on: the station has no part drawer",
        "part.tray.speed_per_s: must be positive",
        "machine.state.opening.parts.tray: is 1.5",
        "machine.state.opening.parts.hatch: the station has no part hatch",
    ];
    told("photocatalysis", "stations/gc.toml", &edits, &expected);
}

#[test]
fn a_state_that_nothing_leads_to_is_named() {
    let edits = [("{ to = \"stuck\", after_s = 15.0 },\n", ""), (", { to = \"stuck\", after_s = 15.0 }", "")];
    told("photocatalysis", "stations/gc.toml", &edits, &["machine.state.stuck: is never reached from open"]);
}

#[test]
fn a_machine_that_never_lets_a_hand_in_and_parts_without_one_are_refused() {
    let edits = [("ready = true\n", "")];
    told("photocatalysis", "stations/capper.toml", &edits, &["machine.state: no state is ready for a hand"]);
    let file = "stations/gc.toml";
    let text = read("maps/photocatalysis", file).unwrap();
    let machine = &text[text.find("[machine]").unwrap()..];
    told("photocatalysis", file, &[(machine, "")], &["gc.toml: machine: is missing"]);
}

#[test]
fn a_turntable_without_a_stop_for_a_nest_is_refused() {
    let edits = [("stops = { front = 0.0, back = 1.0 }", "stops = { front = 0.0, side = 1.5 }")];
    let expected = [
        "part.ring.stops does not have nest back",
        "part.ring.stops.side: is 1.5",
        "part.ring.stops.side: the station has no nest side",
    ];
    told("flow-synthesis", "stations/balance.toml", &edits, &expected);
}

#[test]
fn a_part_that_a_hand_cannot_move_is_named_with_what_it_lacks() {
    let file = "stations/antechamber.toml";
    let hand = "hand = { knob = \"knob\", drag_n = 3.0, most_n = 15.0 }";
    let all = [
        (hand, "hand = { knob = \"handle\", drag_n = -3.0, most_n = 2.0 }"),
        ("parts = { hatch = 1.0 }\nrelease = \"closing\"\ngo", "parts = { hatch = 1.0 }\ngo"),
    ];
    let expected = [
        "part.hatch.hand.knob: the part has no shape handle",
        "part.hatch.hand.drag_n: must be positive",
        "machine.state.vented.release: is missing: it waits for a hand that moves hatch",
    ];
    told("electrolytes", file, &all, &expected);
    let knob = "cylinder = { radius_m = 0.011, height_m = 0.04 }";
    for (edit, words) in [
        (
            (hand, "hand = { knob = \"hatch\", drag_n = 3.0, most_n = 15.0 }"),
            "knob: hatch must be a cylinder",
        ),
        (
            (hand, "hand = { knob = \"knob\", drag_n = 3.0, most_n = 5.0 }"),
            "most_n: must be at least twice drag_n",
        ),
        (
            (knob, "cylinder = { radius_m = 0.011, height_m = 0.02 }"),
            "knob is 20 mm long, fingers need 30 mm",
        ),
    ] {
        told("electrolytes", file, &[edit], &[words]);
    }
    let on_axis = [("xyz = [0.12, -0.07, 1.01]", "xyz = [0.27, 0.16, 1.01]")];
    told("electrolytes", "stations/potentiostat.toml", &on_axis, &["knob does not move with the part"]);
    let robot = Robot::load(&|file| read("robot/description/omni7", file)).unwrap();
    let thick = [(knob, "cylinder = { radius_m = 0.021, height_m = 0.04 }")];
    let site = spoilt("electrolytes", file, &thick).unwrap();
    let found = site.check_robot(&robot).iter().map(ToString::to_string).collect::<String>();
    let words = "part.hatch.hand.knob: needs fingers 54 mm apart, the gripper of omni7 opens 50 mm";
    assert!(found.contains(words), "{found}");
}

#[test]
fn a_tray_that_runs_into_another_station_is_named() {
    let edits = [("travel_m = 0.29", "travel_m = -6.3")];
    told("photocatalysis", "stations/gc.toml", &edits, &["(stations/gc.toml: part.tray.shapes[0])"]);
}

#[test]
fn a_deck_nest_that_the_robot_does_not_have_is_named() {
    let robot = Robot::load(&|file| read("robot/description/omni7", file)).unwrap();
    let site = spoilt("thin-films", "site.toml", &[("deck = { rack", "deck = { hold")]).unwrap();
    let found: Vec<String> = site.check_robot(&robot).iter().map(ToString::to_string).collect();
    assert!(
        found.iter().any(|words| words.contains("site.toml: deck.hold: the deck of omni7 has no such nest"))
    );
    assert!(found.iter().any(|words| words.contains("no rack type rack_2x4")), "{found:?}");
}

#[test]
fn a_station_in_a_keep_out_zone_and_a_file_of_zones_that_is_missing_are_named() {
    let with = |zones: Option<&str>| {
        Site::load(&|name| match (name, zones) {
            ("zones.toml", Some(zones)) => Ok(zones.to_owned()),
            ("zones.toml", None) => Err("cannot be read".to_owned()),
            ("site.toml", _) => {
                let text = read("maps/photocatalysis", name)?;
                Ok(text.replacen("schema = 1\n", "schema = 1\nzones = \"zones.toml\"\n", 1))
            }
            _ => read("maps/photocatalysis", name),
        })
    };
    let zone = |polygon: &str| {
        format!("schema = 1\n[[zone]]\nname = 'all'\nkind = 'keep-out'\npolygon = {polygon}\n")
    };
    let all = with(Some(&zone("[[0, 0], [90, 0], [90, 90], [0, 90]]"))).unwrap_err().to_string();
    for words in [
        "zones.toml: zone.all.polygon: the start at (1.30, 3.40) lies within",
        "the staging pose of station gc at",
        "the docked pose of station photolysis at",
    ] {
        assert!(all.contains(words), "{words:?} not in {all}");
    }
    assert!(with(None).unwrap_err().to_string().contains("zones.toml: cannot be read"));
    let good = with(Some(&zone("[[50, 50], [51, 50], [51, 51]]"))).unwrap();
    assert_eq!(good.zones.len(), 1);
}

#[test]
fn two_docks_of_one_name_are_told_once_with_file_and_key() {
    let twice = spoilt("photocatalysis", "site.toml", &[("\"gc\"", "\"gc\", \"gc\"")]).unwrap_err();
    let twice: Vec<String> = twice.0.iter().map(ToString::to_string).collect();
    assert_eq!(twice, ["site.toml: stations: gc is named twice"]);
    let edits = [("id = \"gc\"", "id = \"capper\"")];
    told(
        "photocatalysis",
        "stations/gc.toml",
        &edits,
        &["stations/gc.toml: id: is capper, but the file's name says gc"],
    );
}
