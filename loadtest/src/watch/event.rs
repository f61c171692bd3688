//! What watchers are told: each distinct event kept once, however many got it.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

/// Every event that was told to anybody, in the order of their first arrival.
#[derive(Debug, Default)]
pub(super) struct Told {
    events: Vec<Event>,
}

/// One event.
#[derive(Debug)]
struct Event {
    data: Vec<u8>,
    server_time: Timestamp,
}

impl Told {
    /// The place of the event with this data, and the server's time in it.
    ///
    /// # Errors
    /// When the data are not those of an availability.
    pub(super) fn place(&mut self, data: &[u8]) -> Result<(usize, Timestamp)> {
        // Watchers are told the same within moments of each other, so that it is one of the last.
        if let Some(place) = self.events.iter().rposition(|event| event.data == data) {
            return Ok((place, self.events[place].server_time));
        }
        let value: Value = serde_json::from_slice(data).context("the data of an event are not JSON")?;
        let server_time = value["server_time"].as_str().context("an event without server_time")?.parse()?;
        self.events.push(Event { data: data.to_vec(), server_time });
        Ok((self.events.len() - 1, server_time))
    }

    /// Which events say what `truth` says, but for the server's time.
    pub(super) fn agreeing(&self, truth: &Value) -> Vec<bool> {
        let timeless = |mut value: Value| {
            value.as_object_mut().map(|members| members.remove("server_time"));
            value
        };
        let truth = timeless(truth.clone());
        let says_so = |event: &Event| serde_json::from_slice(&event.data).is_ok_and(|value| timeless(value) == truth);
        self.events.iter().map(says_so).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_event_has_one_place_and_agrees_whatever_the_time() {
        let mut told = Told::default();
        let first = br#"{"server_time":"2026-12-01T00:00:00.250Z","left":3}"#;
        let second = br#"{"server_time":"2026-12-01T00:00:00.500Z","left":2}"#;
        let (place, server_time) = told.place(first).expect("an event");
        assert_eq!((place, server_time.as_millisecond()), (0, 1_796_083_200_250));
        assert_eq!(told.place(second).expect("an event").0, 1);
        assert_eq!(told.place(first).expect("an event").0, 0);
        assert_eq!(told.agreeing(&json!({"server_time": "later", "left": 2})), [false, true]);
        assert!(told.place(b"{}").is_err() && told.place(b"no").is_err());
    }
}
