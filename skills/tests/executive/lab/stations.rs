//! The stations' side of the handshake.

use super::{Lab, Truth};
use nightshift_core::handshake::{SiteAnswer, SiteCall, Verb, Verdict};
use nightshift_core::{Address, Code, Failure, PartId};
use std::time::Duration;

impl Lab {
    pub(super) fn site(&mut self, call: &SiteCall) -> Result<SiteAnswer, Failure> {
        self.commands.push(format!("{:?} {}", call.verb, call.station));
        if self.faults.site_deaf > 0 {
            self.faults.site_deaf -= 1;
            return Err(Failure::new(Code::SiteUnavailable, "nobody answers"));
        }
        let station = self.site.stations[&call.station].clone();
        let machine = station.machine.as_ref().expect("only stations with a handshake are asked");
        let (ready_state, _) = machine.ready_states().next().unwrap();
        let drive = self.robot.arm.posture("drive").unwrap();
        let off = drive.iter().zip(self.joints()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let arm_out = off < 0.05 && self.motion.is_none();
        let now = self.now;
        let by_hand = station.parts.iter().filter(|(_, part)| part.hand.is_some());
        let told = |part| self.faults.parts_told.unwrap_or_else(|| self.part_at(&call.station, part));
        let by_hand: Vec<(PartId, f64)> = by_hand.map(|(part, _)| (part.clone(), told(part))).collect();
        let site = self.sites.entry(call.station.clone()).or_default();
        let mine = site.holder.as_deref() == Some(call.token.as_str());
        let mut verdict = Verdict::Ok;
        match call.verb {
            Verb::Prepare => {
                assert!(!call.token.is_empty() && call.reach.is_some());
                verdict = self.faults.site_verdicts.pop_front().unwrap_or(Verdict::Ok);
                if site.holder.is_some() && !mine {
                    verdict = Verdict::Busy;
                }
                if verdict == Verdict::Ok && !mine {
                    assert!(arm_out, "{} opens while the arm is out by {off} rad", call.station);
                    site.holder = Some(call.token.clone());
                    site.ready_at = now + Duration::from_secs(2);
                }
            }
            Verb::Release if mine => {
                assert!(arm_out, "{} closes while the arm is out by {off} rad", call.station);
                site.holder = None;
            }
            Verb::Status if self.faults.site_breaks => verdict = Verdict::Fault,
            Verb::Release | Verb::Seated | Verb::Status => {}
        }
        let mine = site.holder.as_deref() == Some(call.token.as_str());
        let holds = site.holder.is_some();
        let mut ready = mine && now >= site.ready_at && !self.faults.site_slow;
        let mut state = if ready { ready_state } else { &machine.start };
        let wants = station.part_positions(ready_state, None);
        if by_hand.iter().any(|(part, at)| (wants[part] - at).abs() > 0.01) {
            ready = false;
            state = &machine.start;
            if holds {
                state = machine.states[state].prepare.as_ref().unwrap();
            }
        } else if !by_hand.is_empty() {
            state = if holds { ready_state } else { machine.states[ready_state].release.as_ref().unwrap() };
        }
        let mut parts = station.part_positions(state, call.reach.as_ref().map(|reach| &reach.nest));
        parts.extend(by_hand);
        if self.faults.site_half_open {
            parts.values_mut().for_each(|position| *position = 0.5);
        }
        let seated = call.reach.as_ref().filter(|_| call.verb == Verb::Seated).map(|reach| {
            let slot =
                Address { station: call.station.clone(), nest: reach.nest.clone(), slot: reach.slot.clone() };
            !self.faults.site_blind && self.vials.values().any(|vial| vial.at == Truth::Slot(slot.clone()))
        });
        Ok(SiteAnswer {
            verdict,
            state: state.clone(),
            ready,
            seated,
            holder: site.holder.clone(),
            wait_s: None,
            parts,
            message: "so it is".into(),
        })
    }

    pub(super) fn assert_ready(&self, address: &Address) {
        let station = self.site.stations.get(&address.station);
        if station.is_some_and(|station| station.machine.is_some()) {
            let site = self.sites.get(&address.station);
            let ready = site.is_some_and(|site| site.holder.is_some() && self.now >= site.ready_at);
            assert!(ready, "the fingers act at {address}, which is not ready: {site:?}");
        }
    }
}
