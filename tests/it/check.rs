//! Every mistake is found before anything runs, and shown where it is: file, line and
//! column, the line itself, what was expected and what to do.
//!
//! `cases/invalid/NAME.yaml` holds a mistake and `NAME.txt` what `skyloom check` says to it;
//! `cases/valid/NAME.yaml` holds a workflow and `NAME.txt` what `skyloom plan` says to it.
//! `UPDATE_EXPECT=1` writes these texts anew: read the difference before you keep it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Output;

use expect_test::expect_file;

use crate::support::{Skyloom, files_below, root};

/// The workflows in `cases/KIND`, by their paths in the repository.
fn cases(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/cases").join(kind);
    let files = files_below(&folder).into_iter();
    files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect()
}

/// Runs `verb` on each case and compares what `said` takes from it with what is expected.
fn compare(kind: &str, verb: &str, said: fn(&str, &Output) -> Result<String, String>) {
    let skyloom = Skyloom::new();
    let cases = cases(kind);
    assert!(!cases.is_empty(), "no cases in {kind}");
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case.to_str().expect("names are UTF-8");
        let expected = root().join(case).with_extension("txt");
        let output = skyloom.run(&[verb, name]);
        if String::from_utf8_lossy(&output.stderr).contains("skyloom: building") {
            wrong.push(format!("{name}: somebody changed a plugin meanwhile; run again"));
            continue;
        }
        let compared = said(name, &output).and_then(|text| {
            if !expected.exists() && std::env::var_os("UPDATE_EXPECT").is_none() {
                return Err(format!("nothing says what is expected; it says\n{text}"));
            }
            let compare = AssertUnwindSafe(|| expect_file![&expected].assert_eq(&text));
            catch_unwind(compare).map_err(|_| "not as expected; see above".to_owned())
        });
        wrong.extend(compared.err().map(|why| format!("{name}: {why}")));
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Text without what differs between machines.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace(&*root().to_string_lossy(), "…");
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn mistakes_are_shown_where_they_are() {
    compare("invalid", "check", |case, output| {
        let text = plain(&output.stderr);
        if output.status.code() != Some(2) {
            return Err(format!("exit code {:?}, not 2:\n{text}", output.status.code()));
        }
        if !output.stdout.is_empty() {
            return Err("something stands on standard output".to_owned());
        }
        // A place and what to do, whatever the mistake.
        for wanted in [format!("[{case}:"), "help: ".to_owned()] {
            if !text.contains(&wanted) {
                return Err(format!("no `{wanted}` in\n{text}"));
            }
        }
        Ok(text)
    });
}

#[test]
fn plans_say_what_will_run() {
    compare("valid", "plan", |_, output| match output.status.code() {
        Some(0) => Ok(plain(&output.stdout)),
        code => Err(format!("exit code {code:?}:\n{}", plain(&output.stderr))),
    });
}

#[test]
fn machines_are_told_the_place() {
    let skyloom = Skyloom::new();
    let case = "tests/cases/invalid/wrong-unit.yaml";
    let output = skyloom.run(&["check", "--json", case]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let value: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
    let fault = &value["faults"][0];
    assert_eq!((&fault["code"], &fault["line"]), (&"plan::wrong_unit".into(), &16.into()));
    // The span marks the word in the file.
    let place = |end: usize| fault["span"][end].as_u64().and_then(|at| usize::try_from(at).ok());
    let span = place(0).expect("a start")..place(1).expect("an end");
    let source = std::fs::read_to_string(root().join(case)).expect("the case is there");
    assert_eq!(&source[span], "g_flux");
}
