//! SQLite's way to its files: the "unix" VFS, with a machine between for files below a machine's directory.
//!
//! It is the process's default, so that code which opens a store knows nothing of it. Files of nobody's machine go
//! straight to "unix", and who names "unix" gets it plain. What is synced is kept by the machine; no real sync is made.
//! Locks and shared memory pass, and nothing of them survives a crash. Memory-mapped files are off (methods of version
//! 2), since bytes would pass by the machine.
#![expect(unsafe_code, reason = "SQLite's VFS is an interface of C")]

use std::collections::HashMap;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

use rusqlite::ffi;

use super::tree::{Shared, locked};
use super::{Call, How, Machine};

// --- Whose file is it ---------------------------------------------------------------------------------------------

static MACHINES: RwLock<Option<HashMap<PathBuf, Weak<Machine>>>> = RwLock::new(None);

pub(super) fn remember(machine: &Arc<Machine>) {
    let mut machines = MACHINES.write().unwrap_or_else(PoisonError::into_inner);
    let machines = machines.get_or_insert_default();
    machines.extend(machine.dirs.iter().map(|dir| (dir.clone(), Arc::downgrade(machine))));
}

/// None: no machine ever was in this directory. Otherwise the last one there, if it still is.
pub(super) fn forget(dir: &Path) -> Option<Option<Arc<Machine>>> {
    let mut machines = MACHINES.write().unwrap_or_else(PoisonError::into_inner);
    machines.get_or_insert_default().remove(dir).map(|machine| machine.upgrade())
}

fn owner(name: *const c_char) -> Option<(Arc<Machine>, PathBuf)> {
    if name.is_null() {
        return None; // a temporary file
    }
    // SAFETY: SQLite gives names that end with a zero.
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()));
    let machines = MACHINES.read().unwrap_or_else(PoisonError::into_inner);
    let machines = machines.as_ref()?;
    let machine = path.ancestors().skip(1).find_map(|dir| machines.get(dir))?.upgrade()?;
    let place = machine.place(path);
    Some((machine, place))
}

// --- The VFS ------------------------------------------------------------------------------------------------------

struct Real(*mut ffi::sqlite3_vfs);

// SAFETY: it points to a constant of SQLite's, which it may be called through from any thread.
unsafe impl Send for Real {}
// SAFETY: as above.
unsafe impl Sync for Real {}

static REAL: OnceLock<Real> = OnceLock::new();

/// "unix", as SQLite brings it.
fn real() -> *mut ffi::sqlite3_vfs {
    REAL.get().map_or(null_mut(), |real| real.0)
}

/// Registers the VFS as default, once.
pub(super) fn make_default() {
    REAL.get_or_init(|| {
        // SAFETY: "unix" is there on every Unix and stays; its copy is leaked, since SQLite keeps it.
        unsafe {
            let unix = ffi::sqlite3_vfs_find(c"unix".as_ptr());
            assert!(!unix.is_null(), "SQLite has no VFS \"unix\"");
            // Functions that are not replaced take no notice of the VFS they are called for.
            let mut vfs = *unix;
            vfs.szOsFile += size_of::<File>() as c_int;
            vfs.pNext = null_mut();
            vfs.zName = c"toek-machine".as_ptr();
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            vfs.xAccess = Some(access);
            let registered = ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1);
            assert_eq!(registered, ffi::SQLITE_OK, "the VFS could not be registered");
            Real(unix)
        }
    });
}

/// What SQLite holds of an open file of a machine. The real file follows it in memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    state: *mut State,
}

struct State {
    machine: Arc<Machine>,
    inode: Shared,
    place: PathBuf,
    /// A journal or log whose name may not be durable: the first sync sees to it. "unix" syncs the folder for the
    /// connection alone that made the file; for another's first sync file systems answer, so it is done here too.
    names_itself: bool,
}

/// SAFETY: `file` must be one that [`open`] has made for a machine.
unsafe fn state_of<'f>(file: *mut ffi::sqlite3_file) -> &'f mut State {
    // SAFETY: SQLite uses a file in one thread at a time, and not after closing it.
    unsafe { &mut *(*file.cast::<File>()).state }
}

/// SAFETY: as [`state_of`].
unsafe fn real_file(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: `szOsFile` has room for both; the size of the first is a multiple of a pointer's.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// Calls a method of the real file.
macro_rules! real {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: the real file was opened, so it has its methods; arguments are those SQLite gave.
        unsafe {
            let real = real_file($file);
            (*(*real).pMethods).$method.map(|method| method(real $(, $argument)*))
        }
    }};
}

fn or_error(code: Option<c_int>) -> c_int {
    code.unwrap_or(ffi::SQLITE_ERROR)
}

/// The code for a call that fate has failed.
fn code(done: io::Result<c_int>, io_error: c_int) -> c_int {
    done.unwrap_or_else(|error| match (io_error, error.raw_os_error()) {
        (ffi::SQLITE_CANTOPEN, _) => ffi::SQLITE_CANTOPEN,
        (_, Some(28)) => ffi::SQLITE_FULL,
        (_, Some(30)) => ffi::SQLITE_READONLY,
        _ => io_error,
    })
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let open_real = |file| {
        // SAFETY: `file` has room for a real file; the rest is what SQLite gave.
        or_error(unsafe { (*real()).xOpen.map(|open| open(real(), name, file, flags, out_flags)) })
    };
    let Some((machine, place)) = owner(name) else { return open_real(file) };
    // SAFETY: SQLite closes a file that has methods, so it gets them last.
    unsafe { (*file).pMethods = std::ptr::null() };
    let mut state = None;
    let done = machine.act(Call::SqliteOpen, &place, 0, |tree, how| {
        if !how.happens() {
            return Ok(ffi::SQLITE_CANTOPEN);
        }
        tree.make_real(&place)?;
        let was_there = machine.dirs[1].join(&place).exists();
        // SAFETY: as in `real_file`.
        let opened = open_real(unsafe { real_file(file) });
        if opened == ffi::SQLITE_OK {
            let inode = tree.opened_by_sqlite(&place, was_there)?;
            let logs = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
            let names_itself = flags & logs != 0;
            state = Some(State { machine: machine.clone(), inode, place: place.clone(), names_itself });
        }
        Ok(opened)
    });
    let code = code(done, ffi::SQLITE_CANTOPEN);
    match state {
        Some(state) if code == ffi::SQLITE_OK => {
            // SAFETY: `file` is ours until we return.
            unsafe {
                (*file.cast::<File>()).state = Box::into_raw(Box::new(state));
                (*file).pMethods = &METHODS;
            }
        }
        // It was opened, and the machine died of it: SQLite will not close it.
        Some(_) => drop(real!(file, xClose)),
        None => {}
    }
    code
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    let delete_real = |sync_dir| {
        // SAFETY: arguments are those SQLite gave.
        or_error(unsafe { (*real()).xDelete.map(|delete| delete(real(), name, sync_dir)) })
    };
    let Some((machine, place)) = owner(name) else { return delete_real(sync_dir) };
    let done = machine.act(Call::SqliteDelete, &place, 0, |tree, how| {
        tree.make_real(&place)?;
        if !how.happens() {
            return Ok(ffi::SQLITE_OK);
        }
        let deleted = delete_real(0);
        if deleted == ffi::SQLITE_OK {
            tree.take(&place);
            if sync_dir != 0 && matches!(how, How::Whole) {
                tree.sync_dir(place.parent().unwrap_or(Path::new("")))?;
            }
        }
        Ok(deleted)
    });
    code(done, ffi::SQLITE_IOERR_DELETE)
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    if let Some((machine, place)) = owner(name) {
        let mut tree = machine.tree();
        if machine.is_dead() || tree.make_real(&place).is_err() {
            return ffi::SQLITE_IOERR_ACCESS;
        }
    }
    // SAFETY: arguments are those SQLite gave.
    or_error(unsafe { (*real()).xAccess.map(|access| access(real(), name, flags, result)) })
}

// --- The methods of an open file ----------------------------------------------------------------------------------

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let closed = real!(file, xClose);
    // SAFETY: made by `open`, and SQLite closes a file once.
    drop(unsafe { Box::from_raw((*file.cast::<File>()).state) });
    or_error(closed)
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: a file of ours.
    let state = unsafe { state_of(file) };
    let done = state.machine.act(Call::SqliteRead, &state.place, length as usize, |_, how| {
        let done = or_error(real!(file, xRead, buffer, length, at));
        // SAFETY: SQLite gave a buffer of that length, which the real read has filled.
        how.turn(unsafe { std::slice::from_raw_parts_mut(buffer.cast(), length as usize) });
        Ok(done)
    });
    code(done, ffi::SQLITE_IOERR_READ)
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: a file of ours.
    let state = unsafe { state_of(file) };
    // SAFETY: SQLite gave so many bytes.
    let given = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length as usize) };
    let done = state.machine.act(Call::SqliteWrite, &state.place, given.len(), |tree, how| {
        let arrives = &given[..how.of_write(at as u64, given.len())];
        if arrives.is_empty() {
            return Ok(ffi::SQLITE_OK);
        }
        let written = or_error(real!(file, xWrite, arrives.as_ptr().cast(), arrives.len() as c_int, at));
        if written == ffi::SQLITE_OK {
            locked(&state.inode).write(at as u64, arrives, tree);
        }
        Ok(written)
    });
    code(done, ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: a file of ours.
    let state = unsafe { state_of(file) };
    let done = state.machine.act(Call::SqliteTruncate, &state.place, 0, |tree, how| {
        if !how.happens() {
            return Ok(ffi::SQLITE_OK);
        }
        let cut = or_error(real!(file, xTruncate, size));
        if cut == ffi::SQLITE_OK {
            locked(&state.inode).resize(size as u64, tree);
        }
        Ok(cut)
    });
    code(done, ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: a file of ours.
    let state = unsafe { state_of(file) };
    let done = state.machine.act(Call::SqliteSync, &state.place, 0, |tree, how| {
        let mut inode = locked(&state.inode);
        match how {
            How::NotAtAll => return Ok(ffi::SQLITE_OK),
            How::Torn(chance) => {
                inode.sync_some(chance);
                if state.names_itself {
                    tree.sync_dir_some(chance);
                }
            }
            _ => {
                inode.sync();
                drop(inode);
                if state.names_itself && tree.has_new_name(&state.place) {
                    tree.sync_dir(state.place.parent().unwrap_or(Path::new("")))?;
                }
                state.names_itself = false;
            }
        }
        Ok(ffi::SQLITE_OK)
    });
    code(done, ffi::SQLITE_IOERR_FSYNC)
}

/// Passes a call on while the machine lives.
macro_rules! while_alive {
    ($file:expr, $error:ident, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: a file of ours.
        if unsafe { state_of($file) }.machine.is_dead() {
            return ffi::$error;
        }
        or_error(real!($file, $method $(, $argument)*))
    }};
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    while_alive!(file, SQLITE_IOERR_FSTAT, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    while_alive!(file, SQLITE_IOERR_LOCK, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    or_error(real!(file, xUnlock, level))
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, result: *mut c_int) -> c_int {
    while_alive!(file, SQLITE_IOERR_CHECKRESERVEDLOCK, xCheckReservedLock, result)
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, what: c_int, argument: *mut c_void) -> c_int {
    or_error(real!(file, xFileControl, what, argument))
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    real!(file, xSectorSize).unwrap_or(0)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    real!(file, xDeviceCharacteristics).unwrap_or(0)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    mapped: *mut *mut c_void,
) -> c_int {
    while_alive!(file, SQLITE_IOERR_SHMMAP, xShmMap, region, size, extend, mapped)
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        return or_error(real!(file, xShmLock, offset, count, flags));
    }
    while_alive!(file, SQLITE_IOERR_SHMLOCK, xShmLock, offset, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    real!(file, xShmBarrier);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: a file of ours.
    let is_dead = unsafe { state_of(file) }.machine.is_dead();
    // A later machine may have its own by that name.
    or_error(real!(file, xShmUnmap, if is_dead { 0 } else { delete }))
}
