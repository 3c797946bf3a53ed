use super::*;
use crate::fault::Source;

/// A fixed day, so that no test depends on when it runs.
fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 25).unwrap()
}

fn key() -> SecretKey {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.key");
    make_keys(&path, None).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    SecretKey::read(&text, || panic!("it has no password")).unwrap()
}

fn trust(text: &str) -> Result<Trust, Vec<String>> {
    let source = Source { name: "trust.yaml".into(), text: text.into() };
    Trust::parse(&source, today()).map_err(|faults| {
        let shown = faults.iter().map(|fault| {
            let (line, column) = fault.position();
            format!("{line}:{column} {fault}; {}", fault.help.as_deref().unwrap_or_default())
        });
        shown.collect()
    })
}

fn pulled(name: &str) -> Subject {
    let host = Host::parse("example.org").unwrap();
    Subject::Pulled { host, plugin: PluginName::parse(name).unwrap() }
}

const BYTES: &[u8] = b"the component's bytes";

#[test]
fn signed_plugins_run_by_the_rules() {
    let key = key();
    let public = key.public().unwrap();
    let good = Signature::make(&key, BYTES, "fit", "1.2.0", 1_764_000_000).unwrap();
    let check = |rules: &str, subject: &Subject, bytes: &[u8], expected: &str| {
        let text = format!("keys:\n  survey:\n    key: {public}\n    {rules}\n");
        let trust = trust(&text).unwrap();
        let verdict = trust.judge(subject, bytes, Some(good.text()));
        let found = match verdict {
            Ok(Verdict::Signed { by, .. }) => format!("signed by {by}"),
            Ok(Verdict::Unsigned { .. }) => "unsigned".to_owned(),
            Err(error) => {
                assert!(!error.remedy().is_empty());
                error.to_string()
            }
        };
        assert!(found.contains(expected), "{rules}: {found}");
    };
    let fit = pulled("survey/fit");
    check("for: [survey/*]", &fit, BYTES, "signed by survey");
    check("for: [survey/fit]", &fit, BYTES, "signed by survey");
    check("for: ['*']", &fit, BYTES, "signed by survey");
    check("for: [oci://example.org/survey/*]", &fit, BYTES, "signed by survey");
    check("for: [oci://other.org/survey/*]", &fit, BYTES, "may not speak for `survey/fit`");
    check("for: [surveys/*, local]", &fit, BYTES, "only for surveys/*, local");
    check("for: [survey/*]", &pulled("survey/team/fit"), BYTES, "signed by survey");
    check("for: [survey/fit]", &pulled("survey/fit-2"), BYTES, "may not speak");
    check("for: ['*']\nunsigned: refuse", &Subject::Local, BYTES, "may not speak for `local`");
    check("for: ['*']", &Subject::Local, BYTES, "unsigned");
    check("for: ['*']", &Subject::Local, b"other bytes", "not of these bytes");
    check("for: [local]", &Subject::Local, BYTES, "signed by survey");
    let bundled = Subject::Bundled(Some(PluginName::parse("survey/fit").unwrap()));
    check("for: [survey/*]", &bundled, BYTES, "signed by survey");
    check("for: [local]", &Subject::Bundled(None), BYTES, "signed by survey");
    check("for: [survey/*]", &fit, b"other bytes", "not of these bytes");
    check("for: [survey/*]", &fit, b"the component's bytes\0\x01x", "not of these bytes");
    check("for: [survey/*]\n    expires: 2026-11-25", &fit, BYTES, "signed by survey");
    check("for: [survey/*]\n    expires: 2026-11-24", &fit, BYTES, "expired on 2026-11-24");
    check("for: [survey/*]\n    revoked: it was lost", &fit, BYTES, "revoked: it was lost");
    // What is wrong stays wrong where signatures are not needed.
    let allow = "for: [survey/*]\nunsigned: allow";
    check(allow, &fit, b"other bytes", "not of these bytes");
    check("for: [survey/*]\n    expires: 2026-01-01\nunsigned: allow", &fit, BYTES, "expired");
}

#[test]
fn a_signature_is_for_one_name_and_version() {
    let key = key();
    let check = |name: &str, version: &str, good: bool| {
        let signature = Signature::make(&key, BYTES, "fit", "1.2.0", 1_764_000_000).unwrap();
        assert_eq!(signature.day().as_deref(), Some("2025-11-24"));
        let checked = signature.check_names(name, version);
        assert_eq!(checked.is_ok(), good, "{checked:?}");
    };
    check("fit", "1.2.0", true);
    check("fit", "1.2.1", false);
    check("fat", "1.2.0", false);
}

#[test]
fn unsigned_plugins_run_where_they_may() {
    let stranger = Signature::make(&key(), BYTES, "fit", "1.2.0", 0).unwrap();
    let check = |rules: &str, subject: &Subject, allowed: bool| {
        let trust = trust(rules).unwrap();
        let unsigned = trust.judge(subject, BYTES, None);
        assert_eq!(unsigned.is_ok(), allowed, "{rules:?} {subject}");
        // A key that nobody knows counts as none.
        let unknown = trust.judge(subject, BYTES, Some(stranger.text()));
        assert_eq!(unknown.is_ok(), allowed, "{rules:?} {subject}");
        if !allowed {
            assert!(matches!(unsigned, Err(TrustError::Unsigned { .. })));
            assert!(matches!(unknown, Err(TrustError::UnknownKey { .. })));
        }
    };
    let (fit, bundle) = (pulled("survey/fit"), Subject::Bundled(None));
    check("", &Subject::Local, true);
    check("", &bundle, true);
    check("", &fit, false);
    check("unsigned: allow", &fit, true);
    check("unsigned: refuse", &Subject::Local, false);
    check("unsigned: refuse", &bundle, false);
    check("unsigned: {local: refuse}", &Subject::Local, false);
    check("unsigned: {local: refuse}", &bundle, true);
    check("unsigned: {bundle: refuse}", &bundle, false);
    check("unsigned: {'*': allow}", &fit, true);
    check("unsigned: {'*': refuse}", &Subject::Local, true);
    check("unsigned: {survey/*: allow}", &fit, true);
    check("unsigned: {survey/*: allow}", &pulled("other/fit"), false);
    // The longest pattern counts, in whatever order they stand.
    check("unsigned: {survey/fit: refuse, survey/*: allow, '*': allow}", &fit, false);
    check("unsigned: {'*': refuse, survey/*: allow}", &fit, true);
    check("unsigned: {oci://example.org/survey/*: allow, survey/*: refuse}", &fit, true);
    check("unsigned: {oci://other.org/survey/*: allow}", &fit, false);
}

#[test]
fn broken_signatures_are_refused() {
    let key = key();
    let public = key.public().unwrap();
    let text = format!("unsigned: allow\nkeys: {{me: {{key: {public}, for: [local]}}}}\n");
    let trust = trust(&text).unwrap();
    let good = Signature::make(&key, BYTES, "fit", "1.2.0", 1_764_000_000).unwrap();
    let check = |text: &str, expected: &str| {
        let error = trust.judge(&Subject::Local, BYTES, Some(text)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let lines: Vec<&str> = good.text().lines().collect();
    check("", "not one of minisign's");
    check("untrusted comment: x\nRW\ntrusted comment: y\n\n", "not one of minisign's");
    check(&lines[..3].join("\n"), "not one of minisign's");
    check(&good.text().replace("fit@1.2.0", "fit@9.9.9"), "comment was changed");
    check(&good.text().replace("trusted comment: ", "trusted comment:"), "not one of minisign's");
    let short = good.text().replace(lines[3], "AAAA");
    check(&short, "signature of its comment is cut");
    check(&good.text().replace(lines[3], lines[1]), "not one of minisign's");
    check(&format!("{}{}", good.text(), "x".repeat(5000)), "not one of minisign's");
}

#[test]
fn mistakes_in_the_file_have_places() {
    let public = key().public().unwrap();
    let check = |text: &str, expected: &str| {
        let text = text.replace("PUBLIC", &public.to_string());
        let faults = trust(&text).unwrap_err();
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{text}: {faults:?}");
    };
    check("kyes: {}", "1:1 the file has no `kyes`; did you mean `keys`?");
    check("- a", "the file is a list");
    check("keys:\n  me: {for: [a/*]}", "2:3 key `me` has no `key`");
    check("keys:\n  me: {key: PUBLIC}", "2:3 key `me` may speak for nobody");
    check("keys:\n  me: {key: PUBLIC, for: []}", "may speak for nobody");
    check("keys:\n  me: {key: PUBLIC, for: a/*}", "should be a list");
    check("keys:\n  me: {key: PUBLIC, for: [a]}", "no namespace");
    check("keys:\n  me: {key: PUBLIC, for: [../*]}", "not a name");
    check("keys:\n  me:\n    key: abc\n    for: [a/*]", "3:10 the key cannot be used");
    check("keys:\n  me: {key: PUBLIC, for: [a/*], expires: soon}", "`soon` is not a date");
    check("keys:\n  me: {key: PUBLIC, for: [a/*], expires: 2026-02-30}", "is not a date");
    check("keys:\n  me: {key: PUBLIC, for: [a/*], until: 2026-02-03}", "has no `until`");
    check(
        "keys:\n  me: {key: PUBLIC, for: [a/*]}\n  you: {key: PUBLIC, for: [b/*]}",
        "3:3 this is the same key as `me`",
    );
    check("unsigned: maybe", "1:11 this says neither `allow` nor `refuse`");
    check("unsigned: {a/*: yes}", "neither `allow` nor `refuse`");
    check("unsigned: {Local: allow}", "no namespace");
    check("unsigned: true", "should be a mapping");
}

#[test]
fn keys_are_kept_from_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.key");
    let (public, beside) = make_keys(&path, Some("a word".to_owned())).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(
        PublicKey::parse(&std::fs::read_to_string(&beside).unwrap()).unwrap().id(),
        public.id()
    );
    let again = make_keys(&path, None).unwrap_err();
    assert!(again.to_string().contains("is there already"), "{again}");
    let text = std::fs::read_to_string(&path).unwrap();
    let key = SecretKey::read(&text, || Ok("a word".to_owned())).unwrap();
    assert_eq!(key.public().unwrap().id(), public.id());
    let wrong = SecretKey::read(&text, || Ok("another".to_owned())).map(|_| ()).unwrap_err();
    assert_eq!(wrong, TrustError::Password);
    assert!(SecretKey::read("nothing", || panic!("no password is asked")).is_err());
}
