use super::*;

fn request() -> Request<()> {
    Request::get("/chat")
        .header("Host", "example.com")
        .header("Upgrade", "WebSocket")
        .header("Connection", "keep-alive, Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .expect("a valid request")
}

fn rejection(change: impl FnOnce(&mut Request<()>)) -> Rejection {
    let mut request = request();
    change(&mut request);
    accept(&request, &AcceptOptions::default()).expect_err("a wrong request")
}

#[test]
fn accepts_the_example_of_rfc_6455_section_1_3() {
    let accepted = accept(&request(), &AcceptOptions::default()).expect("a right request");
    let response = accepted.response::<String>();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert_eq!(response.headers()["connection"], "Upgrade");
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
    assert!(!response.headers().contains_key("sec-websocket-extensions"));
}

#[test]
fn chooses_its_best_subprotocol_among_those_offered() {
    let options = AcceptOptions { subprotocols: vec!["v2".into(), "v1".into()], ..AcceptOptions::default() };
    let mut request = request();
    assert_eq!(accept(&request, &options).expect("right").subprotocol, None);
    let headers = request.headers_mut();
    headers.append("sec-websocket-protocol", HeaderValue::from_static("v1 , x"));
    headers.append("sec-websocket-protocol", HeaderValue::from_static("v2"));
    let accepted = accept(&request, &options).expect("right");
    assert_eq!(accepted.subprotocol.as_deref(), Some("v2"));
    let response = accepted.response::<String>();
    assert_eq!(response.headers()["sec-websocket-protocol"], "v2");
}

#[test]
fn agrees_on_compression_only_if_both_want_it() {
    let mut request = request();
    let deflate = AcceptOptions { deflate: Some(DeflateOptions::server()), ..AcceptOptions::default() };
    assert_eq!(accept(&request, &deflate).expect("right").deflate, None);
    request.headers_mut().insert("sec-websocket-extensions", HeaderValue::from_static("permessage-deflate"));
    let accepted = accept(&request, &AcceptOptions::default()).expect("right");
    assert_eq!(accepted.deflate, None);
    let accepted = accept(&request, &deflate).expect("right");
    assert!(accepted.deflate.is_some_and(|params| params.takes_shared_frames()));
    let response = accepted.response::<String>();
    assert_eq!(
        response.headers()["sec-websocket-extensions"],
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    );
}

#[test]
fn rejects_with_the_reason() {
    assert_eq!(rejection(|request| *request.method_mut() = Method::POST), Rejection::Method);
    assert_eq!(rejection(|request| *request.version_mut() = Version::HTTP_10), Rejection::HttpVersion);
    assert_eq!(rejection(|request| *request.version_mut() = Version::HTTP_2), Rejection::HttpVersion);
    for (header, expected) in [
        ("upgrade", Rejection::NoUpgrade),
        ("connection", Rejection::NoConnectionUpgrade),
        ("sec-websocket-version", Rejection::WebSocketVersion),
        ("sec-websocket-key", Rejection::Key),
    ] {
        let found = rejection(|request| drop(request.headers_mut().remove(header)));
        assert_eq!(found, expected);
        let found = rejection(|request| {
            request.headers_mut().insert(header, HeaderValue::from_static("odd"));
        });
        assert_eq!(found, expected);
    }
    let repeated = rejection(|request| {
        request.headers_mut().append("sec-websocket-key", HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
    });
    assert_eq!(repeated, Rejection::Key);
}

#[test]
fn a_rejection_tells_the_client_what_to_do() {
    let response = Rejection::WebSocketVersion.response::<String>();
    assert_eq!(response.status(), 426);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    assert!(response.body().contains("Sec-WebSocket-Version: 13"));
    let response = Rejection::Method.response::<String>();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "GET");
    assert_eq!(Rejection::Key.response::<String>().status(), 400);
    assert_eq!(Rejection::NoUpgrade.response::<String>().status(), 426);
}

#[test]
fn knows_which_requests_ask_for_a_websocket() {
    assert!(is_websocket(&request()));
    let plain = Request::get("/").body(()).expect("a valid request");
    assert!(!is_websocket(&plain));
}

#[cfg(feature = "hyper")]
#[test]
fn answers_extended_connect_with_200_and_no_key() {
    let mut request = Request::connect("https://example.com/chat")
        .version(Version::HTTP_2)
        .header("sec-websocket-version", "13")
        .body(())
        .expect("a valid request");
    assert_eq!(accept(&request, &AcceptOptions::default()), Err(Rejection::Method));
    request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    assert!(is_websocket(&request));
    let accepted = accept(&request, &AcceptOptions::default()).expect("a right request");
    let response = accepted.response::<String>();
    assert_eq!(response.status(), 200);
    assert!(response.headers().is_empty());
    request.headers_mut().remove("sec-websocket-version");
    assert_eq!(accept(&request, &AcceptOptions::default()), Err(Rejection::WebSocketVersion));
}
