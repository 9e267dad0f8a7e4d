//! The writer's queue: chunks of files in one lane, everything else in another that goes first.
//!
//! A clerk's command, or the next file's arrival, waits for the commit under way and no longer: it shares none with
//! chunks. Within a lane the order is that of asking.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Small writes that may share a commit.
const SMALL_PER_COMMIT: usize = 64;
/// Chunks that may share a commit: more would keep the others waiting.
const CHUNKS_PER_COMMIT: usize = 2;
/// Chunks that may wait; whoever brings one more waits himself.
const CHUNKS_WAITING: usize = 8;

/// Which lane a write takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Small,
    Chunks,
}

struct Lanes<J> {
    small: VecDeque<J>,
    chunks: VecDeque<J>,
    /// Whether the last commit was one of small writes: chunks are not put off for ever.
    were_small: bool,
    is_closed: bool,
}

/// See the module.
pub(super) struct Queue<J> {
    lanes: Mutex<Lanes<J>>,
    changed: Condvar,
}

impl<J> Queue<J> {
    pub(super) fn new() -> Queue<J> {
        let lanes =
            Lanes { small: VecDeque::new(), chunks: VecDeque::new(), were_small: false, is_closed: false };
        Queue { lanes: Mutex::new(lanes), changed: Condvar::new() }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes<J>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, lanes: MutexGuard<'a, Lanes<J>>) -> MutexGuard<'a, Lanes<J>> {
        self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job. After [`Queue::close`] it is dropped.
    pub(super) fn push(&self, lane: Lane, job: J) {
        let mut lanes = self.lanes();
        while lane == Lane::Chunks && lanes.chunks.len() >= CHUNKS_WAITING && !lanes.is_closed {
            lanes = self.wait(lanes);
        }
        if lanes.is_closed {
            return;
        }
        match lane {
            Lane::Small => lanes.small.push_back(job),
            Lane::Chunks => lanes.chunks.push_back(job),
        }
        self.changed.notify_all();
    }

    /// The jobs of the next commit, waiting for one; none when the queue is closed and empty.
    pub(super) fn next(&self) -> Vec<J> {
        let mut lanes = self.lanes();
        while lanes.small.is_empty() && lanes.chunks.is_empty() && !lanes.is_closed {
            lanes = self.wait(lanes);
        }
        lanes.were_small = !lanes.small.is_empty() && (lanes.chunks.is_empty() || !lanes.were_small);
        let (lane, most) = match lanes.were_small {
            true => (&mut lanes.small, SMALL_PER_COMMIT),
            false => (&mut lanes.chunks, CHUNKS_PER_COMMIT),
        };
        let count = lane.len().min(most);
        let jobs = lane.drain(..count).collect();
        self.changed.notify_all();
        jobs
    }

    /// Lets what waits be done, and nothing more come.
    pub(super) fn close(&self) {
        self.lanes().is_closed = true;
        self.changed.notify_all();
    }
}

/// Gives up the queue when its reader ends, even by a panic: nobody shall wait for a writer that is gone.
pub(super) struct Reading<'a, J>(pub(super) &'a Queue<J>);

impl<J> Drop for Reading<'_, J> {
    fn drop(&mut self) {
        let mut lanes = self.0.lanes();
        lanes.is_closed = true;
        lanes.small.clear();
        lanes.chunks.clear();
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_writes_pass_chunks_but_do_not_keep_them_back() {
        let queue = Queue::new();
        for (lane, job) in
            [(Lane::Chunks, 1), (Lane::Chunks, 2), (Lane::Small, 3), (Lane::Chunks, 4), (Lane::Small, 5)]
        {
            queue.push(lane, job);
        }
        assert_eq!(queue.next(), [3, 5]);
        queue.push(Lane::Small, 6);
        assert_eq!(queue.next(), [1, 2]);
        queue.close();
        queue.push(Lane::Small, 7);
        assert_eq!([queue.next(), queue.next(), queue.next()], [vec![6], vec![4], vec![]]);
    }
}
