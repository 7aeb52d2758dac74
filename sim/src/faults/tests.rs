use super::*;
use proptest::prelude::*;

fn reason(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_catalogue_has_at_least_sixty_entries_that_can_be_told_apart() {
    assert!(CATALOGUE.len() >= 60, "{}", CATALOGUE.len());
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    for (index, spec) in CATALOGUE.iter().enumerate() {
        let same = CATALOGUE[..index].iter().any(|o| (o.component, o.name) == (spec.component, spec.name));
        assert!(!same && plain(spec.name), "{} {}", spec.component.name(), spec.name);
        assert!(spec.parameters.iter().all(|parameter| plain(parameter.name)));
    }
}

#[test]
fn units_and_times_are_understood() {
    let planned = parse("rack.photolysis/rack.shift(x=5mm, yaw=-2 deg) at phase CARRY + 1s").unwrap();
    assert_eq!(planned.fault.target, "photolysis/rack");
    assert_eq!(planned.fault.what(), What::RackShift);
    assert_eq!(planned.fault.number("x"), 0.005);
    assert_eq!(planned.fault.number("y"), 0.0);
    assert!((planned.fault.number("yaw") + 2f64.to_radians()).abs() < 1e-12);
    assert_eq!(planned.when, When::After(Event::Phase(Phase::Carry), 1.0));
    let when = |text: &str| parse(text).unwrap().when;
    assert_eq!(when("gripper.slip"), When::Now);
    assert_eq!(when("gripper.slip at 1.5min"), When::At(90.0));
    assert_eq!(when("gripper.slip  at lift+500ms "), When::After(Event::Lift, 0.5));
    let drop = parse("scanner.front.drop(share=30%)").unwrap().fault;
    assert!((drop.number("share") - 0.3).abs() < 1e-12 && drop.lasting_s().is_infinite());
    assert_eq!(parse("base.stuck_wheel(wheel=rear_left)").unwrap().fault.word("wheel"), "rear_left");
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_the_nearest_name() {
    let cases = [
        ("", "nothing is no component"),
        ("scaner.front.freeze", "did you mean scanner?"),
        ("scanner.front.freez(for=3s)", "did you mean freeze?"),
        ("scanner.front.freez(for=3s)", "at character 15, before \"freez(for=3s)\""),
        ("scanner.freeze", "which scanner? Write scanner.SCANNER.freeze"),
        ("scanner", "the fault's name is missing"),
        ("odometry.left.loss", "there is one odometry only"),
        ("scanner.front.freeze(4)", "4 is no parameter of scanner.freeze"),
        ("scanner.front.freeze(for)", "write for=1s or for=1ms or for=1min"),
        ("scanner.front.freeze(for=3)", "write for=1s"),
        ("scanner.front.freeze(for=3mm)", "write for=1s"),
        ("scanner.front.freeze(for=nan)", "write for=1s"),
        ("scanner.front.freeze(for=3s, for=4s)", "given twice"),
        ("scanner.front.freeze(for=-3s)", "must lie within"),
        ("scanner.front.freeze(for=3s", "the bracket is not closed"),
        ("scanner.front.freeze(for=3s) now", "goes on with: at 12s"),
        ("scanner.front.freeze(for=3s) at noon", "noon is no time or event"),
        ("scanner.front.freeze(for=3s) at phase CARY", "did you mean CARRY?"),
        ("scanner.front.freeze(for=3s) at 3s later", "nothing may follow"),
        ("scanner.front.freeze(for=3s) at lift + soon", "a time is written"),
        ("scanner.front.delay", "by is missing: write by=1s"),
        ("base.stuck_wheel(wheel=front)", "front is no wheel"),
        ("vial.S-001.swapped(with=)", "write with=NAME"),
        ("kettle.boils", "kettle is no component; there are: scanner"),
    ];
    for (text, words) in cases {
        let reason = reason(text);
        assert!(reason.contains(words), "{text}: {reason}");
    }
}

#[test]
fn a_schedule_hands_out_each_fault_once_when_it_is_due() {
    let mut schedule = Schedule::default();
    for text in ["gripper.slip at 2s", "gripper.jam at lift + 1s", "camera.dark"] {
        schedule.add(parse(text).unwrap());
    }
    let names = |due: Vec<Fault>| due.iter().map(|fault| fault.spec.name).collect::<Vec<_>>();
    assert_eq!(names(schedule.due(0.0)), ["dark"]);
    schedule.note(1.5, Event::Lift);
    schedule.note(9.0, Event::Lift);
    assert_eq!(names(schedule.due(2.4)), ["slip"]);
    assert_eq!(names(schedule.due(2.5)), ["jam"]);
    assert_eq!(names(schedule.due(99.0)), [""; 0]);
}

proptest! {
    /// Whatever is written, the answer is a fault or words: never a panic.
    #[test]
    fn nonsense_is_refused_in_words(text in "[a-z./()=, +0-9%é]{0,40}") {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// What is written out reads back as the same.
    #[test]
    fn a_fault_reads_back(index in 0..CATALOGUE.len(), share in 0.01f64..0.99, at in 0.0f64..100.0) {
        let spec = &CATALOGUE[index];
        let target = if spec.component.target().is_some() { ".a/b-1" } else { "" };
        let values: Vec<String> = spec.parameters.iter().map(|p| match p.kind {
            ParameterKind::Number { unit, least, most, .. } => {
                let (low, high) = (least.max(-50.0), most.min(50.0));
                format!("{}={}{}", p.name, low + share * (high - low), unit.symbol())
            }
            ParameterKind::Word { choices } => format!("{}={}", p.name, choices.first().unwrap_or(&"abc")),
        }).collect();
        let text = format!("{}{target}.{}({}) at {at}s", spec.component.name(), spec.name, values.join(","));
        let planned = parse(&text).unwrap();
        prop_assert_eq!(parse(&planned.to_string()).unwrap(), planned);
    }
}
