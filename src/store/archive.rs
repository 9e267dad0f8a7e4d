//! The archive: the bytes of every file, in and out, kept once as they came or went.
//!
//! A file is cut into blocks; each is compressed and sealed under a data key of its own transfer, so that a block can be
//! read without its neighbours, a changed bit is noticed, and destroying the key erases the file while its SHA-256
//! (of the original bytes) stays as proof. Knows transfers by number only.
//!
//! File form: `TOEKARC1`; per block a length (4 bytes, little-endian) and the sealed bytes; then the index: per block
//! where it begins (8 bytes) and how many original bytes precede it (8); then the number of blocks (8), the original
//! size (8) and `TOEKEND1`.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, DiskError, DiskFile, read_exact_at, temporary_beside};
use toek_adapters::drop::{Sink, Source};

use crate::canary::{self, Canary};
use crate::domain::identity::TransferNo;

/// Original bytes per block.
const BLOCK: usize = 256 * 1024;
const MAGIC: &[u8; 8] = b"TOEKARC1";
const END: &[u8; 8] = b"TOEKEND1";
/// Compression level: as fast as a disk writes, and records of blanks still shrink tenfold.
const LEVEL: i32 = 1;
const TAG: usize = 16;

/// What can go wrong with an archived file.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk failed.
    #[error("the archive's disk failed")]
    Disk(#[from] DiskError),
    /// The file's bytes are not those that were written.
    #[error("archived transfer {transfer} is damaged: {what}")]
    Damaged {
        /// The transfer.
        transfer: i64,
        /// What does not fit.
        what: &'static str,
    },
    /// The key of a transfer cannot be opened with the installation's key.
    #[error("the data key does not belong to this installation")]
    Key,
}

/// Thirty-two secret bytes. Hidden from `Debug`, so from every log.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// From random bytes.
    pub fn new(bytes: [u8; 32]) -> Key {
        Key(bytes)
    }

    fn sealing(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &self.0).ok().map(LessSafeKey::new)
    }

    /// The data key sealed by this key: nonce, sealed bytes, tag. `nonce` must be fresh chance.
    pub fn wrap(&self, data_key: &Key, nonce: [u8; 12]) -> Result<Vec<u8>, ArchiveError> {
        let key = self.sealing().ok_or(ArchiveError::Key)?;
        let mut sealed = data_key.0.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(|_| ArchiveError::Key)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The data key that [`Key::wrap`] sealed.
    pub fn unwrap_key(&self, wrapped: &[u8]) -> Result<Key, ArchiveError> {
        let key = self.sealing().ok_or(ArchiveError::Key)?;
        let (nonce, sealed) = wrapped.split_first_chunk::<12>().ok_or(ArchiveError::Key)?;
        let mut opened = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let bytes = key.open_in_place(nonce, Aad::empty(), &mut opened).map_err(|_| ArchiveError::Key)?;
        Ok(Key(<[u8; 32]>::try_from(&*bytes).map_err(|_| ArchiveError::Key)?))
    }
}

/// A block's nonce is its number: never repeated under a data key, since a file is written once per key.
fn nonce_of(block: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&block.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

/// The folder of archived files.
#[derive(Clone)]
pub struct Archive {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Folders whose names this process knows to be durable. That a folder is there says nothing of that: whoever made it
    /// may have failed, or died, before its name was synced.
    durable: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Archive {
    /// The archive in folder `dir`.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Archive {
        Archive { disk, dir, durable: Arc::default() }
    }

    fn path_of(&self, transfer: TransferNo) -> PathBuf {
        self.dir.join(Archive::place_of(transfer))
    }

    /// Where the archive keeps a transfer, below its folder.
    pub fn place_of(transfer: TransferNo) -> PathBuf {
        // A thousand files to a folder, in the order they came.
        PathBuf::from(format!("{:06}", transfer.0 / 1_000)).join(format!("{:09}.toek", transfer.0))
    }

    fn make_durable(&self, dir: &Path) -> Result<(), ArchiveError> {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.contains(dir) {
            return Ok(());
        }
        if !self.disk.exists(dir)? {
            self.disk.create_dir_all(dir)?;
        }
        self.disk.sync_dir(&self.dir)?;
        durable.insert(dir.to_owned());
        Ok(())
    }

    /// Starts the archived file of a transfer; an unfinished one from before a crash is overwritten.
    pub fn create(&self, transfer: TransferNo, key: &Key) -> Result<ArchiveWriter, ArchiveError> {
        let path = self.path_of(transfer);
        let dir = path.parent().unwrap_or(Path::new(".")).to_owned();
        self.make_durable(&dir)?;
        let temporary = temporary_beside(&path);
        let mut file = io::BufWriter::with_capacity(BLOCK, self.disk.create(&temporary)?);
        file.write_all(MAGIC).map_err(|e| DiskError::new("write", &temporary, e))?;
        Ok(ArchiveWriter {
            disk: self.disk.clone(),
            file,
            key: key.sealing().ok_or(ArchiveError::Key)?,
            compressor: zstd::bulk::Compressor::new(LEVEL)
                .map_err(|e| DiskError::new("compress for", &path, e))?,
            path,
            temporary,
            dir,
            transfer,
            block: Vec::with_capacity(BLOCK),
            index: Vec::new(),
            at: MAGIC.len() as u64,
            size: 0,
            hash: Sha256::new(),
        })
    }

    /// Opens an archived file.
    pub fn open(&self, transfer: TransferNo, key: &Key) -> Result<ArchiveReader, ArchiveError> {
        let path = self.path_of(transfer);
        let damaged = |what| ArchiveError::Damaged { transfer: transfer.0, what };
        let length = self.disk.entry(&path)?.ok_or(damaged("the file is missing"))?.size;
        let mut file = self.disk.open(&path)?;
        let failed = |e| DiskError::new("read", &path, e);
        if length < 32 {
            return Err(damaged("it is cut off"));
        }
        let mut magic = [0; 8];
        read_exact_at(&mut *file, 0, &mut magic).map_err(failed)?;
        if magic != *MAGIC {
            return Err(damaged("its beginning is missing"));
        }
        let mut tail = [0; 24];
        read_exact_at(&mut *file, length - 24, &mut tail).map_err(failed)?;
        let (blocks, size) = (u64_at(&tail, 0), u64_at(&tail, 8));
        let index_bytes = blocks.checked_mul(16).filter(|bytes| *bytes <= length - 32);
        let (Some(index_bytes), true) = (index_bytes, &tail[16..] == END) else {
            return Err(damaged("its end is missing"));
        };
        let mut raw = vec![0; index_bytes as usize];
        read_exact_at(&mut *file, length - 24 - index_bytes, &mut raw).map_err(failed)?;
        let index: Vec<_> = raw.chunks_exact(16).map(|entry| (u64_at(entry, 0), u64_at(entry, 8))).collect();
        if (0..).zip(&index).any(|(block, (_, before))| *before != block * BLOCK as u64) {
            return Err(damaged("its index does not fit its blocks"));
        }
        let decompressor = zstd::bulk::Decompressor::new().map_err(failed)?;
        Ok(ArchiveReader {
            file,
            path,
            key: key.sealing().ok_or(ArchiveError::Key)?,
            transfer,
            index,
            size,
            current: None,
            sealed: Vec::new(),
            plain: Vec::new(),
            next: 0,
            decompressor,
        })
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

/// Takes a file's bytes as they come. Nothing is in the archive until [`ArchiveWriter::finish`] returns.
pub struct ArchiveWriter {
    disk: Arc<dyn Disk>,
    file: io::BufWriter<Box<dyn DiskFile>>,
    key: LessSafeKey,
    compressor: zstd::bulk::Compressor<'static>,
    path: PathBuf,
    temporary: PathBuf,
    dir: PathBuf,
    transfer: TransferNo,
    block: Vec<u8>,
    index: Vec<(u64, u64)>,
    at: u64,
    size: u64,
    hash: Sha256,
}

/// What was archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Original bytes.
    pub size: u64,
    /// Of the original bytes.
    pub sha256: [u8; 32],
}

impl ArchiveWriter {
    /// Appends bytes.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), ArchiveError> {
        self.hash.update(bytes);
        while !bytes.is_empty() {
            let taken = bytes.len().min(BLOCK - self.block.len());
            self.block.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.block.len() == BLOCK {
                self.seal()?;
            }
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), ArchiveError> {
        let failed = |e| DiskError::new("write", &self.temporary, e);
        let mut sealed = self.compressor.compress(&self.block).map_err(failed)?;
        let nonce = nonce_of(self.index.len() as u64);
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(self.transfer.0.to_be_bytes()), &mut sealed)
            .map_err(|_| ArchiveError::Key)?;
        self.index.push((self.at, self.size));
        let length = sealed.len() as u32;
        self.file
            .write_all(&length.to_le_bytes())
            .and_then(|()| self.file.write_all(&sealed))
            .map_err(failed)?;
        self.at += 4 + u64::from(length);
        self.size += self.block.len() as u64;
        self.block.clear();
        Ok(())
    }

    /// Makes the file whole and durable: contents synced, name in place, folder synced.
    pub fn finish(mut self) -> Result<Archived, ArchiveError> {
        if !self.block.is_empty() {
            self.seal()?;
        }
        let mut tail = Vec::with_capacity(self.index.len() * 16 + 24);
        for (at, before) in &self.index {
            tail.extend_from_slice(&at.to_le_bytes());
            tail.extend_from_slice(&before.to_le_bytes());
        }
        tail.extend_from_slice(&(self.index.len() as u64).to_le_bytes());
        tail.extend_from_slice(&self.size.to_le_bytes());
        tail.extend_from_slice(END);
        let failed = |e| DiskError::new("write", &self.temporary, e);
        self.file.write_all(&tail).map_err(failed)?;
        self.file.flush().map_err(failed)?;
        if canary::is_active(Canary::UnsyncedArchive) {
            self.disk.rename(&self.temporary, &self.path)?;
            return Ok(Archived { size: self.size, sha256: self.hash.finalize().into() });
        }
        self.file.get_mut().sync().map_err(|e| DiskError::new("sync", &self.temporary, e))?;
        self.disk.rename(&self.temporary, &self.path)?;
        self.disk.sync_dir(&self.dir)?;
        Ok(Archived { size: self.size, sha256: self.hash.finalize().into() })
    }
}

impl Sink for ArchiveWriter {
    fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map_err(io::Error::other)
    }
}

impl Write for ArchiveWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.block(bytes).map(|()| bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // durability comes with `finish` alone
    }
}

/// Gives back an archived file: as a stream, or any part of it.
pub struct ArchiveReader {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    key: LessSafeKey,
    transfer: TransferNo,
    index: Vec<(u64, u64)>,
    size: u64,
    current: Option<usize>,
    sealed: Vec<u8>,
    plain: Vec<u8>,
    next: u64,
    decompressor: zstd::bulk::Decompressor<'static>,
}

impl ArchiveReader {
    /// Original bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn damaged(&self, what: &'static str) -> ArchiveError {
        ArchiveError::Damaged { transfer: self.transfer.0, what }
    }

    fn load(&mut self, block: usize) -> Result<(), ArchiveError> {
        if self.current == Some(block) {
            return Ok(());
        }
        self.current = None;
        let (at, _) = *self.index.get(block).ok_or_else(|| self.damaged("a block is missing"))?;
        let mut length = [0; 4];
        read_exact_at(&mut *self.file, at, &mut length).map_err(|e| DiskError::new("read", &self.path, e))?;
        let length = u32::from_le_bytes(length) as usize;
        if length > zstd::zstd_safe::compress_bound(BLOCK) + TAG {
            return Err(self.damaged("a block has an impossible length"));
        }
        self.sealed.resize(length, 0);
        self.file.read_exact(&mut self.sealed).map_err(|e| DiskError::new("read", &self.path, e))?;
        let aad = Aad::from(self.transfer.0.to_be_bytes());
        let opened = self.key.open_in_place(nonce_of(block as u64), aad, &mut self.sealed);
        let opened = match opened {
            Ok(bytes) => &*bytes,
            Err(_) => return Err(self.damaged("a block's seal is broken")),
        };
        self.plain.resize(BLOCK, 0);
        let size = self.decompressor.decompress_to_buffer(opened, &mut self.plain);
        let Ok(size) = size else { return Err(self.damaged("a block cannot be decompressed")) };
        self.plain.truncate(size);
        self.current = Some(block);
        Ok(())
    }

    /// The next block of the stream; empty at the end.
    pub fn next_block(&mut self) -> Result<&[u8], ArchiveError> {
        if self.next >= self.size {
            return Ok(&[]);
        }
        let block = (self.next / BLOCK as u64) as usize;
        self.load(block)?;
        let from = (self.next % BLOCK as u64) as usize;
        if from >= self.plain.len() {
            return Err(self.damaged("a block is shorter than the index says"));
        }
        self.next += (self.plain.len() - from) as u64;
        if self.next > self.size {
            return Err(self.damaged("it is longer than its index says"));
        }
        Ok(&self.plain[from..])
    }

    /// `length` bytes from `offset`: an original record, say. Shorter only where the file ends.
    pub fn part(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::with_capacity(length.min(BLOCK));
        self.next = offset;
        while bytes.len() < length {
            let block = self.next_block()?;
            if block.is_empty() {
                break;
            }
            let wanted = (length - bytes.len()).min(block.len());
            bytes.extend_from_slice(&block[..wanted]);
        }
        Ok(bytes)
    }

    /// Starts the stream again from the beginning.
    pub fn rewind(&mut self) {
        self.next = 0;
    }
}

impl Source for ArchiveReader {
    fn block(&mut self) -> io::Result<&[u8]> {
        self.next_block().map_err(io::Error::other)
    }
}

impl Read for ArchiveReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let block = self.next_block().map_err(io::Error::other)?;
        let (taken, all) = (block.len().min(buffer.len()), block.len());
        buffer[..taken].copy_from_slice(&block[..taken]);
        self.next -= (all - taken) as u64;
        Ok(taken)
    }
}

/// Reads all of an archived file and tells its size and hash, for comparison with what the store says.
pub fn hash_of(reader: &mut ArchiveReader) -> Result<Archived, ArchiveError> {
    reader.rewind();
    let (mut hash, mut size) = (Sha256::new(), 0);
    loop {
        let block = reader.next_block()?;
        if block.is_empty() {
            return Ok(Archived { size, sha256: hash.finalize().into() });
        }
        hash.update(block);
        size += block.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toek_adapters::disk::RealDisk;

    fn archive() -> (tempfile::TempDir, Archive) {
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::new(Arc::new(RealDisk), dir.path().to_owned());
        (dir, archive)
    }

    fn sample(size: usize) -> Vec<u8> {
        (0..size as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    #[test]
    fn bytes_come_back_whole_and_in_parts() {
        let (_dir, archive) = archive();
        let key = Key::new([7; 32]);
        for (no, size) in [(1, 0), (2, 1), (3, BLOCK), (4, BLOCK + 1), (5, 3 * BLOCK + 77)] {
            let bytes = sample(size);
            let mut writer = archive.create(TransferNo(no), &key).unwrap();
            bytes.chunks(1_000).for_each(|chunk| ArchiveWriter::write(&mut writer, chunk).unwrap());
            let archived = writer.finish().unwrap();
            assert_eq!(archived, Archived { size: size as u64, sha256: Sha256::digest(&bytes).into() });
            let mut reader = archive.open(TransferNo(no), &key).unwrap();
            assert_eq!(hash_of(&mut reader).unwrap(), archived);
            let mut all = Vec::new();
            reader.rewind();
            reader.read_to_end(&mut all).unwrap();
            assert!(all == bytes);
            for (from, length) in [(0, 10), (BLOCK - 5, 10), (size.saturating_sub(3), 10), (BLOCK, 2 * BLOCK)]
            {
                let end = (from + length).min(size);
                assert!(reader.part(from as u64, length).unwrap() == bytes[from.min(end)..end]);
            }
        }
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let (dir, archive) = archive();
        let key = Key::new([7; 32]);
        let mut writer = archive.create(TransferNo(1), &key).unwrap();
        ArchiveWriter::write(&mut writer, &sample(5_000)).unwrap();
        let good = writer.finish().unwrap();
        let path = dir.path().join("000000/000000001.toek");
        let bytes = RealDisk.read(&path).unwrap();
        for at in (0..bytes.len()).step_by(97).chain(0..12).chain(bytes.len() - 60..bytes.len()) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            RealDisk.write_atomically(&path, &changed).unwrap();
            let read = archive.open(TransferNo(1), &key).and_then(|mut reader| hash_of(&mut reader));
            let told_apart = !matches!(read, Ok(archived) if archived == good);
            assert!(told_apart, "byte {at}");
        }
    }

    #[test]
    fn keys_are_wrapped_and_only_their_owner_opens_them() {
        let (owner, other, data) = (Key::new([1; 32]), Key::new([2; 32]), Key::new([3; 32]));
        let wrapped = owner.wrap(&data, [9; 12]).unwrap();
        assert_eq!(owner.unwrap_key(&wrapped).unwrap().0, data.0);
        assert!(matches!(other.unwrap_key(&wrapped), Err(ArchiveError::Key)));
        assert!(matches!(owner.unwrap_key(&wrapped[..20]), Err(ArchiveError::Key)));
        assert!(!format!("{data:?}").contains('3'));
    }
}
