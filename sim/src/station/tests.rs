use super::*;
use crate::testing::site;
use proptest::prelude::*;

/// The bundled gas chromatograph, but with its tray in while nobody wants it.
fn gc() -> Behaviour {
    let mut station = site().stations[&"gc".into()].clone();
    let machine = station.machine.as_mut().unwrap();
    let parts = machine.states[&"closing".into()].parts.clone();
    let closed = MachineState { parts, prepare: Some("opening".into()), ..MachineState::default() };
    machine.states.insert("closed".into(), closed);
    machine.start = "closed".into();
    for (state, go) in [("measuring", 0), ("closing", 1)] {
        machine.states.get_mut(&state.into()).unwrap().go[go].to = "closed".into();
    }
    Behaviour::new(&station).unwrap()
}

fn at(seconds: f64) -> Stamp {
    Stamp::from_seconds(seconds)
}

fn reach(slot: &str, purpose: Purpose) -> Option<Reach> {
    Some(Reach { nest: "rack".into(), slot: slot.into(), purpose })
}

fn call(verb: Verb, token: &str, reach: Option<Reach>) -> SiteCall {
    SiteCall { station: "gc".into(), verb, token: token.into(), reach }
}

fn prepare(token: &str, slot: &str, purpose: Purpose) -> SiteCall {
    call(Verb::Prepare, token, reach(slot, purpose))
}

/// The tray there, and something in these slots.
fn senses(tray: f64, occupied: &[&str]) -> Senses {
    let slots = occupied.iter().map(|slot| (NestId::from("rack"), SlotId::from(*slot)));
    Senses { parts: [("tray".into(), tray)].into(), occupied: slots.collect() }
}

#[test]
fn a_visit_opens_waits_closes_and_starts_the_programme() {
    let mut gc = gc();
    let closed = senses(1.0, &[]);
    let answer = gc.call(at(1.0), &prepare("J1", "A1", Purpose::Place), &closed);
    assert_eq!((answer.verdict, answer.ready, answer.state.as_str()), (Verdict::Ok, false, "opening"));
    assert_eq!(gc.targets()[&"tray".into()], 0.0);
    gc.advance(at(2.0), &senses(0.5, &[]));
    assert!(!gc.call(at(2.0), &call(Verb::Status, "J1", None), &senses(0.5, &[])).ready);
    gc.advance(at(3.5), &senses(0.0, &[]));
    let open = senses(0.0, &["A1"]);
    assert!(gc.call(at(3.6), &call(Verb::Status, "J1", None), &open).ready);
    assert!(
        !gc.call(at(3.6), &call(Verb::Status, "other", None), &open).ready,
        "ready is for its holder only"
    );
    let seated = gc.call(at(9.0), &call(Verb::Seated, "J1", reach("A1", Purpose::Place)), &open);
    assert_eq!(seated.seated, Some(true));
    assert_eq!(
        gc.call(at(9.0), &call(Verb::Seated, "J1", reach("A2", Purpose::Place)), &open).seated,
        Some(false)
    );
    let answer = gc.call(at(10.0), &call(Verb::Release, "J1", None), &open);
    assert_eq!((answer.verdict, answer.state.as_str(), answer.holder), (Verdict::Ok, "closing", None));
    gc.advance(at(13.0), &senses(1.0, &["A1"]));
    assert_eq!(gc.state().as_str(), "measuring");
    let busy = gc.call(at(14.0), &prepare("J2", "A1", Purpose::Take), &senses(1.0, &["A1"]));
    assert_eq!((busy.verdict, busy.wait_s), (Verdict::Busy, Some(19.0)));
    assert!(busy.message.contains("chromatogram"), "{}", busy.message);
    gc.advance(at(33.0), &senses(1.0, &["A1"]));
    assert_eq!(gc.state().as_str(), "closed");
}

#[test]
fn the_same_wish_again_is_the_same_wish_and_another_hand_waits() {
    let mut gc = gc();
    let closed = senses(1.0, &[]);
    gc.call(at(1.0), &prepare("J1", "A1", Purpose::Place), &closed);
    let again = gc.call(at(1.5), &prepare("J1", "A1", Purpose::Place), &closed);
    assert_eq!((again.verdict, again.state.as_str()), (Verdict::Ok, "opening"));
    let other = gc.call(at(2.0), &prepare("J2", "A2", Purpose::Place), &closed);
    assert_eq!(other.verdict, Verdict::Busy);
    assert_eq!(gc.call(at(2.0), &call(Verb::Release, "J2", None), &closed).verdict, Verdict::Ok);
    assert_eq!(gc.holder(), Some("J1"), "who does not hold it cannot let go of it");
}

#[test]
fn what_makes_no_sense_or_is_broken_is_refused_in_words() {
    let mut gc = gc();
    let closed = senses(1.0, &["A1"]);
    for (call, words) in [
        (prepare("J1", "A1", Purpose::Place), "rack/A1 is occupied"),
        (prepare("J1", "A2", Purpose::Take), "rack/A2 is empty"),
        (prepare("", "A2", Purpose::Place), "token"),
        (call(Verb::Prepare, "J1", None), "no nest"),
    ] {
        let answer = gc.call(at(1.0), &call, &closed);
        assert_eq!(answer.verdict, Verdict::Refused, "{words}");
        assert!(answer.message.contains(words), "{}", answer.message);
        assert_eq!(gc.holder(), None);
    }
    gc.call(at(2.0), &prepare("J1", "A2", Purpose::Place), &closed);
    gc.advance(at(17.5), &senses(0.6, &["A1"]));
    assert_eq!(gc.state().as_str(), "stuck", "a tray that does not come to its end is noticed");
    let answer = gc.call(at(18.0), &prepare("J2", "A2", Purpose::Place), &senses(0.6, &["A1"]));
    assert_eq!(answer.verdict, Verdict::Fault, "whoever holds it");
    gc.call(at(18.0), &call(Verb::Release, "J1", None), &senses(0.6, &["A1"]));
    assert_eq!(gc.holder(), None);
    gc.suffer(Trouble { broken: true, ..Trouble::default() });
    assert_eq!(gc.call(at(19.0), &call(Verb::Status, "", None), &closed).verdict, Verdict::Fault);
}

proptest! {
    /// Whatever is asked in whatever order: it is ready for its holder only, never while its tray is under way, and a
    /// station that nobody holds comes to rest closed.
    #[test]
    fn no_hand_is_let_in_while_parts_move(
        steps in prop::collection::vec((0usize..4, 0usize..2, 0usize..2, any::<bool>()), 1..60)
    ) {
        let mut gc = gc();
        let (mut tray, mut now, mut occupied) = (1.0f64, 0.0, false);
        for (verb, token, slot, toggle) in steps {
            let verb = [Verb::Prepare, Verb::Seated, Verb::Release, Verb::Status][verb];
            let (token, slot) = (["J1", "J2"][token], ["A1", "A2"][slot]);
            let purpose = if occupied { Purpose::Take } else { Purpose::Place };
            for _ in 0..20 {
                now += 0.02;
                let to = gc.targets()[&"tray".into()];
                tray += (to - tray).clamp(-0.01, 0.01);
                let slots: &[&str] = if occupied { &["A1"] } else { &[] };
                gc.advance(at(now), &senses(tray, slots));
            }
            let slots: &[&str] = if occupied { &["A1"] } else { &[] };
            let answer = gc.call(at(now), &call(verb, token, reach(slot, purpose)), &senses(tray, slots));
            if answer.ready {
                prop_assert_eq!(answer.holder.as_deref(), Some(token));
                prop_assert!(tray <= ARRIVED, "ready with the tray at {}", tray);
                occupied ^= toggle;
            }
        }
        for token in ["J1", "J2"] {
            gc.call(at(now), &call(Verb::Release, token, None), &senses(tray, &[]));
        }
        for _ in 0..3000 {
            now += 0.02;
            tray += (gc.targets()[&"tray".into()] - tray).clamp(-0.01, 0.01);
            gc.advance(at(now), &senses(tray, &[]));
        }
        prop_assert_eq!(gc.state().as_str(), "closed");
    }
}
