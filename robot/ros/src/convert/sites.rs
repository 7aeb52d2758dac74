//! The handshake with stations: `nightshift_interfaces/srv/Handshake` and [`nightshift_core::handshake`].

use super::{BadMessage, bad, text};
use nightshift_core::StationId;
use nightshift_core::handshake::{Purpose, Reach, SiteAnswer, SiteCall, Verb};
use r2r::nightshift_interfaces::srv::Handshake;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A word of a closed list as the interface spells it.
fn spoken(word: &impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("a unit variant serialises as a string, not {other:?}"),
    }
}

fn heard<T: DeserializeOwned>(field: &str, word: &str) -> Result<T, BadMessage> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|_| BadMessage(format!("{field} {word:?} is no word of the interface")))
}

/// What is asked.
pub fn to_request(call: &SiteCall) -> Handshake::Request {
    let reach = call.reach.as_ref();
    Handshake::Request {
        verb: spoken(&call.verb),
        token: text(&call.token),
        nest: reach.map_or_else(String::new, |reach| text(reach.nest.as_str())),
        slot: reach.map_or_else(String::new, |reach| text(reach.slot.as_str())),
        purpose: reach.map_or_else(String::new, |reach| spoken(&reach.purpose)),
    }
}

/// What is asked of `station`.
pub fn from_request(station: &StationId, request: &Handshake::Request) -> Result<SiteCall, BadMessage> {
    let verb: Verb = heard("verb", &request.verb)?;
    let reach = match (request.nest.as_str(), request.slot.as_str()) {
        ("", "") => None,
        (nest, slot) => {
            let purpose = match (verb, request.purpose.as_str()) {
                (Verb::Prepare, word) => heard("purpose", word)?,
                _ => Purpose::Look,
            };
            Some(Reach { nest: nest.into(), slot: slot.into(), purpose })
        }
    };
    Ok(SiteCall { station: station.clone(), verb, token: request.token.clone(), reach })
}

/// What a station says.
pub fn to_response(answer: &SiteAnswer) -> Handshake::Response {
    Handshake::Response {
        verdict: spoken(&answer.verdict),
        state: text(answer.state.as_str()),
        ready: answer.ready,
        seated: match answer.seated {
            Some(true) => "YES".to_owned(),
            Some(false) => "NO".to_owned(),
            None => "UNKNOWN".to_owned(),
        },
        holder: text(answer.holder.as_deref().unwrap_or_default()),
        wait_s: answer.wait_s.unwrap_or(-1.0),
        parts: answer.parts.keys().map(|part| text(part.as_str())).collect(),
        positions: answer.parts.values().copied().collect(),
        message: text(&answer.message),
    }
}

/// What a station says.
pub fn from_response(response: &Handshake::Response) -> Result<SiteAnswer, BadMessage> {
    if response.parts.len() != response.positions.len() {
        let (parts, positions) = (response.parts.len(), response.positions.len());
        return bad(format!("{parts} parts with {positions} positions"));
    }
    if response.positions.iter().any(|position| !position.is_finite()) {
        return bad("a position is not finite");
    }
    let parts =
        response.parts.iter().map(|part| part.as_str().into()).zip(response.positions.iter().copied());
    Ok(SiteAnswer {
        verdict: heard("verdict", &response.verdict)?,
        state: response.state.as_str().into(),
        ready: response.ready,
        seated: match response.seated.as_str() {
            "YES" => Some(true),
            "NO" => Some(false),
            _ => None,
        },
        holder: (!response.holder.is_empty()).then(|| response.holder.clone()),
        wait_s: (response.wait_s >= 0.0 && response.wait_s.is_finite()).then_some(response.wait_s),
        parts: parts.collect(),
        message: response.message.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::handshake::Verdict;

    #[test]
    fn calls_and_answers_read_back_and_nonsense_is_told() {
        let reach = Reach { nest: "rack".into(), slot: "A1".into(), purpose: Purpose::Take };
        let call =
            SiteCall { station: "gc".into(), verb: Verb::Prepare, token: "J1".into(), reach: Some(reach) };
        assert_eq!(to_request(&call).verb, "PREPARE");
        assert_eq!(from_request(&"gc".into(), &to_request(&call)).unwrap(), call);
        let status = SiteCall { verb: Verb::Status, reach: None, ..call };
        assert_eq!(from_request(&"gc".into(), &to_request(&status)).unwrap(), status);
        let wrong = Handshake::Request { verb: "OPEN".into(), ..to_request(&status) };
        assert!(from_request(&"gc".into(), &wrong).unwrap_err().to_string().contains("\"OPEN\""));

        let answer = SiteAnswer {
            verdict: Verdict::Interlock,
            state: "burning".into(),
            ready: false,
            seated: Some(false),
            holder: None,
            wait_s: None,
            parts: [("lid".into(), 0.25)].into(),
            message: "the lamp burns".into(),
        };
        assert_eq!(from_response(&to_response(&answer)).unwrap(), answer);
        let mut wrong = to_response(&answer);
        wrong.positions.clear();
        assert!(from_response(&wrong).is_err());
        assert!(from_response(&Handshake::Response::default()).is_err(), "an empty verdict is none");
    }
}
