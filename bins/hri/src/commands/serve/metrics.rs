//! Metrics for Prometheus.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use hri::Stats;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteStatus {
    what: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    what: &'static str,
}

/// All metrics of the server.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RouteStatus, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    rejected: Counter<u64, AtomicU64>,
    people: Gauge<i64, AtomicI64>,
    members: Gauge<i64, AtomicI64>,
    bytes: Gauge<i64, AtomicI64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("hri");
        let requests = Family::default();
        // From 10 µs to 10 s.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(1e-5, 4.0, 11));
        let seconds = Family::new_with_constructor(histogram);
        let (rejected, people, members, bytes) =
            (Counter::default(), Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("requests", "Requests with a reply", requests.clone());
        let help = "Time from the end of a request to its reply";
        registry.register_with_unit("request", help, Unit::Seconds, seconds.clone());
        registry.register(
            "rejected",
            "Requests rejected because of too many concurrent requests",
            rejected.clone(),
        );
        registry.register("people", "People in the index", people.clone());
        registry.register("members", "Vectors in the index", members.clone());
        registry.register_with_unit("memory", "Memory of the index", Unit::Bytes, bytes.clone());
        Self { registry, requests, seconds, rejected, people, members, bytes }
    }

    pub(super) fn answered(&self, what: &'static str, status: u16, time: Duration) {
        self.requests.get_or_create(&RouteStatus { what, status }).inc();
        self.seconds.get_or_create(&Route { what }).observe(time.as_secs_f64());
    }

    pub(super) fn rejected(&self) {
        self.rejected.inc();
    }

    /// All metrics in the OpenMetrics text format.
    pub(super) fn text(&self, stats: &Stats) -> Result<String, std::fmt::Error> {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.people.set(number(stats.people));
        self.members.set(number(stats.members));
        self.bytes.set(number(stats.people_bytes + stats.member_bytes));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
