//! The binary opens: version, help, and a clean refusal.

use std::process::Command;

fn skyloom(args: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_skyloom")).args(args).output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[test]
fn version_and_help_go_to_standard_output() {
    let (code, out, err) = skyloom(&["--version"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out.trim(), format!("skyloom {}", env!("CARGO_PKG_VERSION")));
    let (code, out, _) = skyloom(&["--help"]);
    assert_eq!(code, 0);
    for verb in ["run", "check", "plan", "graph", "data", "runs", "plugin", "schema", "doctor"] {
        assert!(out.lines().any(|line| line.trim_start().starts_with(verb)), "{verb}: {out}");
    }
}

#[test]
fn a_wrong_command_exits_2_with_nothing_on_standard_output() {
    for args in
        [&["rnu"][..], &["run"], &["run", "--no-such-flag", "x.yaml"], &["check", "absent.yaml"]]
    {
        let (code, out, err) = skyloom(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(!err.is_empty(), "{args:?}");
    }
}
