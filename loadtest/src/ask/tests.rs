//! Every question is asked until it is answered, and given up when it never is.

use serde_json::{Value, json};

use super::*;
use crate::stub;

/// Asks for `/0`, `/1` and so on.
#[derive(Debug)]
struct Paths {
    answers: Vec<u32>,
    unanswered: u32,
    given_up: Vec<usize>,
}

impl Questions for Paths {
    fn count(&self) -> usize {
        self.answers.len()
    }

    fn write(&mut self, place: usize, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(format!("GET /{place} HTTP/1.1\r\n\r\n").as_bytes());
    }

    fn answered(&mut self, place: usize, reply: &Reply<'_>) -> bool {
        self.answers[place] += 1;
        reply.status == 200
    }

    fn unanswered(&mut self, _: usize) {
        self.unanswered += 1;
    }

    fn given_up(&mut self, place: usize) {
        self.given_up.push(place);
    }
}

fn asked(answer: impl FnMut(&str, &str, &Value) -> (u16, Value) + Send + 'static) -> Paths {
    let mut paths = Paths { answers: vec![0; 10], unanswered: 0, given_up: Vec::new() };
    ask(stub::serve(answer), 3, &mut paths, &ProgressBar::hidden()).expect("a server");
    paths
}

/// Every question is answered but the one for `/5`, which has the status that `five` says.
fn asked_of_five(mut five: impl FnMut() -> u16 + Send + 'static) -> Paths {
    asked(move |_, path, _| (if path == "/5" { five() } else { 200 }, json!({})))
}

#[test]
fn every_question_is_asked_once_where_each_is_answered() {
    let paths = asked(|_, _, _| (200, json!({})));
    assert_eq!((paths.answers, paths.given_up), (vec![1; 10], vec![]));
}

#[test]
fn a_busy_server_is_asked_again() {
    let mut requests = 0;
    let paths = asked(move |_, _, _| {
        requests += 1;
        (if requests % 3 == 0 { 200 } else { 503 }, json!({}))
    });
    assert_eq!((paths.answers.iter().sum::<u32>(), paths.given_up), (30, vec![]));
}

#[test]
fn a_question_without_an_answer_is_asked_again() {
    let mut asked = 0;
    let paths = asked_of_five(move || {
        asked += 1;
        if asked == 1 { 0 } else { 200 }
    });
    assert_eq!((paths.answers, paths.unanswered, paths.given_up), (vec![1; 10], 1, vec![]));
}

#[test]
fn a_question_that_is_never_answered_is_given_up() {
    let paths = asked_of_five(|| 503);
    assert_eq!((paths.answers[5], paths.given_up), (u32::from(ATTEMPTS_MAX), vec![5]));
}
