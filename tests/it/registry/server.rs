//! Debian's `docker-registry`, on a port of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::support::has_tools;

/// A registry that ends with the test.
pub(super) struct Server {
    child: Child,
    host: String,
    folder: Option<tempfile::TempDir>,
}

impl Server {
    /// None where there is no registry to start.
    pub(super) fn start() -> Option<Self> {
        if !has_tools(&["docker-registry"]) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let config = folder.path().join("config.yml");
        let root = folder.path().join("data");
        let text = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '127.0.0.1:0'}}\n",
            root.display()
        );
        std::fs::write(&config, text).expect("it can be written");
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry starts");
        let mut log = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut host = None;
        let mut line = String::new();
        while host.is_none() && log.read_line(&mut line).is_ok_and(|length| length > 0) {
            let at = line.split("listening on ").nth(1);
            host = at.and_then(|rest| rest.split(['"', ',']).next()).map(str::to_owned);
            line.clear();
        }
        let host = host.expect("docker-registry says where it listens");
        // It must not wait for somebody to read on.
        thread::spawn(move || {
            let mut rest = Vec::new();
            drop(log.read_to_end(&mut rest));
        });
        Some(Self { child, host, folder: Some(folder) })
    }

    /// `oci://HOST/PATH`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("oci://{}/{path}", self.host)
    }

    /// Ends it, and leaves what it kept.
    pub(super) fn stop(mut self) -> tempfile::TempDir {
        self.folder.take().expect("it has one until now")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
