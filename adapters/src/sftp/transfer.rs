//! The bytes of one file, with many requests on their way at once, in order. Knows no names, and never holds more than
//! it was allowed.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error;
use russh_sftp::client::rawsession::SftpResult;
use russh_sftp::protocol::{Data, FileAttributes, OpenFlags, Status, StatusCode};

/// Requests on their way, answered in the order in which they were made.
pub(super) struct InFlight<T>(VecDeque<Slot<T>>);

enum Slot<T> {
    Waiting(Pin<Box<dyn Future<Output = T> + Send>>),
    Answered(T),
}

impl<T> InFlight<T> {
    pub(super) fn new() -> InFlight<T> {
        InFlight(VecDeque::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Sends a request: its first poll does that, and the answer is looked at when its turn comes.
    pub(super) async fn send(&mut self, request: impl Future<Output = T> + Send + 'static) {
        let mut request: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(request);
        let first = poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await;
        self.0.push_back(match first {
            Poll::Ready(answer) => Slot::Answered(answer),
            Poll::Pending => Slot::Waiting(request),
        });
    }

    /// The answer to the oldest request; `None` when nothing is on its way.
    pub(super) async fn answer(&mut self) -> Option<T> {
        if let Some(Slot::Waiting(request)) = self.0.front_mut() {
            let answer = request.as_mut().await;
            self.0.pop_front();
            return Some(answer);
        }
        match self.0.pop_front() {
            Some(Slot::Answered(answer)) => Some(answer),
            Some(Slot::Waiting(_)) | None => None,
        }
    }
}

/// Sends a request and does not care for its answer.
fn send_and_forget(request: impl Future) {
    let _ = std::pin::pin!(request).poll(&mut Context::from_waker(Waker::noop()));
}

/// A handle at the server, given back also when a transfer is cut off.
pub(super) struct Handle {
    sftp: Arc<RawSftpSession>,
    id: String,
    is_closed: bool,
}

impl Handle {
    /// Opens a file for reading.
    pub(super) async fn open(sftp: Arc<RawSftpSession>, path: &str) -> SftpResult<Handle> {
        Handle::open_with(sftp, path, OpenFlags::READ).await
    }

    /// Makes a file, or empties the one that is there.
    pub(super) async fn create(sftp: Arc<RawSftpSession>, path: &str) -> SftpResult<Handle> {
        Handle::open_with(sftp, path, OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE).await
    }

    async fn open_with(sftp: Arc<RawSftpSession>, path: &str, flags: OpenFlags) -> SftpResult<Handle> {
        let id = sftp.open(path, flags, FileAttributes::empty()).await?.handle;
        Ok(Handle { sftp, id, is_closed: false })
    }

    /// Opens a folder.
    pub(super) async fn open_dir(sftp: Arc<RawSftpSession>, path: &str) -> SftpResult<Handle> {
        let id = sftp.opendir(path).await?.handle;
        Ok(Handle { sftp, id, is_closed: false })
    }

    /// The next entries of a folder, as a request that can be sent ahead.
    pub(super) fn entries(
        &self,
    ) -> impl Future<Output = SftpResult<Vec<russh_sftp::protocol::File>>> + Send + 'static {
        let (sftp, id) = (self.sftp.clone(), self.id.clone());
        async move { Ok(sftp.readdir(id).await?.files) }
    }

    /// Its size now, if the server tells.
    pub(super) async fn size(&self) -> SftpResult<Option<u64>> {
        Ok(self.sftp.fstat(self.id.as_str()).await?.attrs.size)
    }

    async fn sync(&self) -> SftpResult<()> {
        self.sftp.fsync(self.id.as_str()).await.map(drop)
    }

    async fn close(mut self) -> SftpResult<()> {
        self.is_closed = true;
        self.sftp.close(self.id.as_str()).await.map(drop)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.is_closed {
            send_and_forget(self.sftp.close(self.id.as_str()));
        }
    }
}

/// How many requests of which size may be on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Bytes of one request.
    pub(super) chunk: u32,
    /// Requests.
    pub(super) in_flight: usize,
}

impl Pace {
    /// What fits into `bytes`, at least one request.
    pub(super) fn within(bytes: usize, chunk: u32, in_flight: usize) -> Pace {
        let chunk = chunk.max(1).min(u32::try_from(bytes.max(1)).unwrap_or(u32::MAX));
        Pace { chunk, in_flight: (bytes / chunk as usize).clamp(1, in_flight.max(1)) }
    }
}

struct Answer {
    offset: u64,
    asked: u32,
    data: SftpResult<Data>,
}

/// A file being read from its beginning.
pub(super) struct Reading {
    file: Handle,
    pace: Pace,
    /// The file's size when it was opened; not known when the server does not tell sizes.
    began: Option<u64>,
    /// Where reading ends.
    end: Option<u64>,
    next: u64,
    passed: u64,
    flight: InFlight<Answer>,
}

impl Reading {
    pub(super) async fn begin(file: Handle, pace: Pace) -> SftpResult<Reading> {
        let began = file.size().await?;
        Ok(Reading { file, pace, began, end: began, next: 0, passed: 0, flight: InFlight::new() })
    }

    /// The next bytes in order; `None` at the end.
    pub(super) async fn block(&mut self) -> SftpResult<Option<Vec<u8>>> {
        self.ask().await;
        let Some(Answer { offset, asked, data }) = self.flight.answer().await else { return Ok(None) };
        let bytes = match data {
            Ok(data) => data.data,
            Err(Error::Status(status)) if status.status_code == StatusCode::Eof => Vec::new(),
            Err(error) => return Err(error),
        };
        let got = bytes.len() as u64;
        if got > u64::from(asked) {
            return Err(Error::UnexpectedBehavior(format!("{got} bytes came where {asked} were asked for")));
        }
        self.passed += got;
        if bytes.is_empty() {
            self.flight.clear();
            self.end = Some(offset);
            self.next = offset;
            return Ok(None);
        }
        if got < u64::from(asked) {
            // A short answer leaves a gap: go on behind what came.
            self.flight.clear();
            self.next = offset + got;
        }
        Ok(Some(bytes))
    }

    async fn ask(&mut self) {
        while self.flight.len() < self.pace.in_flight {
            let left = self.end.map_or(u64::MAX, |end| end.saturating_sub(self.next));
            if left == 0 {
                return;
            }
            let asked = u32::try_from(left).map_or(self.pace.chunk, |left| left.min(self.pace.chunk));
            let (sftp, id, offset) = (self.file.sftp.clone(), self.file.id.clone(), self.next);
            self.flight
                .send(async move { Answer { offset, asked, data: sftp.read(id, offset, asked).await } })
                .await;
            self.next += u64::from(asked);
        }
    }

    /// Bytes that passed, and a size that the file has or had: they differ when it changed meanwhile.
    pub(super) async fn end(self) -> SftpResult<(u64, u64)> {
        let now = self.file.size().await?;
        self.file.close().await?;
        let other = [self.began, now].into_iter().flatten().find(|size| *size != self.passed);
        Ok((self.passed, other.unwrap_or(self.passed)))
    }
}

/// A file being written from its beginning.
pub(super) struct Writing {
    file: Handle,
    pace: Pace,
    filling: Vec<u8>,
    written: u64,
    flight: InFlight<SftpResult<Status>>,
}

impl Writing {
    pub(super) fn begin(file: Handle, pace: Pace) -> Writing {
        Writing { file, pace, filling: Vec::new(), written: 0, flight: InFlight::new() }
    }

    /// Takes the next bytes, in order.
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> SftpResult<()> {
        let chunk = self.pace.chunk as usize;
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(chunk - self.filling.len()));
            self.filling.reserve_exact(chunk - self.filling.len());
            self.filling.extend_from_slice(now);
            bytes = rest;
            if self.filling.len() == chunk {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> SftpResult<()> {
        while self.flight.len() >= self.pace.in_flight {
            self.flight.answer().await.transpose()?;
        }
        let bytes = std::mem::take(&mut self.filling);
        let (sftp, id, offset) = (self.file.sftp.clone(), self.file.id.clone(), self.written);
        self.written += bytes.len() as u64;
        self.flight.send(async move { sftp.write(id, offset, bytes).await }).await;
        Ok(())
    }

    /// Waits until the server has everything, on its disk where it can promise that, and tells how much that was.
    pub(super) async fn end(mut self, can_sync: bool) -> SftpResult<u64> {
        if !self.filling.is_empty() {
            self.send().await?;
        }
        while let Some(answer) = self.flight.answer().await {
            answer?;
        }
        if can_sync {
            self.file.sync().await?;
        }
        // Some servers tell of a full disk only here.
        self.file.close().await?;
        Ok(self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use russh_sftp::protocol::{Attrs, Handle as OpenHandle};
    use russh_sftp::server;

    /// A server that gives one file as it likes.
    #[derive(Clone, Debug)]
    struct Moody {
        content: Vec<u8>,
        /// The size it tells, if it does.
        told: Option<u64>,
        /// How many bytes it gives at most, answer by answer, over and over.
        gives: Vec<usize>,
        /// Bytes beyond what was asked for.
        too_much: usize,
        answers: usize,
    }

    impl server::Handler for Moody {
        type Error = StatusCode;

        fn unimplemented(&self) -> StatusCode {
            StatusCode::OpUnsupported
        }

        async fn open(
            &mut self,
            id: u32,
            handle: String,
            _flags: OpenFlags,
            _attributes: FileAttributes,
        ) -> Result<OpenHandle, StatusCode> {
            Ok(OpenHandle { id, handle })
        }

        async fn fstat(&mut self, id: u32, _handle: String) -> Result<Attrs, StatusCode> {
            Ok(Attrs { id, attrs: FileAttributes { size: self.told, ..FileAttributes::empty() } })
        }

        async fn read(&mut self, id: u32, _: String, offset: u64, len: u32) -> Result<Data, StatusCode> {
            let rest = self.content.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
            if rest.is_empty() {
                return Err(StatusCode::Eof);
            }
            let most = self.gives[self.answers % self.gives.len()].min(len as usize) + self.too_much;
            self.answers += 1;
            Ok(Data { id, data: rest[..most.min(rest.len())].to_vec() })
        }

        async fn close(&mut self, id: u32, _handle: String) -> Result<Status, StatusCode> {
            let (error_message, language_tag) = (String::new(), String::new());
            Ok(Status { id, status_code: StatusCode::Ok, error_message, language_tag })
        }
    }

    async fn read_from(server: Moody, pace: Pace) -> SftpResult<(Vec<u8>, (u64, u64))> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        server::run(theirs, server).await;
        let sftp = Arc::new(RawSftpSession::new(ours));
        sftp.init().await?;
        let mut reading = Reading::begin(Handle::open(sftp, "x").await?, pace).await?;
        let mut read = Vec::new();
        while let Some(block) = reading.block().await? {
            read.extend_from_slice(&block);
        }
        Ok((read, reading.end().await?))
    }

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However little a server gives at a time, and whether or not it tells sizes: every byte once, in order.
        #[test]
        fn short_answers_leave_no_gap(
            content in prop::collection::vec(any::<u8>(), 0..3_000),
            gives in prop::collection::vec(1_usize..300, 1..6),
            tells in any::<bool>(),
            (chunk, in_flight) in (1_u32..400, 1_usize..8),
        ) {
            let told = tells.then_some(content.len() as u64);
            let server = Moody { content: content.clone(), told, gives, too_much: 0, answers: 0 };
            let (read, (got, size)) = run(read_from(server, Pace { chunk, in_flight })).unwrap();
            prop_assert_eq!((got, size), (content.len() as u64, content.len() as u64));
            prop_assert!(read == content);
        }

        /// A server that has less or more than it says is found out.
        #[test]
        fn another_size_than_told_is_noticed(len in 0_usize..2_000, told in 0_u64..2_000) {
            prop_assume!(len as u64 != told);
            let server = Moody { content: vec![7; len], told: Some(told), gives: vec![100], too_much: 0, answers: 0 };
            let (read, (got, size)) = run(read_from(server, Pace { chunk: 100, in_flight: 4 })).unwrap();
            prop_assert_eq!(read.len() as u64, got);
            // What lies behind the size told is not asked for: it belongs to another delivery.
            prop_assert_eq!(got, told.min(len as u64));
            prop_assert!((len as u64) > told || got != size);
        }
    }

    #[test]
    fn more_than_was_asked_for_is_refused() {
        let server =
            Moody { content: vec![7; 1_000], told: Some(1_000), gives: vec![100], too_much: 1, answers: 0 };
        let error = run(read_from(server, Pace { chunk: 100, in_flight: 4 })).unwrap_err();
        assert!(error.to_string().contains("101 bytes"), "{error}");
    }

    #[test]
    fn a_pace_stays_within_its_bytes() {
        assert_eq!(Pace::within(4 << 20, 32 << 10, 64), Pace { chunk: 32 << 10, in_flight: 64 });
        assert_eq!(Pace::within(4 << 20, 255 << 10, 64), Pace { chunk: 255 << 10, in_flight: 16 });
        assert_eq!(Pace::within(1000, 32 << 10, 64), Pace { chunk: 1000, in_flight: 1 });
        assert_eq!(Pace::within(0, 0, 0), Pace { chunk: 1, in_flight: 1 });
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_requests() {
        let mut flight = InFlight::new();
        for nap in [30, 10, 0] {
            let request = async move {
                if nap > 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(nap)).await;
                }
                nap
            };
            flight.send(request).await;
        }
        let answers = [flight.answer().await, flight.answer().await, flight.answer().await];
        assert_eq!(answers, [Some(30), Some(10), Some(0)]);
        assert_eq!(flight.answer().await, None);
    }
}
