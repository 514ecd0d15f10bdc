use super::*;

fn headers(origin: &str, host: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ORIGIN, origin.parse().unwrap());
    headers.insert(HOST, host.parse().unwrap());
    headers
}

fn permits(list: &[&str], origin: &str) -> bool {
    AllowedOrigins::parse(list).unwrap().judge(&headers(origin, "push.example.net"), None).permits()
}

#[test]
fn who_sends_no_origin_is_no_browser() {
    assert_eq!(AllowedOrigins::default().judge(&HeaderMap::new(), None), Verdict::NoOrigin);
    assert!(Verdict::NoOrigin.permits());
}

#[test]
fn the_servers_own_pages_may() {
    let own = |origin, host| AllowedOrigins::default().judge(&headers(origin, host), None).permits();
    assert!(own("http://127.0.0.1:8000", "127.0.0.1:8000"));
    assert!(own("https://push.example.net", "push.example.net"));
    assert!(own("https://push.example.net", "Push.Example.Net:443"));
    assert!(own("http://push.example.net", "push.example.net:80"));
    assert!(own("http://[::1]:8000", "[::1]:8000"));
    assert!(!own("http://push.example.net:8000", "push.example.net"));
    assert!(!own("http://push.example.net", "push.example.net:8000"));
    assert!(!own("https://evil.example", "push.example.net"));
    assert!(!own("https://push.example.net.evil.example", "push.example.net"));
    assert!(!own("null", "push.example.net"));
    assert!(!own("", ""));
}

#[test]
fn the_target_of_the_request_counts_before_the_host_header() {
    let request = headers("https://a.example", "b.example");
    let list = AllowedOrigins::default();
    assert!(list.judge(&request, Some("a.example")).permits());
    assert!(!list.judge(&request, Some("c.example")).permits());
    assert!(!list.judge(&request, None).permits());
}

#[test]
fn an_exact_entry_allows_that_origin_alone() {
    let list = ["https://Example.com:443", "http://localhost:3000"];
    assert!(permits(&list, "https://example.com"));
    assert!(permits(&list, "http://localhost:3000"));
    for origin in [
        "http://example.com",
        "https://example.com:8443",
        "https://www.example.com",
        "https://example.com.evil.example",
        "https://notexample.com",
        "http://localhost",
        "https://example.com/path",
        "https://user@example.com",
        "null",
    ] {
        assert!(!permits(&list, origin), "{origin}");
    }
}

#[test]
fn a_wildcard_allows_subdomains_alone() {
    let list = ["https://*.example.com"];
    assert!(permits(&list, "https://www.example.com"));
    assert!(permits(&list, "https://a.b.example.com"));
    for origin in [
        "https://example.com",
        "https://.example.com",
        "http://www.example.com",
        "https://evilexample.com",
        "https://www.example.com:8443",
        "https://www.example.com.evil.example",
        "https://evil.example/.example.com",
    ] {
        assert!(!permits(&list, origin), "{origin}");
    }
}

#[test]
fn a_star_allows_everyone_without_credentials() {
    let star = AllowedOrigins::any();
    assert_eq!(AllowedOrigins::parse(["*"]), Ok(star.clone()));
    for origin in ["https://anything.example", "null", "file://"] {
        let request = headers(origin, "push.example.net");
        let verdict = star.judge(&request, None);
        assert!(verdict.permits(), "{origin}");
        let mut response = HeaderMap::new();
        add_cors_headers(&mut response, verdict);
        assert_eq!(response[ACCESS_CONTROL_ALLOW_ORIGIN], origin);
        assert!(!response.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
}

#[test]
fn null_is_allowed_only_by_name() {
    assert!(permits(&["null"], "null"));
    assert!(!permits(&["https://example.com"], "null"));
}

#[test]
fn two_origins_are_none() {
    let mut request = headers("https://example.com", "example.com");
    request.append(ORIGIN, "https://example.com".parse().unwrap());
    assert_eq!(AllowedOrigins::any().judge(&request, None), Verdict::Refused);
}

#[test]
fn an_entry_that_is_no_origin_is_refused_with_advice() {
    for entry in [
        "",
        "example.com",
        "https://",
        "https://example.com/",
        "https://ex*mple.com",
        "https://*",
        "*.example.com",
        "https://*.*.example.com",
        "https://example.com:x",
        "https://example.com:99999",
        "https://[::x]",
    ] {
        let error = AllowedOrigins::parse([entry]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{entry:?} is not an origin")), "{error}");
    }
}

#[test]
fn an_allowed_origin_gets_its_headers() {
    let request = headers("https://example.com", "push.example.net");
    let list = AllowedOrigins::parse(["https://example.com"]).unwrap();
    let mut response = HeaderMap::new();
    response.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    add_cors_headers(&mut response, list.judge(&request, None));
    assert_eq!(response[ACCESS_CONTROL_ALLOW_ORIGIN], "https://example.com");
    assert_eq!(response[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    assert_eq!(response.get_all(VARY).iter().collect::<Vec<_>>(), ["Accept-Encoding", "Origin"]);
}

#[test]
fn a_refused_origin_gets_nothing_but_vary() {
    for verdict in [Verdict::Refused, Verdict::NoOrigin] {
        let response = preflight_headers(verdict);
        assert_eq!(response[VARY], "Origin");
        assert_eq!(response.len(), 1);
    }
}

#[test]
fn a_preflight_is_answered() {
    let mut request = headers("https://example.com", "example.com");
    assert!(!is_preflight(&request));
    request.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
    assert!(is_preflight(&request));
    let response = preflight_headers(AllowedOrigins::default().judge(&request, None));
    assert!(response[ACCESS_CONTROL_ALLOW_METHODS].to_str().unwrap().contains("DELETE"));
    assert!(response[ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().contains("X-Beacon-Secret-Key"));
    assert_eq!(response[ACCESS_CONTROL_MAX_AGE], "7200");
}
