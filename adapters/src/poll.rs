//! Asks many drops at once what they hold. A dead one costs the others nothing: each has its own time, and its own
//! answer. Never fetches a file.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::drop::{Drop, DropError, Listed};

/// What each drop holds, in the order given; a drop that has not answered within `limit` is [`DropError::Late`].
pub async fn list_all<'a>(
    drops: impl IntoIterator<Item = &'a dyn Drop>,
    limit: Duration,
) -> Vec<Result<Vec<Listed>, DropError>> {
    let listings = drops.into_iter().map(|drop| async move {
        let listed = tokio::time::timeout(limit, drop.list()).await;
        listed.unwrap_or(Err(DropError::Late { limit }))
    });
    all(listings.collect()).await
}

/// Runs futures side by side, and gives what they gave, in order.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, slot) in running.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *slot = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn they_run_side_by_side_and_answer_in_order() {
        let naps = [300, 100, 200].map(|millis| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            millis
        });
        let together = tokio::time::timeout(Duration::from_millis(550), all(naps.into())).await;
        assert_eq!(together.unwrap(), [300, 100, 200]);
        assert!(all(Vec::<std::future::Ready<()>>::new()).await.is_empty());
    }
}
