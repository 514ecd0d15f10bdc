//! The router through its public face: which service answers, alone, under axum and under hyper.

use std::convert::Infallible;

use http::header::{ALLOW, CONTENT_LENGTH, HOST};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use planet_web::Body;
use planet_web::body::full;
use planet_web::router::{BuildError, Matcher, OriginalUri, PathParameters, Router, RouterBuilder};
use proptest::prelude::*;
use tokio::net::TcpListener;
use tower::{ServiceExt as _, service_fn};

/// Answers with its name, the path it sees, the path the client sent, and the parameters.
fn named<B: Send + 'static>(
    name: &'static str,
) -> impl tower::Service<Request<B>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync
{
    service_fn(move |request: Request<B>| async move {
        let mut text = format!("{name} {}", request.uri());
        if let Some(OriginalUri(uri)) = request.extensions().get() {
            text += &format!(" from {uri}");
        }
        for (name, value) in request.extensions().get::<PathParameters>().into_iter().flat_map(PathParameters::iter) {
            text += &format!(" {name}={value}");
        }
        Ok(Response::new(full(text)))
    })
}

fn request(method: &str, target: &str) -> Request<Body> {
    Request::builder().method(method).uri(target).header(HOST, "Example.com:80").body(Body::default()).expect("valid")
}

async fn ask(router: &Router<Body>, method: &str, target: &str) -> (StatusCode, String) {
    let Ok(response) = router.clone().oneshot(request(method, target)).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("it does not fail").to_bytes();
    (parts.status, String::from_utf8(bytes.to_vec()).expect("text"))
}

async fn answer(router: &Router<Body>, method: &str, target: &str) -> String {
    ask(router, method, target).await.1
}

fn build(builder: RouterBuilder<Body>) -> Router<Body> {
    builder.build().expect("no rule is shadowed")
}

#[tokio::test]
async fn the_first_rule_that_takes_a_request_answers() {
    let router = build(
        Router::builder()
            .rule(Matcher::equals("/"), named("home"))
            .rule(Matcher::ends_with(".png"), named("picture"))
            .rule(Matcher::pattern("/users/{name}"), named("user"))
            .rule(Matcher::starts_with("/files/"), named("file"))
            .rule(Matcher::any().host("example.COM").and(Matcher::starts_with("/here")), named("host"))
            .rule(Matcher::any().when(|parts| parts.uri.query() == Some("secret")), named("closure"))
            .otherwise(named("default")),
    );
    for (target, expected) in [
        ("/", "home /"),
        ("/files/a.png", "picture /files/a.png"),
        ("/users/J%C3%BCrgen", "user /users/J%C3%BCrgen name=Jürgen"),
        ("/%75sers/x", "user /%75sers/x name=x"),
        ("/files/", "file /files/"),
        ("/files", "default /files"),
        ("/here/x", "host /here/x"),
        ("http://other/here/x", "default http://other/here/x"),
        ("/hereafter", "default /hereafter"),
        ("/x?secret", "closure /x?secret"),
    ] {
        assert_eq!(answer(&router, "GET", target).await, expected);
    }
}

#[tokio::test]
async fn a_path_known_for_other_methods_is_405() {
    let builder = Router::builder()
        .rule(Matcher::equals("/a").method(Method::GET), named("get"))
        .rule(Matcher::equals("/a").method(Method::PUT), named("put"))
        .rule(Matcher::equals("/b").method(Method::POST), named("post"))
        .otherwise(named("default"));
    let router = build(builder);
    let Ok(response) = router.clone().oneshot(request("DELETE", "/a")).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[ALLOW], "GET, HEAD, PUT");
    assert_eq!(answer(&router, "DELETE", "/c").await, "default /c");
    assert_eq!(ask(&router, "PUT", "/a").await, (StatusCode::OK, "put /a".to_owned()));
}

#[tokio::test]
async fn head_is_served_by_get_without_a_body() {
    let router = build(Router::builder().rule(Matcher::any().method(Method::GET), named("get")));
    let Ok(response) = router.oneshot(request("HEAD", "/abc")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_LENGTH], "8");
    assert!(response.into_body().collect().await.expect("it does not fail").to_bytes().is_empty());
}

#[tokio::test]
async fn a_chain_goes_on_where_no_rule_takes_the_request() {
    let second = build(Router::builder().rule(Matcher::starts_with("/a"), named("second")));
    let rule = Matcher::equals("/a").method(Method::GET);
    let first = build(Router::builder().rule(rule, named("first")));
    let back = first.route(request("POST", "/a")).err().expect("no rule takes it");
    assert_eq!((back.method(), back.uri().path()), (&Method::POST, "/a"));
    let chain = first.or_else(second);
    assert_eq!(answer(&chain, "GET", "/a").await, "first /a");
    assert_eq!(answer(&chain, "POST", "/a").await, "second /a");
    assert_eq!(ask(&chain, "GET", "/b").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nested_routers_see_the_rest_of_the_path() {
    let inner = build(Router::builder().rule(Matcher::pattern("/{page}"), named("page")).otherwise(named("inner")));
    let middle = build(Router::builder().nest("/b", inner));
    let router = build(Router::builder().nest("/a", middle));
    assert_eq!(answer(&router, "GET", "/a/b/c?d").await, "page /c?d from /a/b/c?d page=c");
    assert_eq!(answer(&router, "GET", "/a/b").await, "inner / from /a/b");
    assert_eq!(ask(&router, "GET", "/ab").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_request_without_a_path_meets_only_rules_that_ask_for_none() {
    let router = build(
        Router::builder()
            .rule(Matcher::starts_with("/"), named("path"))
            .rule(Matcher::any().method(Method::OPTIONS), named("options")),
    );
    assert_eq!(answer(&router, "OPTIONS", "*").await, "options *");
}

#[test]
fn mistakes_are_refused_by_name() {
    let builder = || Router::<Body>::builder();
    let broken = builder().rule(Matcher::pattern("/{}"), named("x")).build();
    assert!(matches!(broken.err(), Some(BuildError::Pattern { pattern, .. }) if pattern == "/{}"));
    let nothing = builder().rule(Matcher::any().method(Method::GET).method(Method::PUT), named("x")).build();
    assert!(matches!(nothing.err(), Some(BuildError::NoMethod { .. })));
    let shadowed = builder()
        .rule(Matcher::starts_with("/a"), named("x"))
        .rule(Matcher::equals("/a/b").method(Method::GET), named("y"))
        .build();
    assert_eq!(
        shadowed.err().expect("it is shadowed").to_string(),
        "rule 1 (GET|HEAD and /a/b) is never reached: rule 0 (starts with /a) takes all of its requests; put it first, \
         or remove it"
    );
    let closure = builder().rule(Matcher::any().when(|_| true), named("x")).rule(Matcher::any(), named("y"));
    assert!(closure.build().is_ok(), "a closure shadows nothing");
}

#[tokio::test]
async fn axum_and_hyper_take_it_as_it_is() {
    fn ours<B: Send + 'static>() -> RouterBuilder<B> {
        Router::builder().rule(Matcher::starts_with("/ours"), named("ours"))
    }
    let app = axum::Router::<()>::new()
        .route("/theirs", axum::routing::get(async || "theirs"))
        .fallback_service(ours().build().expect("one rule"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let through_axum = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, app).await });

    let router = ours().rule(Matcher::equals("/theirs"), axum::Router::<()>::new()).build().expect("two rules");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let through_hyper = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(router.clone());
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(async move { server.serve_connection(TokioIo::new(stream), service).await });
        }
    });

    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http::<String>();
    for (address, path, status) in [
        (through_axum, "/ours/1", 200),
        (through_axum, "/theirs", 200),
        (through_axum, "/none", 404),
        (through_hyper, "/ours/1", 200),
        (through_hyper, "/theirs", 404),
        (through_hyper, "/none", 404),
    ] {
        let uri = format!("http://{address}{path}").parse().expect("a URI");
        assert_eq!(client.get(uri).await.expect("it answers").status(), status, "{path}");
    }
}

/// A rule of one condition on the path and perhaps one on the method and one on the host.
fn rules() -> impl Strategy<Value = Matcher> {
    let literal = prop::collection::vec(prop::sample::select(vec!["a", "b", ""]), 1..3);
    let fitting = prop::collection::vec(prop::sample::select(vec!["a", "b", "", "{x}", "{y}"]), 1..3);
    let path = prop_oneof![
        Just(Matcher::any()),
        literal.clone().prop_map(|path| Matcher::equals(&format!("/{}", path.join("/")))),
        literal.clone().prop_map(|path| Matcher::starts_with(&format!("/{}", path.join("/")))),
        literal.prop_map(|path| Matcher::ends_with(path.join("/"))),
        (fitting, any::<bool>()).prop_filter_map("names twice", |(segments, rest)| {
            let path = format!("/{}{}", segments.join("/"), if rest { "/{*rest}" } else { "" });
            (path.matches("{x}").count() < 2 && path.matches("{y}").count() < 2).then(|| Matcher::pattern(&path))
        }),
    ];
    let method =
        prop::sample::select(vec![vec![], vec![Method::GET], vec![Method::PUT], vec![Method::GET, Method::PUT]]);
    (path, method, any::<bool>()).prop_map(|(path, methods, host)| {
        let path = if methods.is_empty() { path } else { path.methods(methods) };
        if host { path.host("a") } else { path }
    })
}

/// Every request over a small alphabet, with a letter that no rule names, alone and before the others, and bytes that are
/// not UTF-8.
fn requests() -> Vec<Request<Body>> {
    let segments = ["", "a", "b", "c", "ca", "cb", "%FF"];
    let mut paths = vec!["*".to_owned()];
    let mut longest = vec![String::new()];
    for _ in 0..3 {
        longest = longest.iter().flat_map(|path| segments.map(|segment| format!("{path}/{segment}"))).collect();
        paths.extend_from_slice(&longest);
    }
    let mut requests = Vec::new();
    for path in paths {
        for (method, host) in [("GET", "a"), ("HEAD", "b"), ("PUT", "a"), ("PUT", "b"), ("POST", "a"), ("POST", "b")] {
            let request = Request::builder().method(method).uri(path.as_str()).header(HOST, host);
            requests.push(request.body(Body::default()).expect("valid"));
        }
    }
    requests
}

fn takes(matcher: &Matcher) -> Vec<bool> {
    let router = build(Router::builder().rule(matcher.clone(), named("it")));
    requests().into_iter().map(|request| router.route(request).is_ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_refused_as_shadowed_is_what_no_request_reaches(earlier in rules(), later in rules()) {
        let reached = takes(&earlier).into_iter().zip(takes(&later)).any(|(earlier, later)| later && !earlier);
        let built = Router::<Body>::builder().rule(earlier, named("x")).rule(later, named("y")).build();
        prop_assert_eq!(built.is_ok(), reached, "{:?}", built.err());
    }

    #[test]
    fn of_rules_with_many_conditions_only_unreachable_ones_are_refused(
        a in rules(), b in rules(), c in rules(), d in rules(),
    ) {
        let (earlier, later) = (a.and(b), c.and(d));
        let built = Router::<Body>::builder().rule(earlier.clone(), named("x")).rule(later.clone(), named("y")).build();
        if matches!(built.err(), Some(BuildError::Shadowed { .. })) {
            prop_assert!(takes(&earlier).into_iter().zip(takes(&later)).all(|(earlier, later)| earlier || !later));
        }
    }
}
