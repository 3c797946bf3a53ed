//! Plugins are published, pulled and trusted: against a real registry on this machine, and
//! against one that lies.

mod hostile;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Project, has_tools, target};
use server::Server;

const JOB: &str = r#"skyloom: v1
name: pulled
inputs:
  catalogue: {path: stars.csv}
nodes:
  stars: {plugin: csv-ingester, from: catalogue, with: {key: ID}}
  some: {plugin: "survey/select@^0.1", in: stars, with: {where: {Subtype: [RRab]}}}
outputs:
  some: {from: some, path: some.csv}
"#;

/// A project with a job that wants `survey/select`, and a pair of keys.
fn project() -> Project {
    let project = Project::new(JOB, &["stars.csv"]);
    good(&project, &["plugin", "keygen", "--no-password", "--out", "survey.key"]);
    project
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a command that must go well says.
fn good(project: &Project, args: &[&str]) -> String {
    let output = project.run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).expect("it is text")
}

/// What a command that must end with `code` complains about.
fn bad(project: &Project, code: i32, args: &[&str], words: &[&str]) -> String {
    let output = project.run(args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    for word in words {
        // Long lines are wrapped where a fault is drawn.
        let flat = text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(word), "`{word}` is not in: {text}");
    }
    text
}

/// The component `select` under another version of the same length.
fn select(version: &str) -> Vec<u8> {
    let path = target().join("guests/components/select.wasm");
    replaced(&fs::read(path).expect("it was built"), "select0.1.0", &format!("select{version}"))
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.expect("a component says its name and version");
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

/// The public key of the project's pair.
fn public_key(project: &Project, name: &str) -> String {
    let text = fs::read_to_string(project.file(name)).expect("it was made");
    text.lines().nth(1).expect("two lines").to_owned()
}

fn trust(project: &Project, text: &str) {
    let text = text.replace("SURVEY", &public_key(project, "survey.pub"));
    fs::write(project.file("trust.yaml"), text).expect("it can be written");
}

const TRUST_SURVEY: &str = "keys:\n  survey: {key: SURVEY, for: [survey/*]}\n";

/// All files below the folder of pulled plugins.
fn pulled_files(project: &Project) -> Vec<PathBuf> {
    let mut folders = vec![project.file(".skyloom/plugins")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path())
            } else {
                files.push(entry.path())
            }
        }
    }
    files.sort();
    files
}

/// Signs and publishes `select` in these versions.
fn publish(project: &Project, server: &Server, versions: &[&str]) {
    for version in versions {
        let name = format!("select-{version}.wasm");
        fs::write(project.file(&name), select(version)).expect("it can be written");
        good(project, &["plugin", "sign", &name, "--key", "survey.key"]);
        good(project, &["plugin", "publish", &name, &server.url("survey")]);
    }
}

#[test]
fn what_is_published_is_found_pulled_and_run() {
    let Some(server) = Server::start() else { return };
    let project = project();
    trust(&project, TRUST_SURVEY);
    publish(&project, &server, &["0.1.0", "0.1.9", "0.2.0"]);

    // Again, and nothing happens; other bytes under the same version are refused.
    let url = server.url("survey");
    let again = good(&project, &["plugin", "publish", "select-0.1.0.wasm", &url]);
    assert!(again.contains("already"), "{again}");
    let changed = replaced(&select("0.1.0"), "Keeps the rows", "Drops the rows");
    fs::write(project.file("changed.wasm"), changed).expect("it can be written");
    let args = ["plugin", "publish", "changed.wasm", &url];
    bad(&project, 2, &args, &["has 0.1.0 already", "raise the plugin's version"]);

    let listed = good(&project, &["plugin", "search", &server.url(""), "ROWS", "--json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["repository"], server.url("survey/select"));
    assert_eq!((&listed[0]["version"], &listed[0]["versions"]), (&"0.2.0".into(), &3.into()));
    assert_eq!(
        (&listed[0]["role"], &listed[0]["has-signature"]),
        (&"selector".into(), &true.into())
    );
    assert_eq!(good(&project, &["plugin", "search", &url, "nonsense"]), "");
    assert_eq!(good(&project, &["plugin", "search", &server.url("sur")]), "");

    // Nothing is fetched by a run.
    let name = server.url("survey/select");
    bad(&project, 2, &["run", "job.yaml"], &["no plugin `survey/select@^0.1` was pulled"]);
    bad(&project, 2, &["plugin", "pull", &format!("{name}@^3")], &["there is: 0.2.0, 0.1.9"]);
    good(&project, &["plugin", "pull", &format!("{name}@=0.1.0")]);
    good(&project, &["run", "job.yaml"]);
    good(&project, &["lock", "job.yaml"]);
    let lock = fs::read_to_string(project.file("job.lock")).expect("it was written");
    assert!(lock.contains(&format!("{name}@sha256:")), "{lock}");

    // The highest that will do is taken, but not where a lock names another.
    let pulled = good(&project, &["plugin", "pull", &format!("{name}@^0.1"), "--json"]);
    let pulled: Value = serde_json::from_str(&pulled).expect("JSON");
    assert_eq!((&pulled["version"], &pulled["signed-by"]), (&"0.1.9".into(), &"survey".into()));
    good(&project, &["run", "--locked", "job.yaml"]);
    good(&project, &["replay", "job.lock"]);
    bad(&project, 3, &["lock", "job.yaml"], &["select@0.1.9", "not as locked"]);
    let moved = good(&project, &["run", "--json", "job.yaml"]);
    assert!(moved.contains("\"outcome\":\"ok\""), "{moved}");

    // What the lock names can be had again by what the message says.
    for file in
        pulled_files(&project).iter().filter(|file| file.to_string_lossy().contains("0.1.0"))
    {
        fs::remove_file(file).expect("it was pulled");
    }
    let refused = bad(
        &project,
        2,
        &["run", "--locked", "--json", "job.yaml"],
        &["the lock names select@0.1.0", "skyloom plugin pull oci://"],
    );
    let at = refused.find("oci://").expect("a URL");
    let url: String = refused[at..].chars().take_while(|c| *c != '`').collect();
    good(&project, &["plugin", "pull", &url]);
    let folder = server.stop();
    assert!(folder.path().exists());
    good(&project, &["run", "--locked", "job.yaml"]);
    bad(&project, 2, &["plugin", "pull", &name], &["cannot reach 127.0.0.1"]);

    // A bundle has the signature with the component, and needs no trust where it is replayed.
    good(&project, &["lock", "job.yaml", "--update"]);
    good(&project, &["run", "--locked", "job.yaml"]);
    good(&project, &["lock", "job.yaml"]);
    good(&project, &["publish", "job.yaml", "-o", "job.skyloom"]);
    let elsewhere = project.file("elsewhere");
    fs::create_dir_all(elsewhere.join("plugins")).expect("a folder can be made");
    let replay = |rules: &str| {
        fs::write(elsewhere.join("trust.yaml"), rules).expect("it can be written");
        let mut command = project.skyloom.command(&["replay", "../job.skyloom"]);
        command.current_dir(&elsewhere).output().expect("the binary starts")
    };
    let output = replay("");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = replay("unsigned: refuse\n");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let key = public_key(&project, "survey.pub");
    let rules = format!("keys: {{them: {{key: {key}, for: [survey/*]}}}}\n");
    let output = replay(&rules);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let revoked = rules.replace("for:", "revoked: lost, for:");
    let output = replay(&revoked);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("revoked"), "{}", stderr(&output));
}

#[test]
fn what_was_pulled_runs_as_long_as_it_is_trusted() {
    let Some(server) = Server::start() else { return };
    let project = project();
    let name = server.url("survey/select");
    let pull = ["plugin", "pull", name.as_str()];
    fs::write(project.file("select-0.1.0.wasm"), select("0.1.0")).expect("it can be written");
    good(&project, &["plugin", "publish", "select-0.1.0.wasm", &server.url("survey")]);

    // Nothing is trusted that nobody said is.
    bad(&project, 2, &pull, &["it has no signature", "unsigned: {survey/select: allow}"]);
    assert_eq!(pulled_files(&project), [] as [PathBuf; 0]);
    trust(&project, "unsigned: {survey/select: allow}");
    good(&project, &pull);
    good(&project, &["check", "job.yaml"]);
    trust(&project, TRUST_SURVEY);
    bad(&project, 2, &["check", "job.yaml"], &["plan::plugin_trust", "it has no signature"]);

    // A signature can come later, and changes nothing else.
    publish(&project, &server, &["0.1.0"]);
    good(&project, &pull);
    let info = good(&project, &["plugin", "info", "survey/select"]);
    assert!(info.contains("trust    signed by survey ("), "{info}");
    let check = |rules: &str, code: i32, words: &[&str]| {
        trust(&project, rules);
        for verb in ["check", "plan", "run", "lock"] {
            bad(&project, code, &[verb, "job.yaml"], words);
        }
        bad(&project, code, &["plugin", "info", "survey/select"], words);
    };
    good(&project, &["run", "job.yaml"]);
    good(&project, &["lock", "job.yaml"]);
    check("", 2, &["which nobody here knows"]);
    check(
        "keys:\n  survey: {key: SURVEY, for: [other/*]}",
        2,
        &["may not speak for `survey/select`"],
    );
    let with = |more: &str| TRUST_SURVEY.replace("for:", &format!("{more}, for:"));
    check(&with("expires: 2026-01-01"), 2, &["expired on 2026-01-01", "move `expires`"]);
    check(&with("revoked: it was lost"), 2, &["revoked: it was lost"]);
    check("keys: []", 2, &["trust::file", "should be a mapping"]);
    trust(&project, &with("revoked: it was lost"));
    for verb in
        [&["run", "--locked", "job.yaml"][..], &["replay", "job.lock"], &["publish", "job.yaml"]]
    {
        bad(&project, 2, verb, &["revoked: it was lost"]);
    }
    trust(&project, TRUST_SURVEY);
    good(&project, &["run", "job.yaml"]);

    // The signature of another component, and bytes that came after it.
    let files = pulled_files(&project);
    let [component, origin, signature] = files.as_slice() else { panic!("{files:?}") };
    let texts = [component, origin, signature].map(|path| fs::read(path).expect("it is there"));
    fs::write(project.file("b.wasm"), select("0.1.9")).expect("it can be written");
    good(&project, &["plugin", "sign", "b.wasm", "--key", "survey.key"]);
    fs::copy(project.file("b.wasm.minisig"), signature).expect("it can be copied");
    bad(&project, 2, &["run", "job.yaml"], &["not of these bytes"]);
    fs::write(signature, &texts[2]).expect("it can be written");
    // An empty custom section, called `x`, is valid WebAssembly.
    let longer = [texts[0].as_slice(), &[0, 2, 1, b'x']].concat();
    fs::write(component, &longer).expect("it can be written");
    bad(&project, 2, &["run", "job.yaml"], &["is not what was pulled", "pull it again"]);
    let noted = String::from_utf8(texts[1].clone()).expect("it is text");
    let digest = |bytes: &[u8]| skyloom::data::Digest::of(bytes).to_string();
    fs::write(origin, noted.replace(&digest(&texts[0]), &digest(&longer))).expect("written");
    bad(&project, 2, &["run", "job.yaml"], &["not of these bytes: the component was changed"]);
    fs::remove_file(signature).expect("it is there");
    bad(&project, 2, &["run", "job.yaml"], &["it has no signature"]);
    let args = ["plugin", "pull", name.as_str()];
    bad(&project, 2, &args, &["was pulled with other bytes", "ask its owner"]);
}

#[test]
fn local_plugins_need_signatures_where_that_is_said() {
    let project = project();
    let job = JOB.replace("survey/select@^0.1", "select");
    fs::write(project.file("job.yaml"), job).expect("it can be written");
    good(&project, &["check", "job.yaml"]);
    trust(&project, "keys:\n  me: {key: SURVEY, for: [local]}\nunsigned: {local: refuse}\n");
    let words = ["plugins/csv-ingester.wasm is not trusted", "plugins/select.wasm is not trusted"];
    bad(&project, 2, &["check", "job.yaml"], &words);
    for plugin in ["select", "csv-ingester"] {
        bad(&project, 4, &["plugin", "verify", plugin], &["it has no signature"]);
        good(&project, &["plugin", "sign", plugin, "--key", "survey.key"]);
        let verified = good(&project, &["plugin", "verify", plugin]);
        assert!(verified.contains("signed by me ("), "{verified}");
    }
    good(&project, &["check", "job.yaml"]);
    // Of two components, each has its own signature.
    let signature = |name: &str| project.file(&format!("plugins/{name}.wasm.minisig"));
    fs::copy(signature("select"), signature("csv-ingester")).expect("it can be copied");
    bad(&project, 2, &["check", "job.yaml"], &["not of these bytes"]);
    bad(
        &project,
        4,
        &["plugin", "verify", "csv-ingester", "--key", "survey.pub"],
        &["not of these"],
    );
}

#[test]
fn minisign_and_skyloom_understand_each_other() {
    if !has_tools(&["minisign"]) {
        return;
    }
    let project = project();
    let minisign = |args: &[&str]| {
        let mut command = Command::new("minisign");
        command.args(args).current_dir(&project.folder).stdin(Stdio::null());
        let output = command.output().expect("minisign starts");
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let component = "plugins/select.wasm";
    good(&project, &["plugin", "sign", "select", "--key", "survey.key"]);
    let said = minisign(&["-Vm", component, "-p", "survey.pub"]);
    assert!(said.contains("plugin:select@0.1.0"), "{said}");

    minisign(&["-GW", "-p", "theirs.pub", "-s", "theirs.key"]);
    minisign(&["-Sm", component, "-s", "theirs.key", "-W"]);
    good(&project, &["plugin", "verify", component, "--key", "theirs.pub"]);
    bad(&project, 4, &["plugin", "verify", component, "--key", "survey.pub"], &["signed by"]);
    let theirs = public_key(&project, "theirs.pub");
    let rules = format!("keys: {{them: {{key: {theirs}, for: [local]}}}}\n");
    fs::write(project.file("trust.yaml"), rules).expect("it can be written");
    let verified = good(&project, &["plugin", "verify", component]);
    assert!(verified.contains("signed by them ("), "{verified}");
    // Their key signs for us, too.
    good(&project, &["plugin", "sign", component, "--key", "theirs.key"]);
    minisign(&["-Vm", component, "-p", "theirs.pub"]);
}

#[test]
fn keys_can_have_passwords() {
    let project = project();
    let with_password = |args: &[&str], password: &str| {
        let mut command = project.skyloom.command(args);
        command.current_dir(&project.folder).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        std::io::Write::write_all(&mut stdin, password.as_bytes()).expect("it listens");
        drop(stdin);
        child.wait_with_output().expect("it ends")
    };
    let keygen = ["plugin", "keygen", "--out", "locked.key", "--password-stdin"];
    let output = with_password(&keygen, "\n");
    assert!(stderr(&output).contains("an empty password"), "{}", stderr(&output));
    let output = with_password(&keygen, "a word\n");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let sign = ["plugin", "sign", "select", "--key", "locked.key", "--password-stdin"];
    let output = with_password(&sign, "another word\n");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("the password is not the key's"), "{}", stderr(&output));
    let output = with_password(&sign, "a word\n");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    good(&project, &["plugin", "verify", "select", "--key", "locked.pub"]);
    let again = ["plugin", "keygen", "--no-password", "--out", "locked.key"];
    bad(&project, 2, &again, &["locked.key is there already"]);
}

/// Whether nothing that was written below `folder` holds `secret`.
fn keeps_secret(folder: &Path, secret: &str) -> bool {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).contains(secret)
            {
                return false;
            }
        }
    }
    true
}
