//! The way in for commands while `serve` holds the installation: a socket in its directory, for its owner and the
//! users that `users.toml` names.
//!
//! A frame is its length (four bytes, big end first) and that many bytes of JSON. One question and one answer per
//! connection. Who asks is told by the kernel, never by the question.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toek_adapters::disk::{Disk, DiskError, RealDisk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::commands::{Answer, Command};
use super::person::Person;
use crate::domain::people::Users;

/// The socket's name in the installation's directory.
const SOCKET: &str = "serve.sock";
/// The longest frame, bytes: what an activation could not do is listed in its answer.
const LONGEST: u32 = 16 << 20;
/// Both sides say which protocol they speak; another build may speak another.
const PROTOCOL: u32 = 2;

/// What goes wrong on the way.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The system.
    #[error("socket {}", .path.display())]
    System {
        /// Which socket.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// A file around it.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The other side is another build, or no `serve` at all.
    #[error("the running `serve` does not understand this build of toek: {0}")]
    Foreign(String),
    /// It ended in the middle: the command may have been carried out.
    #[error("the running `serve` ended before it answered: see what stands where, and ask again")]
    Ended,
}

#[derive(Serialize, Deserialize)]
struct Question {
    protocol: u32,
    command: Command,
    /// In whose name, in a rehearsal.
    #[serde(default)]
    name: Option<String>,
}

/// What a command is answered with: an outcome, or a failure and its causes.
pub type Reply = Result<Answer, Vec<String>>;

/// Where commands arrive.
pub struct Listener {
    path: PathBuf,
    listener: UnixListener,
    gate: Arc<Gate>,
}

/// Who may ask.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Whose process this is.
    owner: u32,
    /// Who else is named as a user of the installation.
    users: Users,
    /// Whether somebody may ask in another's name: only in a rehearsal, by a simulated clock.
    is_rehearsal: bool,
}

impl Gate {
    /// Beside the process's owner, the machine's administrator and the installation's users may ask. What each may, the
    /// command's own check decides.
    fn admits(&self, who: &Person) -> bool {
        who.uid == self.owner
            || who.uid == 0
            || who.name.as_deref().is_some_and(|name| self.users.names(name))
    }
}

/// A command, who asks, and where the answer goes.
pub struct Asked {
    /// What.
    pub command: Command,
    /// Who.
    pub who: Person,
    stream: UnixStream,
}

fn at(path: &Path) -> impl Fn(io::Error) -> SocketError + '_ {
    |source| SocketError::System { path: path.to_owned(), source }
}

impl Listener {
    /// Listens in an installation's directory. Whoever calls this holds the installation's lock, so what an earlier
    /// `serve` left behind is nobody's.
    ///
    /// # Errors
    /// When the system refuses; a path of over about a hundred bytes is one reason.
    pub fn open(dir: &Path, users: &Users, is_rehearsal: bool) -> Result<Listener, SocketError> {
        let path = dir.join(SOCKET);
        let beside = dir.join(".serve.sock.new");
        for old in [&path, &beside] {
            if RealDisk.exists(old)? {
                RealDisk.remove(old)?;
            }
        }
        let listener = UnixListener::bind(&beside).map_err(at(&beside))?;
        let own = Person::here(&RealDisk).map_err(at(&path))?;
        match users.names_others_than(&own.to_string()) {
            // The system lets everybody knock; who knocks is told by the kernel, and let in or not by us.
            true => RealDisk.make_reachable(&beside)?,
            false => RealDisk.make_private(&beside)?,
        }
        RealDisk.rename(&beside, &path)?;
        let gate = Gate { owner: own.uid, users: users.clone(), is_rehearsal };
        Ok(Listener { path, listener, gate: Arc::new(gate) })
    }

    /// The next one who wants something. Dropping the future loses nobody.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }

    /// Hears what he wants; `None` when he says nothing sensible, or may not ask.
    pub async fn hear(gate: Arc<Gate>, mut stream: UnixStream) -> Option<Asked> {
        let uid = stream.peer_cred().ok()?.uid();
        let question: Question = receive(&mut stream).await.ok()?;
        let who = Person::of(&RealDisk, uid);
        if !gate.admits(&who) {
            answer(stream, Err(vec![format!("{who} may not change this installation")])).await;
            return None;
        }
        if question.protocol != PROTOCOL {
            answer(stream, Err(vec!["`serve` and this command are of different builds".to_owned()])).await;
            return None;
        }
        let who = match question.name {
            Some(_) if !gate.is_rehearsal => {
                let why = "--as is for rehearsals: the clock of this installation is the machine's";
                answer(stream, Err(vec![why.to_owned()])).await;
                return None;
            }
            Some(name) => Person { uid, name: Some(name) },
            None => who,
        };
        Some(Asked { command: question.command, who, stream })
    }

    /// Who may ask.
    pub fn gate(&self) -> Arc<Gate> {
        self.gate.clone()
    }

    /// Closes it, and takes its name away.
    pub fn close(self) {
        let _ = RealDisk.remove(&self.path); // a name that stays is nobody's, and the next start removes it
    }
}

impl Asked {
    /// Answers. One who has gone away is not told.
    pub async fn answer(self, reply: Reply) {
        answer(self.stream, reply).await;
    }
}

async fn answer(mut stream: UnixStream, reply: Reply) {
    if let Err(error) = send(&mut stream, &reply).await {
        tracing::warn!(%error, "a command could not be answered");
    }
}

/// Asks the `serve` of an installation; `None` when none listens.
///
/// # Errors
/// When it listens and does not answer.
pub async fn ask(dir: &Path, command: &Command, name: Option<&str>) -> Result<Option<Reply>, SocketError> {
    let path = dir.join(SOCKET);
    if !RealDisk.exists(&path)? {
        return Ok(None);
    }
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(at(&path)(e)),
    };
    let (command, name) = (command.clone(), name.map(str::to_owned));
    send(&mut stream, &Question { protocol: PROTOCOL, command, name }).await.map_err(at(&path))?;
    match receive(&mut stream).await {
        Ok(reply) => Ok(Some(reply)),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Err(SocketError::Foreign(e.to_string())),
        Err(_) => Err(SocketError::Ended),
    }
}

async fn send(stream: &mut UnixStream, value: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(value)?;
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("the frame is too long"))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&bytes).await?;
    stream.flush().await
}

async fn receive<T: DeserializeOwned>(stream: &mut UnixStream) -> io::Result<T> {
    let length = stream.read_u32().await?;
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the frame is too long"));
    }
    let mut bytes = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut bytes).await?;
    if bytes.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::people::user_row;

    #[test]
    fn the_owner_the_administrator_and_the_users_may_knock() {
        let users = Users::load(&user_row("anna"), "users.toml").unwrap();
        let gate = |users: Users| Gate { owner: 1000, users, is_rehearsal: false };
        for (uid, name, by_file, without) in [
            (1000, Some("toek"), true, true),
            (0, Some("root"), true, true),
            (1001, Some("anna"), true, false),
            (1002, Some("eve"), false, false),
            (1003, None, false, false),
        ] {
            let who = Person { uid, name: name.map(str::to_owned) };
            assert_eq!(gate(users.clone()).admits(&who), by_file, "{who}");
            assert_eq!(gate(Users::default()).admits(&who), without, "{who}");
        }
    }
}
