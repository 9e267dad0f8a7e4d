//! Numbers for those who watch the hub, in the words of Prometheus. Trouble here never stops a payment, and no number
//! or label holds personal data.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::activation::{Ended, Start};
use crate::pipelines::{Hub, chain};
use crate::seams::Clock;
use crate::steps::Step;
use crate::store::Witness;
use crate::store::pulse::Pulse;

/// Bounds of the histogram of writes, in seconds: one sync is about four milliseconds.
const WRITE_SECONDS: [f64; 9] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0];
const WRITES: &str = "toek_store_write_seconds";

/// See the module.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let builder = PrometheusBuilder::new();
        let writes = Matcher::Full(WRITES.to_owned());
        let builder = builder.set_buckets_for_metric(writes, &WRITE_SECONDS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        Metrics { recorder, handle }
    }
}

impl Metrics {
    fn record(&self, record: impl FnOnce()) {
        metrics::with_local_recorder(&self.recorder, record);
    }

    /// Whether sending is held because the clock is doubted.
    pub fn clock_held(&self, held: bool) {
        self.record(|| gauge!("toek_clock_held").set(if held { 1 } else { 0 }));
    }

    /// A run began late.
    pub fn late_run(&self, pipeline: &str) {
        self.record(|| counter!("toek_late_runs_total", "pipeline" => pipeline.to_owned()).increment(1));
    }

    /// An activation ended.
    pub fn ended(&self, hub: &Hub, start: &Start, ended: &Ended, now: Timestamp) {
        let pipeline = || start.label();
        let result = if ended.is_success() { "success" } else { "failure" };
        let activity = &ended.activity;
        let counts = [
            ("toek_files_total", "accepted", activity.accepted),
            ("toek_files_total", "quarantined", activity.quarantined),
            ("toek_files_total", "ignored", activity.ignored),
            ("toek_records_total", "taken", activity.records),
            ("toek_records_total", "rejected", activity.rejected),
            ("toek_sent_total", "bundles", activity.bundles),
            ("toek_sent_total", "payments", activity.payments),
        ];
        let stopped = u64::from(ended.error.is_some() || ended.was_cut);
        let failures = activity.failures.len() as u64 + stopped;
        self.record(|| {
            counter!("toek_runs_total", "pipeline" => pipeline(), "result" => result).increment(1);
            for (name, what, count) in counts.into_iter().filter(|(_, _, count)| *count > 0) {
                counter!(name, "pipeline" => pipeline(), "what" => what).increment(count);
            }
            if let Ok(pipeline) = hub.pipeline(&start.pipeline) {
                let endpoint = pipeline.endpoint.clone();
                counter!("toek_failures_total", "endpoint" => endpoint).increment(failures);
            }
            if ended.is_success() {
                let seconds = u32::try_from(now.as_second()).unwrap_or(u32::MAX);
                gauge!("toek_last_success_timestamp_seconds", "pipeline" => pipeline()).set(seconds);
            }
        });
    }

    /// Folds measured times into their histogram, which else grows until somebody asks.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }

    /// All numbers as text, those of the store as they are now.
    pub fn render(&self, hub: &Hub) -> String {
        let mut text = self.handle.render();
        match hub.store.read(crate::store::pulse::read) {
            Ok(pulse) => text.push_str(&standing(&pulse, hub.clock.now())),
            Err(error) => tracing::error!(error = %chain(&error), "the store gave no numbers"),
        }
        text
    }
}

/// What stands where in the store. A recorder of its own each time: what is not there any more is not told.
fn standing(pulse: &Pulse, now: Timestamp) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        for (direction, format, state, count) in &pulse.transfers {
            let format = format.clone();
            gauge!("toek_transfers", "direction" => *direction, "format" => format, "state" => *state)
                .set(number(*count));
        }
        for (state, count, payments, undecided) in &pulse.bundles {
            gauge!("toek_bundles", "state" => *state).set(number(*count));
            gauge!("toek_bundle_payments", "state" => *state).set(number(*payments));
            gauge!("toek_bundle_payments_undecided", "state" => *state).set(number(*undecided));
        }
        for (kind, count) in &pulse.tasks {
            gauge!("toek_tasks_open", "kind" => kind.clone()).set(number(*count));
        }
        gauge!("toek_tasks").set(number(pulse.tasks.iter().map(|(_, count)| count).sum()));
        let oldest = pulse.oldest_unlanded.map_or(0, |at| (now.as_microsecond() - at).max(0) / 1_000_000);
        gauge!("toek_oldest_unlanded_bundle_seconds").set(number(oldest.unsigned_abs()));
    });
    recorder.handle().render()
}

/// Exact up to four thousand million, and then at least that.
fn number(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Measures the store's writes into the metrics.
pub struct WriteTimes {
    /// Where to.
    pub metrics: Arc<Metrics>,
    /// By which clock.
    pub clock: Arc<dyn Clock>,
}

impl Witness for WriteTimes {
    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn wrote(&self, _step: Step, took: Duration) {
        self.metrics.record(|| histogram!(WRITES).record(took));
    }
}
