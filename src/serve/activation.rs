//! One activation, as the schedule starts it: with a span that names it, an end to its patience, and an outcome that is
//! told in the log. An activation that is cut off has crashed, as far as it is concerned: the next one goes on.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::plan::Window;
use crate::config::{Pipeline, PipelineKind};
use crate::pipelines::{self, Activity, Hub, PipelineError, chain, receive_payments, send_bundles};

/// Why an activation is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It is time to look again.
    Poll,
    /// Its time by the wall clock has come.
    Window(Window),
    /// Payments that are due at once may have come.
    Immediate,
}

/// An activation to be started. Its places are taken until it is reported as done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Which line of the schedule.
    pub(super) line: usize,
    /// The pipeline's name.
    pub pipeline: String,
    /// Why.
    pub cause: Cause,
    /// What the log calls it.
    pub run: Uuid,
    /// When it is started.
    pub at: Timestamp,
}

impl Start {
    /// As numbers and summaries name it: what is sent at once is told apart from the daily run.
    pub fn label(&self) -> String {
        match self.cause {
            Cause::Immediate => format!("{} immediate", self.pipeline),
            Cause::Poll | Cause::Window(_) => self.pipeline.clone(),
        }
    }
}

/// How an activation ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// What it did.
    pub activity: Activity,
    /// What stopped it.
    pub error: Option<String>,
    /// Whether it was cut off.
    pub was_cut: bool,
}

impl Ended {
    /// Whether all of it succeeded.
    pub fn is_success(&self) -> bool {
        self.error.is_none() && !self.was_cut && self.activity.failures.is_empty()
    }

    /// Whether it changed nothing.
    pub fn is_idle(&self) -> bool {
        Activity { failures: Vec::new(), ..self.activity.clone() }.is_idle()
    }
}

/// The longest that an activation that receives may take: a million payments take less by far, and adapters give up a
/// silent counterparty much sooner.
pub const RECEIVING_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// The same for one that sends, which is not lightly cut off.
pub const SENDING_PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Takes in what there is, and sends nothing.
///
/// # Errors
/// What stopped it.
pub async fn receive(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    match pipeline.kind {
        PipelineKind::ReceivePayments => receive_payments::activate(hub, pipeline).await,
        _ => pipelines::run(hub, &pipeline.name).await,
    }
}

/// Whether it sends: then it waits for a clock that can be believed.
pub(super) fn sends(hub: &Hub, start: &Start) -> bool {
    let receives = hub.pipeline(&start.pipeline).is_ok_and(|pipeline| pipeline.kind.receives());
    start.cause == Cause::Immediate || !receives
}

/// Runs it. Dropping the future at any point is safe.
pub async fn activate(hub: &Hub, start: &Start) -> Ended {
    let patience = if sends(hub, start) { SENDING_PATIENCE } else { RECEIVING_PATIENCE };
    let span = span(start);
    let ended = match tokio::time::timeout(patience, work(hub, start).instrument(span.clone())).await {
        Ok(Ok(activity)) => Ended { activity, ..Ended::default() },
        Ok(Err(error)) => Ended { error: Some(chain(&error)), ..Ended::default() },
        Err(_) => Ended { was_cut: true, ..Ended::default() },
    };
    span.in_scope(|| tell(&ended, patience));
    ended
}

async fn work(hub: &Hub, start: &Start) -> Result<Activity, PipelineError> {
    match start.cause {
        Cause::Immediate => send_bundles::send_immediate(hub).await,
        Cause::Poll | Cause::Window(_) => receive_or_send(hub, hub.pipeline(&start.pipeline)?).await,
    }
}

async fn receive_or_send(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    match pipeline.kind.receives() {
        true => receive(hub, pipeline).await,
        false => pipelines::run(hub, &pipeline.name).await,
    }
}

fn span(start: &Start) -> Span {
    let window = match start.cause {
        Cause::Poll => "poll".to_owned(),
        Cause::Immediate => "immediate".to_owned(),
        Cause::Window(window) => window.due.to_string(),
    };
    tracing::info_span!("run", pipeline = %start.pipeline, window, run = %start.run)
}

fn tell(ended: &Ended, patience: Duration) {
    if ended.was_cut {
        tracing::error!(seconds = patience.as_secs(), "the activation took too long and was cut off");
    }
    if let Some(error) = &ended.error {
        tracing::error!(error, "the activation was stopped");
    }
    for failure in &ended.activity.failures {
        tracing::warn!(failure, "failed, and left for the next run");
    }
    let Activity {
        accepted,
        quarantined,
        ignored,
        records,
        rejected,
        bundles,
        payments,
        vouchers,
        adopted,
        tasks,
        failures: _,
    } = &ended.activity;
    if !ended.is_idle() {
        tracing::info!(
            accepted,
            quarantined,
            ignored,
            records,
            rejected,
            bundles,
            payments,
            vouchers,
            adopted,
            tasks,
            "the activation is done"
        );
    }
}
