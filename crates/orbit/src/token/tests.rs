use super::*;

const JWT_KEY: &[u8] = b"a secret of 32 bytes, or longer!";
const NOW: u64 = 1_900_000_000;

fn verifier() -> Verifier {
    let jwt = JwtVerifier::new(vec![JwtKey::hs256(JWT_KEY).unwrap()]);
    Verifier::new(Some(jwt), Some(beacon()))
}

fn beacon() -> BeaconKey {
    BeaconKey::new(b"a secret sign key")
}

fn jwt(claims: &serde_json::Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(JWT_KEY);
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap()
}

#[test]
fn a_jwt_says_who_the_user_is() {
    let token = jwt(&serde_json::json!({"sub": "julia"}));
    let identity = verifier().connection(&token, None, NOW).unwrap();
    assert_eq!(identity.user.as_deref(), Some("julia"));
    assert!(verifier().connection(&token, Some("julia"), NOW).is_ok());
    assert_eq!(verifier().connection(&token, Some("romeo"), NOW), Err(TokenError::OtherUser));
}

#[test]
fn a_beacon_token_proves_the_user_that_is_claimed() {
    let token = beacon().issue("julia", NOW);
    let identity = verifier().connection(&token, Some("julia"), NOW).unwrap();
    assert_eq!(identity.user.as_deref(), Some("julia"));
    assert_eq!(identity.expires_at, Some(NOW + beacon::DEFAULT_LIFE));
    assert_eq!(verifier().connection(&token, Some("romeo"), NOW), Err(TokenError::Signature));
    assert_eq!(verifier().connection(&token, None, NOW), Err(TokenError::NoUserClaimed));
    let expired = verifier().connection(&token, Some("julia"), NOW + beacon::DEFAULT_LIFE);
    assert!(expired.unwrap_err().is_expired());
}

#[test]
fn a_signature_over_a_name_that_cannot_be_is_no_use() {
    let token = beacon().issue("a b", NOW);
    assert!(matches!(verifier().connection(&token, Some("a b"), NOW), Err(TokenError::Name(_))));
}

#[test]
fn both_kinds_grant_a_subscription() {
    let by_jwt = jwt(&serde_json::json!({"sub": "julia", "channel": "vault"}));
    assert_eq!(verifier().subscription(&by_jwt, "vault", Some("julia"), NOW), Ok(Grant::default()));
    let by_signature = beacon().issue("vault", NOW);
    let grant = verifier().subscription(&by_signature, "vault", None, NOW).unwrap();
    assert_eq!(grant.expires_at, Some(NOW + beacon::DEFAULT_LIFE));
    assert_eq!(verifier().subscription(&by_signature, "other", None, NOW), Err(TokenError::Signature));
}

#[test]
fn a_kind_without_a_key_is_refused() {
    let none = Verifier::default();
    assert_eq!(none.connection("a.b.c", None, NOW), Err(TokenError::NoKey { kind: "JWT" }));
    assert_eq!(none.connection("1;a", Some("julia"), NOW), Err(TokenError::NoKey { kind: "Beacon" }));
}

#[test]
fn a_token_has_a_form_and_a_size() {
    for token in ["", "hello", "a.b", "a.b.c.d"] {
        assert_eq!(verifier().connection(token, None, NOW), Err(TokenError::Malformed), "{token}");
    }
    let bytes = MAX_TOKEN_BYTES + 1;
    assert_eq!(verifier().connection(&"a".repeat(bytes), None, NOW), Err(TokenError::TooLong { bytes }));
    assert_eq!(verifier().connection(&"a".repeat(MAX_TOKEN_BYTES), None, NOW), Err(TokenError::Malformed));
}

#[test]
fn only_an_expired_token_makes_a_client_get_another() {
    let expired = TokenError::Expired { at: 5 };
    assert_eq!(expired.error_code().code, 109);
    assert_eq!(expired.disconnect(), None);
    assert_eq!(TokenError::Signature.error_code().code, 103);
    assert_eq!(TokenError::Signature.disconnect().map(|disconnect| disconnect.code), Some(3500));
}
