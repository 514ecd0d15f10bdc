//! Random requests, answers and waits, against a plain account of what each stored answer allows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use proptest::prelude::*;

use crate::support::{Answer, Asked, Harness, body, text};

/// What the origin says with its answers.
#[derive(Clone, Debug, Default)]
struct Rule {
    max_age: u64,
    while_revalidating: u64,
    if_error: u64,
    is_private: bool,
    is_public: bool,
    must_revalidate: bool,
    no_cache: bool,
    no_store: bool,
    has_etag: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    /// The origin says something else from now on, or fails.
    Say(Rule),
    Fail(bool),
    Get {
        path: u8,
        variant: u16,
        user: Option<u16>,
        max_age: Option<u64>,
        no_cache: bool,
    },
    Change {
        path: u8,
    },
}

/// One answer of the origin.
#[derive(Clone, Debug)]
struct Given {
    path: String,
    variant: String,
    has_user: bool,
    rule: Rule,
    /// When it was given, or last said to be still good.
    at: u64,
    version: u64,
}

#[derive(Debug, Default)]
struct Origin {
    now: u64,
    rule: Rule,
    fails: bool,
    versions: HashMap<String, u64>,
    given: Vec<Given>,
}

impl Origin {
    fn answer(&mut self, request: &Asked) -> Answer {
        let path = request.uri().path().to_owned();
        if request.method() != Method::GET {
            *self.versions.entry(path).or_default() += 1;
            return Ok(Response::new(body("")));
        }
        if self.fails {
            return Err("the origin is gone".into());
        }
        let version = *self.versions.entry(path.clone()).or_default();
        let known = request.headers().get("if-none-match").and_then(|etag| {
            let number: usize = etag.to_str().ok()?.trim_matches('"').parse().ok()?;
            (self.given[number].version == version).then_some(number)
        });
        let mut response =
            Response::builder().header("cache-control", self.rule.directives()).header("vary", "variant");
        if let Some(number) = known {
            let given = &mut self.given[number];
            (given.at, given.rule) = (self.now, self.rule.clone());
            given.has_user = request.headers().contains_key("authorization");
            return Ok(response.status(304).header("etag", format!("\"{number}\"")).body(body(""))?);
        }
        let number = self.given.len();
        if self.rule.has_etag {
            response = response.header("etag", format!("\"{number}\""));
        }
        self.given.push(Given {
            path,
            variant: request.headers()["variant"].to_str()?.to_owned(),
            has_user: request.headers().contains_key("authorization"),
            rule: self.rule.clone(),
            at: self.now,
            version,
        });
        Ok(response.body(body(number.to_string()))?)
    }
}

impl Rule {
    fn directives(&self) -> String {
        let mut list = vec![
            format!("max-age={}", self.max_age),
            format!("stale-while-revalidate={}", self.while_revalidating),
            format!("stale-if-error={}", self.if_error),
        ];
        let flags = [
            (self.is_private, "private"),
            (self.is_public, "public"),
            (self.must_revalidate, "must-revalidate"),
            (self.no_cache, "no-cache"),
            (self.no_store, "no-store"),
        ];
        list.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| (*name).to_owned()));
        list.join(", ")
    }

    /// How old an answer may be when it is served without asking, or although asking failed.
    fn may_become(&self, fails: bool) -> u64 {
        if self.must_revalidate {
            return self.max_age;
        }
        self.max_age + if fails { self.while_revalidating.max(self.if_error) } else { self.while_revalidating }
    }
}

fn rules() -> impl Strategy<Value = Rule> {
    let times = (0..20_u64, 0..10_u64, 0..10_u64);
    let rare = || prop::bool::weighted(0.15);
    (times, rare(), any::<bool>(), rare(), rare(), rare(), any::<bool>()).prop_map(
        |(
            (max_age, while_revalidating, if_error),
            is_private,
            is_public,
            must_revalidate,
            no_cache,
            no_store,
            has_etag,
        )| {
            Rule {
                max_age,
                while_revalidating,
                if_error,
                is_private,
                is_public,
                must_revalidate,
                no_cache,
                no_store,
                has_etag,
            }
        },
    )
}

fn steps() -> impl Strategy<Value = Step> {
    let user = prop::option::weighted(0.3, 0..2_u16);
    let max_age = prop::option::weighted(0.2, 0..20_u64);
    let get = (0..2_u8, 0..2_u16, user, max_age, prop::bool::weighted(0.1));
    prop_oneof![
        4 => (0..12_u64).prop_map(Step::Wait),
        2 => rules().prop_map(Step::Say),
        1 => any::<bool>().prop_map(Step::Fail),
        10 => get.prop_map(|(path, variant, user, max_age, no_cache)| Step::Get { path, variant, user, max_age, no_cache }),
        1 => (0..2_u8).prop_map(|path| Step::Change { path }),
    ]
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let origin = Arc::new(Mutex::new(Origin::default()));
    let answering = Arc::clone(&origin);
    let harness = Harness::new(move |request, _| answering.lock().expect("nobody panics").answer(request));
    for step in steps {
        match step {
            Step::Wait(seconds) => {
                harness.advance(seconds);
                origin.lock().expect("nobody panics").now += seconds;
            }
            Step::Say(rule) => origin.lock().expect("nobody panics").rule = rule,
            Step::Fail(fails) => origin.lock().expect("nobody panics").fails = fails,
            Step::Change { path } => {
                harness.send(Request::put(format!("http://origin.example/{path}"))).await;
            }
            Step::Get { path, variant, user, max_age, no_cache } => {
                let mut request = Request::get(format!("http://origin.example/{path}")).header("variant", variant);
                if let Some(user) = user {
                    request = request.header("authorization", user);
                }
                if let Some(max_age) = max_age {
                    request = request.header("cache-control", format!("max-age={max_age}"));
                }
                if no_cache {
                    request = request.header("cache-control", "no-cache");
                }
                // Of what is served from the store the account before this request counts: the request may itself make
                // the origin say something else of it in the background.
                let before = origin.lock().expect("nobody panics").given.clone();
                let response = harness.send(request).await;
                let is_validated = response.headers()["cache-status"].to_str().unwrap().ends_with("fwd-status=304");
                let status = response.status();
                let answer = text(response).await;
                let origin = origin.lock().expect("nobody panics");
                if status == StatusCode::BAD_GATEWAY {
                    prop_assert!(origin.fails, "an error that the origin did not make");
                    continue;
                }
                let number: usize = answer.parse().expect("the body is the number of an answer");
                let now = &origin.given[number];
                prop_assert_eq!(now.path.as_str(), format!("/{path}"));
                prop_assert_eq!(now.variant.as_str(), variant.to_string());
                if is_validated {
                    prop_assert_eq!(now.version, origin.versions[&now.path], "the origin said that it is good");
                    continue;
                }
                let Some(given) = before.get(number) else { continue };
                let (rule, age) = (&given.rule, origin.now - given.at);
                prop_assert!(!rule.is_private && !rule.no_store, "somebody else's answer: {:?}", given);
                prop_assert!(
                    !given.has_user || rule.is_public || rule.must_revalidate,
                    "a login's answer: {:?}",
                    given
                );
                prop_assert_eq!(given.version, origin.versions[&given.path], "it was changed since: {:?}", given);
                prop_assert!(!rule.no_cache && !no_cache, "it was to be validated: {:?}", given);
                let most = rule.may_become(origin.fails);
                prop_assert!(age < most && age <= max_age.unwrap_or(age), "{} is too old: {:?}", age, given);
            }
        }
        // What was begun in the background ends here.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn nothing_is_served_to_whom_or_when_it_may_not(steps in prop::collection::vec(steps(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(run(steps))?;
    }
}
