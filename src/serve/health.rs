//! `/health`, `/ready` and `/metrics`, on loopback only and on a thread of their own: they answer while the hub is busy.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::metrics::Metrics;
use crate::pipelines::{Hub, chain};

/// A scheduler that has not ticked for so long is taken to be stuck.
pub const STUCK: Duration = Duration::from_secs(30);

/// What the hub tells of itself.
pub struct Vitals {
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    /// When the scheduler last ticked, milliseconds of the clock that nobody sets.
    ticked: AtomicU64,
    is_polled: AtomicBool,
    is_stopping: AtomicBool,
}

impl Vitals {
    /// Of a hub that starts now.
    pub fn new(hub: Arc<Hub>, metrics: Arc<Metrics>) -> Vitals {
        let ticked = AtomicU64::new(millis(hub.clock.elapsed()));
        let flag = || AtomicBool::new(false);
        Vitals { hub, metrics, ticked, is_polled: flag(), is_stopping: flag() }
    }

    /// The scheduler is alive.
    pub fn tick(&self) {
        self.ticked.store(millis(self.hub.clock.elapsed()), Ordering::Relaxed);
    }

    /// Every place has been looked at once.
    pub fn polled(&self) {
        self.is_polled.store(true, Ordering::Relaxed);
    }

    /// Nothing new is begun any more.
    pub fn stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Why it is not well; `None` when it is.
    fn ailment(&self) -> Option<String> {
        let ticked = Duration::from_millis(self.ticked.load(Ordering::Relaxed));
        let silent = self.hub.clock.elapsed().saturating_sub(ticked);
        if silent > STUCK {
            return Some(format!("the scheduler last ticked {} seconds ago", silent.as_secs()));
        }
        let asked = self.hub.store.read(crate::store::schedule::clock_held);
        asked.err().map(|error| chain(&error))
    }

    /// Why it does not work yet, or any more.
    fn unreadiness(&self) -> Option<String> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Some("stopping".to_owned());
        }
        let is_polled = self.is_polled.load(Ordering::Relaxed);
        self.ailment().or_else(|| (!is_polled).then(|| "not every place has been looked at yet".to_owned()))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Answers on `address` from now on, until the process ends, and tells where: port 0 is a free one.
///
/// # Errors
/// When the address cannot be had.
pub fn listen(address: SocketAddr, vitals: Arc<Vitals>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, router(vitals)).await
    };
    std::thread::Builder::new().name("health".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(serve) {
            tracing::error!(%error, "health and metrics are not answered any more");
        }
    })?;
    Ok(bound)
}

fn router(vitals: Arc<Vitals>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(numbers))
        .with_state(vitals)
}

async fn health(State(vitals): State<Arc<Vitals>>) -> Response {
    well_unless(vitals.ailment())
}

async fn ready(State(vitals): State<Arc<Vitals>>) -> Response {
    well_unless(vitals.unreadiness())
}

fn well_unless(wrong: Option<String>) -> Response {
    match wrong {
        None => (StatusCode::OK, "ok\n".to_owned()).into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn numbers(State(vitals): State<Arc<Vitals>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, vitals.metrics.render(&vitals.hub)).into_response()
}
