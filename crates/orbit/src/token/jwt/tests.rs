use jsonwebtoken::{EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::token::KeyError;

const NOW: u64 = 1_900_000_000;
const SECRET: &[u8] = b"a secret of 32 bytes, or longer!";

// Tokens made by OpenSSL, not by the library under test, of the claims in `CLAIMS`.
const HS256: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqdWxpYSIsImV4cCI6MjAwMDAwMDAwMCwiY2hhbm5lbHMiOlsibmV\
    3cyJdLCJpbmZvIjp7Im5hbWUiOiJKdWxpYSJ9fQ.nsyxlB_Q4-hyVjCFN5O3ckiksyLP8uq6arO2VN4DdF0";
const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqdWxpYSIsImV4cCI6MjAwMDAwMDAwMCwiY2hhbm5lbHMiOlsibmV\
    3cyJdLCJpbmZvIjp7Im5hbWUiOiJKdWxpYSJ9fQ.IqwEnqfgmtZhCY9z5rkm90CH8JUcrUZIaOsFZAhDp7Q_RPJNsIEwdjz9KQFG\
    7bTpEhOf4SlwnQTaLUJRHTyWVbF8BOdGoP8f1bG4mEXHgHaCwN-xmP0PWJkqPBLey7T_3P1JHEFPrJitYQIUAUA9RoaK2-hpm6V5\
    nRMtg8uTPgiiBbjoEw4Amtz6mjF-6bmQqOEK1Spaqubxiumbnjb3d25A3uMSCn2sFU4Src-h8ljlgVLY9xTfp6AAmyGQWTUbENqp\
    AuYuGZuuT4-5qSc_Yj2CVZ4eUXydBTGJiVnXxhGR-FzgVKosNXBl4qGZyHvwZ_XHtl07RMEPKerajxwUrw";
const ES256: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJqdWxpYSIsImV4cCI6MjAwMDAwMDAwMCwiY2hhbm5lbHMiOlsibmV\
    3cyJdLCJpbmZvIjp7Im5hbWUiOiJKdWxpYSJ9fQ.wulC5doKcBdvkWBAT6nqnXvbtAffy0Rs1G5DX4bUzOK7jtbmyog11ofTN-nZ\
    htGRQ65YHPpfLcjDf0c4vUgXNA";
const RSA_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoVxQTTXFtZMprIVNKGs0
6WfD0ox7gGNasrGSEgKQit16BCP841DYp0nDdNA1GznvwknDK5Tc6IiQloByNf+R
jMDdzp4R20p9d2h7MFxVhzxpJx2+GLREGFWWVUnnxyxOBk34SecRpDspvfgxuI7x
/Fzq1zmhPLkiLGIYJJw5n1KF42jjGMYtz6XhfCGQ9hCZs/zI9BKRGWDApUuDA6o3
Q3U3Nkrd2yIa/cpuPW2THCRgMxCoo4KMX5YftH5qE4kQsdmsR6njjqftFcuz7JNd
Bb8rtKzuoe7wbc8OlNG/Nw5plrFW9TLuLpEQ2WUBk51Hv7ve1QE116r4hs5Dgh3E
wQIDAQAB
-----END PUBLIC KEY-----
";
const EC_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhBdwse/315+VCJo+zskD01AhNjQ4
Vsv0ICNEFAmwWpadRL+oQdW2/PPs/bVkS2vj3fiqm5OLMbaF3APKMghBZQ==
-----END PUBLIC KEY-----
";

fn verifier() -> JwtVerifier {
    JwtVerifier::new(vec![JwtKey::hs256(SECRET).unwrap()]).with_leeway(0)
}

fn sign(claims: &Value) -> String {
    sign_with(&Header::new(Algorithm::HS256), claims, SECRET)
}

fn sign_with(header: &Header, claims: &Value, secret: &[u8]) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn connect(claims: Value) -> Result<Identity, TokenError> {
    verifier().connection(&sign(&claims), NOW)
}

/// A token with a header and claims of any kind and a signature of nothing.
fn unsigned(header: &str, claims: &str) -> String {
    use std::fmt::Write;
    let encode = |text: &str| {
        // URL-safe base64 without padding (RFC 4648, section 5), three bytes at a time.
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut out = String::new();
        for group in text.as_bytes().chunks(3) {
            let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            for place in 0..=group.len() {
                let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
                write!(out, "{}", char::from(digit)).unwrap();
            }
        }
        out
    };
    format!("{}.{}.", encode(header), encode(claims))
}

#[test]
fn each_algorithm_verifies_what_openssl_signed() {
    let expected = Identity {
        user: Some("julia".into()),
        expires_at: Some(2_000_000_000),
        info: Some(Box::from(&br#"{"name":"Julia"}"#[..])),
        channels: vec!["news".into()],
    };
    for (key, token) in
        [(JwtKey::hs256(SECRET), HS256), (JwtKey::rs256(RSA_PUBLIC), RS256), (JwtKey::es256(EC_PUBLIC), ES256)]
    {
        let verifier = JwtVerifier::new(vec![key.unwrap()]).with_leeway(0);
        assert_eq!(verifier.connection(token, NOW), Ok(expected.clone()));
        let (body, signature) = token.rsplit_once('.').unwrap();
        let swapped = if signature.starts_with('A') { 'B' } else { 'A' };
        let forged = format!("{body}.{swapped}{}", &signature[1..]);
        assert_eq!(verifier.connection(&forged, NOW), Err(TokenError::Signature));
    }
}

#[test]
fn a_token_cannot_choose_its_algorithm() {
    let rsa = JwtVerifier::new(vec![JwtKey::rs256(RSA_PUBLIC).unwrap()]);
    // The classic attack: the public key, known to all, taken for the secret of an HMAC.
    let confused = sign_with(&Header::new(Algorithm::HS256), &json!({"sub": "mallory"}), RSA_PUBLIC.as_bytes());
    assert_eq!(rsa.connection(&confused, NOW), Err(TokenError::Algorithm));
    assert_eq!(rsa.connection(ES256, NOW), Err(TokenError::Algorithm));
    // Same family, other member.
    let hs512 = sign_with(&Header::new(Algorithm::HS512), &json!({"sub": "mallory"}), SECRET);
    assert_eq!(verifier().connection(&hs512, NOW), Err(TokenError::Algorithm));
    for alg in ["none", "None", "NONE", "", "HS257"] {
        let token = unsigned(&format!(r#"{{"alg":"{alg}"}}"#), r#"{"sub":"mallory"}"#);
        assert_eq!(verifier().connection(&token, NOW), Err(TokenError::Algorithm), "{alg}");
    }
    let token = unsigned(r#"{"alg":"HS256"}"#, r#"{"sub":"mallory"}"#);
    assert_eq!(verifier().connection(&token, NOW), Err(TokenError::Signature));
    assert_eq!(JwtVerifier::new(Vec::new()).connection(HS256, NOW), Err(TokenError::Algorithm));
}

#[test]
fn an_extension_that_must_be_understood_is_refused() {
    let header = Header { crit: Some(vec!["b64".into()]), ..Header::new(Algorithm::HS256) };
    let token = sign_with(&header, &json!({}), SECRET);
    assert_eq!(verifier().connection(&token, NOW), Err(TokenError::Extension));
}

#[test]
fn keys_can_be_replaced_one_after_another() {
    let new_key = b"the next secret, also of some 32 bytes";
    let both = JwtVerifier::new(vec![JwtKey::hs256(new_key).unwrap(), JwtKey::hs256(SECRET).unwrap()]);
    let by_new = sign_with(&Header::new(Algorithm::HS256), &json!({"sub": "romeo"}), new_key);
    assert_eq!(both.connection(HS256, NOW).unwrap().user.as_deref(), Some("julia"));
    assert_eq!(both.connection(&by_new, NOW).unwrap().user.as_deref(), Some("romeo"));
    assert_eq!(verifier().connection(&by_new, NOW), Err(TokenError::Signature));
}

#[test]
fn a_token_ends_and_begins_when_it_says() {
    assert_eq!(connect(json!({})).unwrap().expires_at, None);
    assert_eq!(connect(json!({"exp": NOW + 1})).unwrap().expires_at, Some(NOW + 1));
    assert_eq!(connect(json!({"exp": NOW})), Err(TokenError::Expired { at: NOW }));
    assert_eq!(connect(json!({"exp": NOW as f64 + 1.5})).unwrap().expires_at, Some(NOW + 1));
    assert_eq!(connect(json!({"exp": -5})), Err(TokenError::Expired { at: 0 }));
    for claim in ["nbf", "iat"] {
        assert!(connect(json!({claim: NOW})).is_ok());
        assert_eq!(connect(json!({claim: NOW + 1})), Err(TokenError::NotYetValid { claim, at: NOW + 1 }));
    }
}

#[test]
fn clocks_may_differ_by_the_leeway() {
    let verify = |claims: Value| verifier().with_leeway(5).connection(&sign(&claims), NOW);
    assert_eq!(verify(json!({"exp": NOW - 4})).unwrap().expires_at, Some(NOW + 1));
    assert_eq!(verify(json!({"exp": NOW - 5})), Err(TokenError::Expired { at: NOW - 5 }));
    assert!(verify(json!({"iat": NOW + 5})).is_ok());
    assert!(verify(json!({"iat": NOW + 6})).is_err());
    assert_eq!(verify(json!({"exp": u64::MAX})).unwrap().expires_at, Some(u64::MAX));
}

#[test]
fn a_claim_that_is_wrong_is_named() {
    for (claims, name) in [
        (json!({"sub": 5}), "sub"),
        (json!({"exp": "tomorrow"}), "exp"),
        (json!({"nbf": []}), "nbf"),
        (json!({"iat": true}), "iat"),
        (json!({"aud": 5}), "aud"),
        (json!({"channels": "news"}), "channels"),
        (json!({"channels": [5]}), "channels"),
    ] {
        assert_eq!(connect(claims), Err(TokenError::BadClaim(name)));
    }
    assert!(matches!(connect(json!({"sub": "a b"})), Err(TokenError::Name(_))));
    assert!(matches!(connect(json!({"channels": ["a/b"]})), Err(TokenError::Name(_))));
}

#[test]
fn nobody_is_anonymous() {
    assert_eq!(connect(json!({})), Ok(Identity::default()));
    assert_eq!(connect(json!({"sub": ""})), Ok(Identity::default()));
    assert_eq!(connect(json!({"sub": null, "exp": null, "info": null, "channels": null})), Ok(Identity::default()));
}

#[test]
fn tokens_for_others_are_refused() {
    let for_us = verifier().with_audience("chat");
    let verify = |verifier: &JwtVerifier, claims: Value| verifier.connection(&sign(&claims), NOW).map(|_| ());
    assert_eq!(verify(&for_us, json!({"aud": "chat"})), Ok(()));
    assert_eq!(verify(&for_us, json!({"aud": ["mail", "chat"]})), Ok(()));
    assert_eq!(verify(&for_us, json!({"aud": "mail"})), Err(TokenError::NotForUs("aud")));
    assert_eq!(verify(&for_us, json!({})), Err(TokenError::NotForUs("aud")));
    assert_eq!(verify(&verifier(), json!({"aud": "mail"})), Err(TokenError::NotForUs("aud")));
    let from_them = verifier().with_issuer("https://login.example.com");
    assert_eq!(verify(&from_them, json!({"iss": "https://login.example.com"})), Ok(()));
    assert_eq!(verify(&from_them, json!({"iss": "https://evil.example"})), Err(TokenError::NotForUs("iss")));
    assert_eq!(verify(&from_them, json!({})), Err(TokenError::NotForUs("iss")));
    assert_eq!(verify(&verifier(), json!({"iss": "whoever"})), Ok(()));
}

#[test]
fn a_subscription_token_is_for_one_channel_and_user() {
    let token = sign(&json!({"sub": "julia", "channel": "vault", "exp": NOW + 9, "info": [1]}));
    let verify = |channel, user| verifier().subscription(&token, channel, user, NOW);
    assert_eq!(verify("vault", Some("julia")), Ok(Grant { expires_at: Some(NOW + 9), info: Some(Box::from(*b"[1]")) }));
    assert_eq!(verify("other", Some("julia")), Err(TokenError::OtherChannel));
    assert_eq!(verify("vault", Some("romeo")), Err(TokenError::OtherUser));
    assert_eq!(verify("vault", None), Err(TokenError::OtherUser));
    assert_eq!(verifier().connection(&token, NOW), Err(TokenError::ForSubscription));
    assert_eq!(verifier().subscription(HS256, "news", Some("julia"), NOW), Err(TokenError::NoClaim("channel")));
    let anonymous = sign(&json!({"channel": "vault"}));
    assert!(verifier().subscription(&anonymous, "vault", None, NOW).is_ok());
    assert_eq!(verifier().subscription(&anonymous, "vault", Some("julia"), NOW), Err(TokenError::OtherUser));
}

#[test]
fn info_is_put_on_one_line_and_bounded_in_depth() {
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(connect(json!({"info": deep})), Err(TokenError::BadClaim("info")));
    assert_eq!(connect(json!({"info": "a\nb"})).unwrap().info, Some(Box::from(&br#""a\nb""#[..])));
}

#[test]
fn keys_that_cannot_be_right_are_refused() {
    assert_eq!(JwtKey::hs256(b"").unwrap_err(), KeyError::SecretTooShort { bytes: 0 });
    assert_eq!(JwtKey::hs256(b"fourteen bytes").unwrap_err(), KeyError::SecretTooShort { bytes: 14 });
    assert_eq!(JwtKey::rs256(EC_PUBLIC).unwrap_err(), KeyError::NotAKey { algorithm: "RS256" });
    assert_eq!(JwtKey::es256(RSA_PUBLIC).unwrap_err(), KeyError::NotAKey { algorithm: "ES256" });
    assert_eq!(JwtKey::rs256("hello").unwrap_err(), KeyError::NotAKey { algorithm: "RS256" });
    let private = RSA_PUBLIC.replace("PUBLIC", "PRIVATE");
    assert_eq!(JwtKey::rs256(&private).unwrap_err(), KeyError::PrivateKey);
    assert_eq!(format!("{:?}", JwtKey::hs256(SECRET).unwrap()), "JwtKey { algorithm: HS256, .. }");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[A-Za-z0-9_.-]{0,80}") {
        prop_assert!(verifier().connection(&text, NOW).is_err());
    }

    #[test]
    fn no_header_or_claims_make_it_panic(header in ".*", claims in ".*") {
        prop_assert!(verifier().connection(&unsigned(&header, &claims), NOW).is_err());
    }
}
