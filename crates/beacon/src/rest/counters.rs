//! Counting requests.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;

use crate::metrics::{Family, Source};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// REST requests by the class of their answer.
#[derive(Debug, Default)]
pub struct RestCounters {
    by_class: [AtomicU64; CLASSES.len()],
    unauthorized: AtomicU64,
    over_quota: AtomicU64,
}

impl RestCounters {
    pub(super) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.by_class[class].fetch_add(1, Ordering::Relaxed);
        match status {
            StatusCode::UNAUTHORIZED => self.unauthorized.fetch_add(1, Ordering::Relaxed),
            StatusCode::TOO_MANY_REQUESTS => self.over_quota.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

impl Source for RestCounters {
    fn families(&self) -> Vec<Family> {
        let requests = Family::counter("rest_requests", "REST requests, by class of the answer's status");
        let requests = CLASSES
            .iter()
            .zip(&self.by_class)
            .fold(requests, |family, (class, count)| family.with(&[("status", class)], count.load(Ordering::Relaxed)));
        let refusals = Family::counter("rest_refusals", "REST requests refused for reasons worth an alert")
            .with(&[("reason", "unauthorized")], self.unauthorized.load(Ordering::Relaxed))
            .with(&[("reason", "quota")], self.over_quota.load(Ordering::Relaxed));
        vec![requests, refusals]
    }
}
