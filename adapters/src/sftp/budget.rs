//! How much memory transfers may hold at once, whatever the size of their files and the number of endpoints.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes in flight, shared by every endpoint of the hub. Each transfer has an equal share for as long as it lasts, and
/// one more than there are shares waits. So the whole is never passed, and no transfer can starve another.
#[derive(Debug)]
pub struct ByteBudget {
    shares: Arc<Semaphore>,
    share: usize,
}

impl ByteBudget {
    /// `bytes` in all, in `transfers` equal shares.
    ///
    /// # Panics
    /// When `transfers` is 0: nothing could ever be transferred.
    pub fn new(bytes: usize, transfers: usize) -> ByteBudget {
        assert!(transfers > 0, "a budget for no transfers");
        ByteBudget { shares: Arc::new(Semaphore::new(transfers)), share: bytes / transfers }
    }

    /// Waits for a share.
    pub(super) async fn share(&self) -> Share {
        // The semaphore is never closed, so the permit is always there.
        let permit = self.shares.clone().acquire_owned().await.ok();
        Share { bytes: self.share, _permit: permit }
    }
}

impl Default for ByteBudget {
    /// 32 MiB for 8 transfers (design: budget for memory).
    fn default() -> ByteBudget {
        ByteBudget::new(32 << 20, 8)
    }
}

/// What one transfer may hold in memory; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    /// Bytes.
    pub(super) bytes: usize,
    _permit: Option<OwnedSemaphorePermit>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_ninth_transfer_waits_for_one_of_the_eight() {
        let budget = ByteBudget::default();
        let mut shares = Vec::new();
        for _ in 0..8 {
            shares.push(budget.share().await);
        }
        assert_eq!(shares.iter().map(|share| share.bytes).sum::<usize>(), 32 << 20);
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, budget.share()).await.is_err());
        shares.pop();
        assert!(tokio::time::timeout(soon, budget.share()).await.is_ok());
    }
}
