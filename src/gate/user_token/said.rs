//! Owns what a token says beside who its user is, held against what a campaign asks for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use landrush_engine::campaign::TokenClaim;
use serde_json::{Map, Value};

/// Whether `token`, which was verified, says all of `claims`.
pub(super) fn says(token: &[u8], claims: &[TokenClaim]) -> bool {
    let Some(said) = payload(token) else { return false };
    claims.iter().all(|claim| {
        let said = said.get(&claim.name).map(|value| serde_json::to_string(value).expect("JSON can be written"));
        said.as_deref() == Some(&claim.value)
    })
}

/// What a token says, its signature aside.
fn payload(token: &[u8]) -> Option<Map<String, Value>> {
    let payload = token.split(|byte| *byte == b'.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
