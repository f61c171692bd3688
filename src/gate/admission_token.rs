//! Owns the tokens that tell other servers who was let in from a waiting room, so that it can stand in front of a shop that knows
//! nothing of landrush: JSON Web Tokens (RFC 7519) signed with Ed25519, which whoever has the public key can verify by itself.
//!
//! The key is derived from the data directory's, so that it lasts as long, and there is one. Its name (`kid`) is its thumbprint
//! (RFC 7638).

use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::id::UserId;
use landrush_engine::keys::Keys;
use landrush_engine::room::Place;
use landrush_engine::time::Timestamp;
use serde::Serialize;

/// Who has signed, as the claim `iss` says.
pub const ISSUER: &str = "landrush";

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8, version 1 (RFC 8410).
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Signs tokens.
pub struct AdmissionTokens {
    key: EncodingKey,
    header: Header,
    public: String,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionToken {
    /// The token, as it is sent.
    pub token: String,
    /// The first moment at which it holds no more: a whole second.
    pub expires_at: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    jti: String,
}

impl AdmissionTokens {
    /// Tokens under a key of their own, derived from `keys`.
    pub fn new(keys: &Keys) -> Self {
        let pkcs8 = [&PKCS8_HEAD[..], &keys.derived("admission token")].concat();
        let key = EncodingKey::from_ed_der(&pkcs8);
        let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).expect("any 32 bytes are a key");
        let name = public.thumbprint(ThumbprintHash::SHA256).expect("an Ed25519 key has one");
        public.common.key_id = Some(name.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = serde_json::json!({"keys": [public]}).to_string();
        Self { key, header: Header { kid: Some(name), ..Header::new(Algorithm::EdDSA) }, public }
    }

    /// The token of `user`, who is let in at `place` and until `until`. Made again, it is the same.
    pub fn issue(
        &self,
        campaign: &CampaignDefinition,
        user: &UserId,
        place: Place,
        until: Timestamp,
    ) -> AdmissionToken {
        let exp = until.as_milliseconds() / 1_000;
        let claims = Claims {
            iss: ISSUER,
            sub: user.as_str(),
            aud: campaign.id.as_str(),
            exp,
            // Windows have places of the same number each.
            jti: format!("{}-{}", place.window.as_milliseconds(), place.number),
        };
        let token = encode(&self.header, &claims, &self.key).expect("the key is one for this algorithm");
        AdmissionToken { token, expires_at: Timestamp::from_milliseconds(exp * 1_000) }
    }

    /// The public key, as a set of keys (JWKS, RFC 7517).
    pub fn public_keys(&self) -> &str {
        &self.public
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
    use serde_json::Value;

    use super::*;

    fn tokens(code: u8) -> AdmissionTokens {
        AdmissionTokens::new(&Keys::from_bytes([1; 16], [code; 32]))
    }

    /// As another server does it, with nothing but the public keys.
    fn verified(token: &str, keys: &AdmissionTokens) -> Option<Value> {
        let set: JwkSet = serde_json::from_str(keys.public_keys()).expect("a set of keys");
        let key = set.find(&decode_header(token).ok()?.kid?)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&["sale"]);
        validation.set_issuer(&[ISSUER]);
        decode(token, &DecodingKey::from_jwk(key).ok()?, &validation).ok().map(|data| data.claims)
    }

    #[test]
    fn a_token_is_verified_by_whoever_has_the_public_key_and_no_other() {
        let campaign = CampaignDefinition::builder("sale").coupon_type("cash-5", 1).build().expect("sound");
        let user = UserId::new("ann").expect("an id");
        let place = Place { window: Timestamp::from_milliseconds(5_000), number: 77 };
        let until = Timestamp::from_milliseconds(4_000_000_000_999);
        let issued = tokens(2).issue(&campaign, &user, place, until);
        assert_eq!(issued.expires_at, Timestamp::from_milliseconds(4_000_000_000_000));
        assert_eq!(issued, tokens(2).issue(&campaign, &user, place, until), "made again, after a restart too");
        let claims = verified(&issued.token, &tokens(2)).expect("it holds");
        let expected = serde_json::json!(
            {"iss": "landrush", "sub": "ann", "aud": "sale", "exp": 4_000_000_000u64, "jti": "5000-77"});
        assert_eq!(claims, expected);
        assert_eq!(verified(&issued.token, &tokens(3)), None, "another server's");
        let past = tokens(2).issue(&campaign, &user, place, Timestamp::from_milliseconds(9_000));
        assert_eq!(verified(&past.token, &tokens(2)), None, "expired");
    }
}
