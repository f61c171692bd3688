//! Owns the reading of a body field by field: what is missing, wrong, unknown or repeated is noted by JSON Pointer
//! (RFC 6901) and reading goes on, so that one answer names every fault.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use super::json::Json;

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where, as a JSON Pointer into the body; empty: the body as a whole.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl FieldError {
    /// A fault of the field at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// How many faults one answer names.
const ERRORS_MAX: usize = 32;

/// Gathers the faults of one body.
#[derive(Debug, Default)]
pub struct Faults(RefCell<Vec<FieldError>>);

impl Faults {
    /// Reads `body`, an object, by `read`; gives what it made unless there was a fault.
    ///
    /// # Errors
    /// The faults, at least one.
    pub fn read<T>(body: &[u8], read: impl FnOnce(&mut Object<'_>) -> Option<T>) -> Result<T, Vec<FieldError>> {
        let json = Json::parse(body).map_err(|detail| vec![FieldError::new("", detail)])?;
        let faults = Faults::default();
        let value = At { faults: &faults, pointer: String::new() }.object(&json, read);
        let errors = faults.0.into_inner();
        match value {
            Some(value) if errors.is_empty() => Ok(value),
            Some(_) | None => {
                assert!(!errors.is_empty(), "a body was refused without a reason");
                Err(errors)
            }
        }
    }
}

/// A place in the body.
#[derive(Debug)]
pub struct At<'f> {
    faults: &'f Faults,
    pointer: String,
}

impl<'f> At<'f> {
    /// Notes a fault here.
    pub fn wrong<T>(&self, detail: impl Into<String>) -> Option<T> {
        let mut errors = self.faults.0.borrow_mut();
        if errors.len() < ERRORS_MAX {
            errors.push(FieldError::new(self.pointer.as_str(), detail));
        }
        None
    }

    /// The place of a member or an element of what is here.
    pub fn inner(&self, name: impl AsRef<str>) -> At<'f> {
        let name = name.as_ref().replace('~', "~0").replace('/', "~1");
        At { faults: self.faults, pointer: format!("{}/{name}", self.pointer) }
    }

    /// Reads the object that must stand here, and notes what of it `read` has not asked for.
    pub fn object<'j, T>(&self, json: &'j Json, read: impl FnOnce(&mut Object<'j>) -> Option<T>) -> Option<T>
    where
        'f: 'j,
    {
        let Json::Object(members) = json else {
            return self.wrong(format!("must be an object, not {}", json.kind()));
        };
        let mut object = Object {
            at: At { faults: self.faults, pointer: self.pointer.clone() },
            members: members.iter().map(|(name, value)| Member { name, value, known: Cell::new(false) }).collect(),
        };
        let value = read(&mut object);
        object.close();
        value
    }

    /// Reads each element of the array that must stand here.
    pub fn array<'j, T>(
        &self,
        json: &'j Json,
        count_max: usize,
        mut read: impl FnMut(&'j Json, &At<'f>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Json::Array(items) = json else {
            return self.wrong(format!("must be an array, not {}", json.kind()));
        };
        if items.len() > count_max {
            return self.wrong(format!("must hold at most {count_max} elements"));
        }
        let read: Vec<Option<T>> =
            items.iter().enumerate().map(|(index, item)| read(item, &self.inner(index.to_string()))).collect();
        read.into_iter().collect()
    }

    /// The string that must stand here.
    pub fn text<'j>(&self, json: &'j Json) -> Option<&'j str> {
        match json {
            Json::Text(text) => Some(text),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                self.wrong(format!("must be a string, not {}", json.kind()))
            }
        }
    }

    /// The string that must stand here, read by `parse`.
    pub fn parsed<T, E: std::fmt::Display>(&self, json: &Json, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.text(json)?;
        parse(text).map_or_else(|error| self.wrong(error.to_string()), Some)
    }

    /// One of the words in `choices`, which must stand here.
    pub fn choice<T: Copy>(&self, json: &Json, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(json)?;
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*choice);
        }
        let mut detail = String::from("must be ");
        for (index, (word, _)) in choices.iter().enumerate() {
            let joint = if index == 0 { "" } else { " or " };
            write!(detail, "{joint}\"{word}\"").expect("a string takes all");
        }
        self.wrong(detail)
    }

    /// The `true` or `false` that must stand here.
    pub fn bool(&self, json: &Json) -> Option<bool> {
        match json {
            Json::Bool(value) => Some(*value),
            Json::Null | Json::Text(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                self.wrong(format!("must be true or false, not {}", json.kind()))
            }
        }
    }

    /// The whole number from `min` to `max` that must stand here.
    pub fn whole(&self, json: &Json, min: u32, max: u32) -> Option<u32> {
        let number = match json {
            Json::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Json::Null | Json::Bool(_) | Json::Text(_) | Json::Array(_) | Json::Object(_) => None,
        };
        match number {
            Some(number) if (min..=max).contains(&number) => Some(number),
            Some(_) | None => self.wrong(format!("must be a whole number from {min} to {max}")),
        }
    }
}

#[derive(Debug)]
struct Member<'j> {
    name: &'j str,
    value: &'j Json,
    known: Cell<bool>,
}

/// An object whose members are asked for one by one. What nobody asked for is unknown.
#[derive(Debug)]
pub struct Object<'j> {
    at: At<'j>,
    members: Vec<Member<'j>>,
}

impl<'j> Object<'j> {
    /// Where the object stands.
    pub fn at(&self) -> &At<'j> {
        &self.at
    }

    /// A member that must be there.
    pub fn required<T>(&mut self, name: &str, read: impl FnOnce(&'j Json, &At<'j>) -> Option<T>) -> Option<T> {
        match self.member(name) {
            Some(value) => read(value, &self.at.inner(name)),
            None => self.at.inner(name).wrong("is missing"),
        }
    }

    /// A member that may be absent or null. `None` too if it is wrong.
    pub fn optional<T>(&mut self, name: &str, read: impl FnOnce(&'j Json, &At<'j>) -> Option<T>) -> Option<T> {
        self.member(name).filter(|value| **value != Json::Null).and_then(|value| read(value, &self.at.inner(name)))
    }

    /// A member that may be absent, and where null has a meaning.
    pub fn nullable<T>(&mut self, name: &str, read: impl FnOnce(&'j Json, &At<'j>) -> Option<T>) -> Option<Option<T>> {
        let value = self.member(name)?;
        if *value == Json::Null { Some(None) } else { read(value, &self.at.inner(name)).map(Some) }
    }

    /// A member that is part of the contract and asks for something that this version does not have, unless it is
    /// absent, null, or `asks_nothing` says so.
    pub fn absent_here(&mut self, name: &str, asks_nothing: impl FnOnce(&Json) -> bool) {
        if let Some(value) = self.member(name)
            && *value != Json::Null
            && !asks_nothing(value)
        {
            let _: Option<()> = self.at.inner(name).wrong(NOT_IN_THIS_VERSION);
        }
    }

    /// A member that exists but may not be changed by this call.
    pub fn fixed(&mut self, name: &str) {
        if self.member(name).is_some() {
            let _: Option<()> = self.at.inner(name).wrong("cannot be changed");
        }
    }

    /// Takes all members as they are; only a repeated one is a fault.
    pub fn take_all(&mut self) {
        for Member { name, .. } in &self.members {
            if self.members.iter().filter(|other| other.name == *name).count() > 1 {
                let _: Option<()> = self.at.inner(name).wrong("stands there more than once");
            }
        }
        self.members.iter().for_each(|member| member.known.set(true));
    }

    fn member(&self, name: &str) -> Option<&'j Json> {
        let mut found = None;
        for member in self.members.iter().filter(|member| member.name == name) {
            if member.known.replace(true) || found.is_some() {
                let _: Option<()> = self.at.inner(name).wrong("stands there more than once");
                continue;
            }
            found = Some(member.value);
        }
        found
    }

    fn close(&self) {
        for member in self.members.iter().filter(|member| !member.known.get()) {
            let _: Option<()> = self.at.inner(member.name).wrong("is no field that this call knows");
        }
    }
}

/// What is said of a field whose feature is missing.
pub const NOT_IN_THIS_VERSION: &str = "asks for something that this version does not have";

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &str) -> Vec<(String, String)> {
        let read = Faults::read(body.as_bytes(), |object| {
            let name = object.required("name", |json, at| at.text(json));
            let size = object.optional("size", |json, at| at.whole(json, 1, 9));
            let parts = object.optional("parts", |json, at| {
                at.array(json, 3, |json, at| at.object(json, |part| part.required("a/b", |json, at| at.bool(json))))
            });
            name.map(|_| (size, parts))
        });
        read.map(|_| Vec::new())
            .unwrap_or_else(|errors| errors.into_iter().map(|error| (error.pointer, error.detail)).collect())
    }

    fn check(body: &str, pointers: &[&str]) {
        let found = faults(body);
        assert_eq!(
            found.iter().map(|(pointer, _)| pointer.as_str()).collect::<Vec<_>>(),
            pointers,
            "{body}: {found:?}"
        );
    }

    #[test]
    fn faults_are_named_by_pointer() {
        check(r#"{"name":"x","size":9,"parts":[{"a/b":true}]}"#, &[]);
        check(r#"{"name":"x","size":null}"#, &[]);
        check("{", &[""]);
        check("[]", &[""]);
        check("null", &[""]);
        check("{}", &["/name"]);
        check(r#"{"name":1,"size":0}"#, &["/name", "/size"]);
        check(r#"{"name":"x","size":1.5}"#, &["/size"]);
        check(r#"{"name":"x","name":"y"}"#, &["/name"]);
        check(
            r#"{"name":"x","colour":1,"parts":[{"a/b":true},{"a/b":1,"c":2}]}"#,
            &["/parts/1/a~1b", "/parts/1/c", "/colour"],
        );
        check(r#"{"name":"x","parts":[{},{},{},{}]}"#, &["/parts"]);
    }

    #[test]
    fn the_number_of_faults_is_bounded() {
        let many: Vec<String> = (0..1_000).map(|i| format!("\"x{i}\":1")).collect();
        assert_eq!(faults(&format!("{{{}}}", many.join(","))).len(), ERRORS_MAX);
    }
}
