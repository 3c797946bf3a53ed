//! A registry that lies, and one that asks who we are.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::{bad, good, keeps_secret, project, pulled_files, select, trust};
use crate::support::Project;

/// A request: its first line, and its headers in small letters.
#[derive(Debug, Clone)]
struct Asked {
    path: String,
    head: String,
}

/// Answers each connection by `answer`, on a thread of its own, until the process ends; gives
/// the host, and what was asked.
fn serve(
    answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<Asked>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let host = listener.local_addr().expect("it has an address").to_string();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (answer, heard) = (Arc::new(answer), Arc::clone(&seen));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (answer, heard) = (Arc::clone(&answer), Arc::clone(&heard));
            thread::spawn(move || {
                let Some(asked) = read_head(&mut stream) else { return };
                heard.lock().expect("no holder panics").push(asked.clone());
                answer(&asked, &mut stream);
            });
        }
    });
    (host, seen)
}

fn read_head(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1)?.to_owned();
    Some(Asked { path, head: head.to_lowercase() })
}

fn reply(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
}

/// What an honest registry with `select` 0.1.0 would answer.
fn honest(asked: &Asked, stream: &mut TcpStream) {
    let component = select("0.1.0");
    if asked.path.contains("/tags/list") {
        reply(stream, "200 OK", "", br#"{"name": "survey/select", "tags": ["0.1.0", "latest"]}"#);
    } else if asked.path.contains("/manifests/") {
        reply(stream, "200 OK", "", manifest(&component).to_string().as_bytes());
    } else if asked.path.contains("/blobs/") {
        reply(stream, "200 OK", "", &component);
    } else {
        reply(stream, "404 Not Found", "", b"{}");
    }
}

fn manifest(component: &[u8]) -> Value {
    let digest = skyloom::oci::Sha256::of(component).to_string();
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.wasm.config.v0+json", "digest": digest, "size": 2},
        "layers": [{"mediaType": "application/wasm", "digest": digest, "size": component.len()}],
    })
}

type Lie = fn(&mut TcpStream);

/// Requests to a path with this in it are answered by the lie, all others honestly.
const LIES: [(&str, Lie, &str); 22] = [
    ("/tags/", |s| reply(s, "200 OK", "", b"[1, 2"), "not the JSON it should be"),
    ("/tags/", |s| reply(s, "404 Not Found", "", b""), "has no plugin survey/select"),
    (
        "/tags/",
        |s| reply(s, "200 OK", "", br#"{"tags": ["../../x", "0.1.0/..", "v1", "\u0000", "1.0"]}"#),
        "there is: none",
    ),
    (
        "/tags/",
        |s| reply(s, "200 OK", "link: <https://example.org/v2/x>; rel=\"next\"\r\n", b"{}"),
        "goes on where it should not: at https://example.org",
    ),
    (
        "/tags/",
        |s| reply(s, "200 OK", "link: </v2/a/tags/list?last=x>; rel=\"next\"\r\n", b"{}"),
        "more than 100 pages",
    ),
    ("/tags/", |s| drop(s.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")), "cannot reach"),
    ("/manifests/", |s| reply(s, "200 OK", "", b"{}"), "its manifest cannot be read"),
    ("/manifests/", |s| reply(s, "200 OK", "", &[0xff, 0xfe]), "its manifest cannot be read"),
    ("/manifests/", |s| reply(s, "200 OK", "", &[b' '; (4 << 20) + 1]), "more than 4194304 bytes"),
    ("/manifests/", |s| endless(s), "more than 4194304 bytes"),
    (
        "/manifests/",
        |s| {
            let other = skyloom::oci::Sha256::of(b"other");
            let header = format!("docker-content-digest: {other}\r\n");
            reply(s, "200 OK", &header, manifest(b"x").to_string().as_bytes());
        },
        "sends other bytes than it names: the manifest",
    ),
    (
        "/manifests/",
        |s| reply(s, "307 Temporary Redirect", "location: https://example.org/v2/x\r\n", b""),
        "sends us on to https://example.org/v2/x",
    ),
    (
        "/manifests/",
        |s| reply(s, "500 Oh no", "", br#"{"errors": [{"code": "BROKEN"}]}"#),
        "answers 500",
    ),
    (
        "/manifests/",
        |s| {
            let mut large = manifest(b"x");
            large["layers"][0]["size"] = json!(65 << 20);
            reply(s, "200 OK", "", large.to_string().as_bytes());
        },
        "it has 65 MiB; 64 are allowed",
    ),
    ("/blobs/", |s| reply(s, "200 OK", "", &select("0.1.0")[..1000]), "it sends 1000 of"),
    (
        "/blobs/",
        |s| drop(s.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\n\0asm")),
        "it stops before the end",
    ),
    (
        "/blobs/",
        |s| reply(s, "200 OK", "", &select("0.1.9")),
        "sends other bytes than it names: the component",
    ),
    ("/blobs/", |s| endless(s), "sends more than"),
    (
        "/blobs/",
        |s| reply(s, "307 Temporary Redirect", "location: http://127.0.0.1:9/x\r\n", b""),
        "if that is where it keeps plugins, say `--blobs-from 127.0.0.1:9`",
    ),
    (
        "/blobs/",
        |s| reply(s, "302 Found", "location: file:///etc/hostname\r\n", b""),
        "only https is spoken",
    ),
    (
        "/blobs/",
        |s| reply(s, "302 Found", "location: /v2/survey/select/blobs/again\r\n", b""),
        "it does so again and again",
    ),
    (
        "/blobs/",
        |s| {
            // It says nothing until we go.
            drop(s.read(&mut [0]));
        },
        "timeout",
    ),
];

/// Sends chunks until nobody listens any more.
fn endless(stream: &mut TcpStream) {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend([b' '; 0x10000]);
    chunk.extend(b"\r\n");
    let mut sent = stream.write_all(head);
    while sent.is_ok() {
        sent = stream.write_all(&chunk);
    }
}

fn believing() -> Project {
    let project = project();
    trust(&project, "unsigned: allow\n");
    project
}

#[test]
fn a_registry_that_lies_is_found_out() {
    let project = believing();
    for (at, lie, words) in LIES {
        let (host, _) =
            serve(
                move |asked, stream| {
                    if asked.path.contains(at) { lie(stream) } else { honest(asked, stream) }
                },
            );
        let url = format!("oci://{host}/survey/select@^0.1");
        let text = bad(&project, 2, &["plugin", "pull", "--timeout", "1", &url], &[words]);
        assert!(!text.contains("panicked"), "{text}");
        assert_eq!(pulled_files(&project), [] as [PathBuf; 0], "{words}");
    }
}

#[test]
fn a_plugin_is_what_it_was_asked_for_as() {
    let project = believing();
    let (host, _) = serve(honest);
    let check = |name: &str, words: &str| {
        let url = format!("oci://{host}/{name}");
        bad(&project, 2, &["plugin", "pull", &url], &[words]);
        assert_eq!(pulled_files(&project), [] as [PathBuf; 0], "{words}");
    };
    check("survey/other", "it calls itself `select`");
    check("survey/select:0.1.5", "it calls itself 0.1.0, not 0.1.5");
    let other = skyloom::oci::Sha256::of(b"other");
    check(&format!("survey/select@{other}"), "sends other bytes than it names");
    check("select", "no namespace");
    check("../select", "is not a name");
    good(&project, &["plugin", "pull", &format!("oci://{host}/survey/select")]);

    // A core module is none, nor is what cannot be read.
    for (bytes, words) in [
        (&b"\0asm\x01\0\0\0"[..], "it is a core module"),
        (b"nothing", "it does not begin as WebAssembly does"),
    ] {
        let (host, _) = serve(move |asked, stream| {
            if asked.path.contains("/manifests/") {
                reply(stream, "200 OK", "", manifest(bytes).to_string().as_bytes());
            } else if asked.path.contains("/blobs/") {
                reply(stream, "200 OK", "", bytes);
            } else {
                honest(asked, stream);
            }
        });
        bad(&project, 2, &["plugin", "pull", &format!("oci://{host}/survey/select")], &[words]);
    }
}

#[test]
fn bytes_come_from_elsewhere_only_if_that_is_said() {
    let project = believing();
    let (store, seen) = serve(|_, stream| reply(stream, "200 OK", "", &select("0.1.0")));
    let to = format!("location: http://{store}/bucket/x?signed=1\r\n");
    let (host, _) = serve(move |asked, stream| {
        if !asked.head.contains("authorization: basic") {
            reply(stream, "401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n", b"");
        } else if asked.path.contains("/blobs/") {
            reply(stream, "307 Temporary Redirect", &to, b"");
        } else {
            honest(asked, stream);
        }
    });
    let url = format!("oci://{host}/survey/select");
    let pull = |args: &[&str]| {
        let mut command = project.skyloom.command(args);
        command.current_dir(&project.folder).env("DOCKER_CONFIG", project.file("docker"));
        command.output().expect("the binary starts")
    };
    log_in(&project, &host);
    let output = pull(&["plugin", "pull", &url]);
    assert!(super::stderr(&output).contains("--blobs-from"), "{}", super::stderr(&output));
    let output = pull(&["plugin", "pull", &url, "--blobs-from", &store]);
    assert_eq!(output.status.code(), Some(0), "{}", super::stderr(&output));
    let seen = seen.lock().expect("no holder panics");
    assert_eq!(seen.len(), 1);
    assert!(!seen[0].head.contains("authorization"), "{seen:?}");
    assert!(keeps_secret(&project.file(".skyloom"), "bmFtZTpzZWNyZXQ="));
}

/// Keeps a name and password for `host` as `docker login` does.
fn log_in(project: &Project, host: &str) {
    fs::create_dir_all(project.file("docker")).expect("a folder can be made");
    // "name:secret"
    let config = json!({"auths": {host: {"auth": "bmFtZTpzZWNyZXQ="}}}).to_string();
    fs::write(project.file("docker/config.json"), config).expect("it can be written");
}

#[test]
fn a_registry_may_ask_who_we_are() {
    let project = believing();
    // It wants a token, which it gives to those with a password.
    let (host, seen) = serve(|asked, stream| {
        let host = asked.head.split("host: ").nth(1).and_then(|rest| rest.split('\r').next());
        let host = host.unwrap_or_default();
        if asked.path.starts_with("/token?") {
            let fits = asked.path.contains("scope=repository:survey/select:pull")
                && asked.path.contains("service=here");
            match asked.head.contains("authorization: basic bmftztpzzwnyzxq=") && fits {
                true => reply(stream, "200 OK", "", br#"{"token": "T0KEN"}"#),
                false => reply(stream, "401 Unauthorized", "", b"{}"),
            }
        } else if asked.head.contains("authorization: bearer t0ken") {
            honest(asked, stream);
        } else {
            let ask = format!(
                "www-authenticate: Bearer realm=\"http://{host}/token\",service=\"here\"\r\n"
            );
            reply(stream, "401 Unauthorized", &ask, b"");
        }
    });
    let url = format!("oci://{host}/survey/select");
    let run = |project: &Project| {
        let mut command = project.skyloom.command(&["plugin", "pull", &url]);
        command.current_dir(&project.folder).env("DOCKER_CONFIG", project.file("docker"));
        command.output().expect("the binary starts")
    };
    let output = run(&project);
    assert_eq!(output.status.code(), Some(2), "{}", super::stderr(&output));
    assert!(super::stderr(&output).contains("docker login"), "{}", super::stderr(&output));
    log_in(&project, &host);
    let output = run(&project);
    assert_eq!(output.status.code(), Some(0), "{}", super::stderr(&output));
    let tokens = seen.lock().expect("no holder panics");
    let tokens = tokens.iter().filter(|asked| asked.path.starts_with("/token?")).count();
    assert_eq!(tokens, 2, "a token is asked for once, with and without a password");
    for text in [super::stderr(&output), String::from_utf8_lossy(&output.stdout).into_owned()] {
        assert!(!text.contains("secret") && !text.contains("T0KEN"), "{text}");
    }

    // Nobody gets the password who asks for it to be sent in clear, to another machine.
    let (host, _) = serve(|_, stream| {
        let ask = "www-authenticate: Bearer realm=\"http://example.org/token\"\r\n";
        reply(stream, "401 Unauthorized", ask, b"");
    });
    let url = format!("oci://{host}/survey/select");
    bad(&project, 2, &["plugin", "pull", &url], &["asks for passwords to be sent", "in clear"]);
}
