//! A client that calls operations by their names in the OpenAPI document, and holds every answer against it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::server::ADMIN_KEY;

/// Headers by which a client, or a cache on the way to one, goes on: where they are sent, the document says so.
const HEEDED: [&str; 11] = [
    "allow",
    "cache-control",
    "content-security-policy",
    "etag",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "vary",
    "www-authenticate",
    "x-landrush-refused-by",
];

/// What the server says it answers.
pub(crate) struct Described {
    document: Value,
    /// Method, path and description by the operation's name.
    operations: BTreeMap<String, (String, String, Value)>,
    granted: BTreeSet<String>,
    /// Operations and statuses whose example no answer has looked like yet.
    unseen: BTreeSet<String>,
}

/// A call of an operation.
#[derive(Default)]
pub(crate) struct Call<'c> {
    pub(crate) operation: &'c str,
    /// Values of parameters of the path; the others are the document's examples.
    pub(crate) paths: &'c [(&'c str, &'c str)],
    pub(crate) query: &'c str,
    pub(crate) headers: &'c [(&'c str, &'c str)],
    pub(crate) body: Option<&'c Value>,
    pub(crate) raw: Option<&'c [u8]>,
    /// Without the admin key, which others bear where the operation takes it.
    pub(crate) anonymous: bool,
}

impl Described {
    /// The document of the server that `client` speaks to.
    pub(crate) fn by(client: &Client) -> Self {
        let mut document = client.get("/openapi.json").json();
        // What is shown must be described, all of it: answers stay open for clients, and are closed for this test.
        for schema in document["components"]["schemas"].as_object_mut().expect("schemas").values_mut() {
            if schema["properties"].is_object() {
                schema["additionalProperties"] = json!(false);
            }
        }
        document["components"]["schemas"]["Document"]["additionalProperties"] = json!(true);
        let mut operations = BTreeMap::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let id = operation["operationId"].as_str().expect("a name").to_owned();
                let before = operations.insert(id, (method.to_uppercase(), path.clone(), operation.clone()));
                assert!(before.is_none(), "a name is given once: {path}");
            }
        }
        let mut unseen = BTreeSet::new();
        for (id, (_, _, operation)) in &operations {
            for (status, response) in operation["responses"].as_object().expect("responses") {
                if response["content"]["application/json"]["example"].is_object() {
                    unseen.insert(format!("{id} {status}"));
                }
            }
        }
        Self { document, operations, granted: BTreeSet::new(), unseen }
    }

    /// The names of all operations.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.operations.keys().cloned().collect()
    }

    /// The operations that no call was granted of.
    pub(crate) fn operations_never_granted(&self) -> Vec<&str> {
        self.operations.keys().filter(|id| !self.granted.contains(*id)).map(String::as_str).collect()
    }

    /// The example answers that no answer has looked like.
    pub(crate) fn examples_never_seen(&self) -> Vec<&str> {
        self.unseen.iter().map(String::as_str).collect()
    }

    /// The example bodies of an operation.
    pub(crate) fn example_bodies(&self, operation: &str) -> Vec<Value> {
        let examples = &self.operations[operation].2["requestBody"]["content"]["application/json"]["examples"];
        examples.as_object().into_iter().flatten().map(|(_, example)| example["value"].clone()).collect()
    }

    /// The example bodies of an operation that takes lines, by media type.
    pub(crate) fn example_uploads(&self, operation: &str) -> Vec<(String, String)> {
        let contents = self.operations[operation].2["requestBody"]["content"].as_object().expect("contents");
        let example = |content: &Value| content["example"].as_str().expect("an example").to_owned();
        contents.iter().map(|(media_type, content)| (media_type.clone(), example(content))).collect()
    }

    /// Makes a call, and checks that the answer is in the document.
    pub(crate) fn call(&mut self, client: &Client, call: &Call<'_>) -> Reply {
        let (method, path, described) = &self.operations[call.operation];
        let mut target = path.clone();
        for parameter in described["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path") {
            let name = parameter["name"].as_str().expect("a name");
            let given = call.paths.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
            let value = given.unwrap_or_else(|| parameter["example"].as_str().expect("an example"));
            target = target.replace(&format!("{{{name}}}"), value);
        }
        let key = format!("Bearer {ADMIN_KEY}");
        let mut headers = call.headers.to_vec();
        let takes_key = described["security"].to_string().contains("admin_key");
        // What anybody may read is asked for as anybody does, but for what only the key can.
        if takes_key
            && !call.anonymous
            && !call.operation.starts_with("read_campaign")
            && call.operation != "list_campaigns"
        {
            headers.push(("authorization", &key));
        }
        let text = call.body.map(Value::to_string);
        if text.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = call.raw.or(text.as_deref().map(str::as_bytes)).unwrap_or_default();
        // A body where none is described would be no call of this operation.
        let body = if described["requestBody"].is_object() { body } else { b"" };
        let reply = client.call(method, &(target + call.query), &headers, body);
        self.check(call.operation, described, &reply);
        let example = &described["responses"][reply.status.to_string()]["content"]["application/json"]["example"];
        if example.is_object() && looks_like(example, &serde_json::from_slice(&reply.body).unwrap_or_default()) {
            self.unseen.remove(&format!("{} {}", call.operation, reply.status));
        }
        if reply.status < 300 {
            self.granted.insert(call.operation.to_owned());
        }
        reply
    }

    fn check(&self, operation: &str, described: &Value, reply: &Reply) {
        let said = format!("{operation}: {} {}", reply.status, String::from_utf8_lossy(&reply.body));
        let response = &described["responses"][reply.status.to_string()];
        assert!(response.is_object(), "a status that is not in the document: {said}");
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = self.resolved(header);
            let is_there = reply.header(&name.to_lowercase()).is_some();
            assert!(is_there || header["required"] == false, "no header {name}: {said}");
        }
        for (name, _) in &reply.headers {
            let known = response["headers"].as_object().into_iter().flatten();
            let is_said = known.map(|(known, _)| known).any(|known| known.eq_ignore_ascii_case(name));
            assert!(is_said || !HEEDED.contains(&name.as_str()), "a header {name} that is not in the document: {said}");
        }
        let Some(contents) = response["content"].as_object() else {
            return assert!(reply.body.is_empty(), "a body that is not in the document: {said}");
        };
        let media_type = reply.header("content-type").unwrap_or_default();
        let content = contents.get(media_type).unwrap_or_else(|| panic!("{media_type} is not in the document: {said}"));
        if content["schema"]["type"] == "string" {
            return;
        }
        let body = reply.json();
        if let Err(fault) = self.validated(&content["schema"], &body) {
            panic!("not as described, {fault}: {said}");
        }
        if let Some(example) = content.get("example") {
            self.validated(&content["schema"], example).unwrap_or_else(|fault| panic!("{operation}: example: {fault}"));
        }
    }

    fn validated(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema], "components": self.document["components"]
        });
        let validator = jsonschema::options().should_validate_formats(true).build(&whole).expect("a schema");
        validator.validate(value).map_err(|error| format!("at {}: {error}", error.instance_path()))
    }

    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(&reference[1..]).expect("what is referred to"),
            None => value,
        }
    }
}

/// Whether `value` has the members of `example` and no others, of the same kinds; of an array, one item must.
fn looks_like(example: &Value, value: &Value) -> bool {
    match (example, value) {
        (Value::Object(example), Value::Object(value)) => {
            let alike = |(name, example)| value.get(name).is_some_and(|value| looks_like(example, value));
            example.len() == value.len() && example.iter().all(alike)
        }
        (Value::Array(example), Value::Array(value)) => {
            example.iter().all(|example| value.iter().any(|value| looks_like(example, value)))
        }
        _ => std::mem::discriminant(example) == std::mem::discriminant(value),
    }
}
