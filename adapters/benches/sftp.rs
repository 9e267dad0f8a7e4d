//! How fast a file goes up and down over loopback, ours beside OpenSSH's own client in the same run.
//!
//! By hand: `cargo bench -p toek-adapters --bench sftp [MEGABYTES] [ROUNDS]`. Needs the packages that the tests name.

#![expect(clippy::print_stdout, reason = "a table is all it makes")]
#![expect(clippy::disallowed_methods, reason = "a bench's own files, and the clock it measures by")]

#[path = "../tests/servers/mod.rs"]
mod servers;

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use servers::{OpenSsh, noise};
use toek_adapters::drop::{Drop, Sink, Source};
use toek_adapters::sftp::{ByteBudget, Commit, SftpDrop, SftpEndpoint};

/// Gives a file's bytes in blocks, as the archive does.
struct FromMemory<'a>(&'a [u8]);

impl Source for FromMemory<'_> {
    fn block(&mut self) -> io::Result<&[u8]> {
        let (block, rest) = self.0.split_at(self.0.len().min(256 * 1024));
        self.0 = rest;
        Ok(block)
    }
}

/// Writes what comes to a file, as OpenSSH's client does.
struct ToFile(fs::File, usize);

impl Sink for ToFile {
    fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1 += bytes.len();
        io::Write::write_all(&mut self.0, bytes)
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<usize>().ok());
    let megabytes = numbers.next().unwrap_or(256);
    let rounds = numbers.next().unwrap_or(5);
    let server = OpenSsh::start();
    let content = noise(megabytes << 20, 11);
    fs::write(server.path("up.bin"), &content).expect("room for the file");
    let (mut ours, mut theirs) = ([vec![], vec![]], [vec![], vec![]]);
    let known = format!(
        "[127.0.0.1]:{} {}",
        server.port(),
        fs::read_to_string(server.path("host.pub")).expect("a host key")
    );
    fs::write(server.path("known_hosts"), known).expect("room for the key");
    let before = status("VmRSS");
    fs::write("/proc/self/clear_refs", "5").expect("a peak that begins anew");
    for _ in 0..rounds {
        // By turns, so that what else the machine does hits both.
        ours[0].push(up(&server, &content).await);
        theirs[0].push(openssh(&server, "put up.bin OUT/theirs.bin"));
        ours[1].push(down(&server, content.len()).await);
        theirs[1].push(openssh(&server, "get OUT/theirs.bin theirs.bin"));
    }
    println!("{megabytes} MiB over loopback, median of {rounds}");
    for (n, direction) in ["up", "down"].into_iter().enumerate() {
        let (ours, theirs) = (median(&mut ours[n]), median(&mut theirs[n]));
        let speed = |time: Duration| (megabytes as u128 * 1000 / time.as_millis().max(1)).to_string();
        let percent = theirs.as_millis() * 100 / ours.as_millis().max(1);
        println!(
            "{direction:>5}: ours {:>4} MiB/s, OpenSSH's client {:>4} MiB/s: {percent} %",
            speed(ours),
            speed(theirs)
        );
    }
    println!("memory for it: {} KiB at most", status("VmHWM").saturating_sub(before));
    for direction in ["up", "down"] {
        let before = status("VmRSS");
        fs::write("/proc/self/clear_refs", "5").expect("a peak that begins anew");
        eight_at_once(&server, direction).await;
        println!("eight {direction} at once: {} KiB at most", status("VmHWM").saturating_sub(before));
    }
}

/// As many transfers as the budget allows, each to a server of its own as far as the client can tell.
async fn eight_at_once(server: &OpenSsh, direction: &'static str) {
    let budget = Arc::new(ByteBudget::default());
    let (from, content) = (server.path("OUT"), Arc::new(noise(4 << 20, 3)));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let endpoint = SftpEndpoint::new(server.settings(), budget.clone()).expect("settings");
        let folder = from.to_str().expect("a path").to_owned();
        let (drop, content) = (SftpDrop::new(endpoint, &folder, &folder, Commit::Rename), content.clone());
        let sink = server.path(&format!("{n}.bin"));
        tasks.spawn(async move {
            if direction == "up" {
                let mut source = Again(&content, 16);
                drop.put(&format!("{n}.bin"), &mut source).await.expect("an upload");
            } else {
                let mut sink = ToFile(fs::File::create(sink).expect("a file"), 0);
                drop.get("ours.bin", &mut sink).await.expect("a download");
            }
        });
    }
    tasks.join_all().await;
}

/// The same bytes a number of times: a large file that needs no room.
struct Again<'a>(&'a [u8], usize);

impl Source for Again<'_> {
    fn block(&mut self) -> io::Result<&[u8]> {
        self.1 = self.1.saturating_sub(1);
        Ok(if self.1 == 0 { &[] } else { self.0 })
    }
}

/// A line of what the kernel says of this process, in KiB.
fn status(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let words = status.lines().find(|l| l.starts_with(line)).map(|l| l.split_whitespace().nth(1));
    words.flatten().and_then(|kib| kib.parse().ok()).expect("a number")
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A connection of our own each time, as `sftp` has.
async fn up(server: &OpenSsh, content: &[u8]) -> Duration {
    let (ours, _) = server.pair(Commit::Rename);
    let _ = fs::remove_file(server.path("OUT/ours.bin"));
    let began = Instant::now();
    ours.put("ours.bin", &mut FromMemory(content)).await.expect("an upload");
    ours.commit("ours.bin", None).await.expect("a rename");
    began.elapsed()
}

async fn down(server: &OpenSsh, len: usize) -> Duration {
    let (_, theirs) = server.pair(Commit::Rename);
    let mut sink = ToFile(fs::File::create(server.path("ours.bin")).expect("a file"), 0);
    let began = Instant::now();
    theirs.get("ours.bin", &mut sink).await.expect("a download");
    let took = began.elapsed();
    assert_eq!(sink.1, len);
    took
}

fn openssh(server: &OpenSsh, command: &str) -> Duration {
    let batch = server.path("batch");
    // Synced like ours (-f), and with its own choice of cipher.
    let command = command.replace("put ", "put -f ");
    let home = server.path("");
    fs::write(&batch, format!("lcd {0}\ncd {0}\n{command}\n", home.display())).expect("a batch file");
    let port = server.port().to_string();
    let known = format!("UserKnownHostsFile={}", server.path("known_hosts").display());
    let mut sftp = Command::new("sftp");
    sftp.args(["-q", "-P", &port, "-o", &known, "-o", "IdentitiesOnly=yes", "-i"]).arg(server.path("client"));
    sftp.arg("-b").arg(&batch).arg(format!("{}@127.0.0.1", servers::user()));
    let began = Instant::now();
    let output = sftp.stdin(Stdio::null()).output().expect("OpenSSH's sftp");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    began.elapsed()
}
