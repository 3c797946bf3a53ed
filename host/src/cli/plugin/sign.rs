//! `skyloom plugin keygen|sign|verify`: whose a plugin is.

use std::io::BufRead;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use serde_json::json;

use super::super::{End, render};
use super::Shelf;
use super::registry::{signer, trust_text};
use crate::registry::{self, RegistryError};
use crate::run::RunError;
use crate::trust::{
    PublicKey, SecretKey, Signature, TrustError, Verdict, make_keys, signature_path,
};

#[derive(Debug, Args)]
pub(super) struct KeygenArgs {
    /// The file of the secret key; the public one lies beside it and ends in .pub.
    #[arg(long, value_name = "FILE", default_value = "skyloom.key")]
    out: PathBuf,
    /// Protect the key by nothing but its file's permissions.
    #[arg(long, conflicts_with = "password_stdin")]
    no_password: bool,
    /// Read the password from standard input, not from the terminal.
    #[arg(long)]
    password_stdin: bool,
    /// Print results as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// A plugin of the project, the folder of a package, or a component.
    #[arg(value_name = "PLUGIN")]
    plugin: String,
    /// The file of the secret key.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Read the password from standard input, not from the terminal.
    #[arg(long)]
    password_stdin: bool,
    /// Print results as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// A plugin of the project or one that was pulled, the folder of a package, or a component.
    #[arg(value_name = "PLUGIN")]
    plugin: String,
    /// The public key, or its file; without it, what trust.yaml says counts.
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// Print results as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn keygen(args: &KeygenArgs) -> Result<End, RunError> {
    let password = match args.no_password {
        true => None,
        false => Some(new_password(args.password_stdin)?),
    };
    let (public, beside) = make_keys(&args.out, password)?;
    if args.json {
        render::json(&json!({
            "secret": args.out, "public": beside, "key": public.to_string(), "id": public.id(),
        }));
        return Ok(End::Ok);
    }
    render::out(&public.to_string());
    render::note(&format!(
        "{} signs; keep it to yourself. {} checks; give it to those who are to trust it",
        args.out.display(),
        beside.display()
    ));
    Ok(End::Ok)
}

fn new_password(from_stdin: bool) -> Result<String, RunError> {
    let password = ask("Password for the new key: ", from_stdin)?;
    if password.is_empty() {
        let message = "an empty password protects nothing; `--no-password` says so openly";
        return Err(RunError::Usage(message.to_owned()));
    }
    if !from_stdin && ask("The same again: ", false)? != password {
        return Err(RunError::Usage("the two passwords differ".to_owned()));
    }
    Ok(password)
}

fn ask(prompt: &str, from_stdin: bool) -> Result<String, TrustError> {
    if from_stdin {
        let line = std::io::stdin().lock().lines().next().transpose();
        let line = line.map_err(|error| TrustError::Key(error.to_string()))?;
        return Ok(line.unwrap_or_default());
    }
    rpassword::prompt_password(prompt).map_err(|error| {
        TrustError::Key(format!(
            "its password cannot be asked for ({error}); `--password-stdin` reads it"
        ))
    })
}

pub(super) fn sign(args: &SignArgs) -> Result<End, RunError> {
    let shelf = Shelf::here()?;
    let path = shelf.built(&args.plugin)?;
    // What is signed now need not have been trusted before.
    let component = registry::load_file(&shelf.engine, &path)?;
    let text = std::fs::read_to_string(&args.key)
        .map_err(|error| TrustError::Key(format!("{}: {error}", args.key.display())))?;
    let key = SecretKey::read(&text, || ask("Password: ", args.password_stdin))?;
    let descriptor = component.descriptor();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    let (name, version) = (&descriptor.name, &descriptor.version);
    let signature = Signature::make(&key, component.bytes(), name, version, seconds)?;
    let beside = signature_path(&path);
    std::fs::write(&beside, signature.text())
        .map_err(|source| RegistryError::Io { path: beside.clone(), source })?;
    if args.json {
        render::json(&json!({
            "component": path, "signature": beside, "key": signature.key_id(),
            "name": name, "version": version,
        }));
        return Ok(End::Ok);
    }
    let (id, beside) = (signature.key_id(), beside.display());
    render::out(&format!("{name}@{version} signed by {id}: {beside}"));
    Ok(End::Ok)
}

pub(super) fn verify(args: &VerifyArgs) -> Result<End, RunError> {
    let shelf = Shelf::here()?;
    let path = shelf.built(&args.plugin)?;
    let verdict = match &args.key {
        Some(key) => by_key(&shelf, &path, &public_key(key)?),
        None => shelf.registry().open(&path).map(|opened| opened.verdict),
    };
    let (holds, words) = match &verdict {
        Ok(verdict) => (signer(verdict).is_some(), trust_text(verdict)),
        Err(RegistryError::Trust { source, .. }) => {
            (false, format!("{source}; {}", source.remedy()))
        }
        Err(_) => (false, String::new()),
    };
    let verdict = match verdict {
        Err(error) if !matches!(error, RegistryError::Trust { .. }) => return Err(error.into()),
        verdict => verdict.ok(),
    };
    if args.json {
        let by = verdict.as_ref().and_then(signer);
        render::json(&json!({"holds": holds, "signed-by": by, "verdict": words}));
    } else {
        render::out(&format!("{} {}: {words}", if holds { "✓" } else { "✗" }, path.display()));
    }
    Ok(if holds { End::Ok } else { End::CheckFailed })
}

/// What a key says about a component, whatever is trusted here.
fn by_key(
    shelf: &Shelf,
    path: &std::path::Path,
    key: &PublicKey,
) -> Result<Verdict, RegistryError> {
    let component = registry::load_file(&shelf.engine, path)?;
    let distrust = |source| RegistryError::Trust { name: path.display().to_string(), source };
    let Some(text) = registry::read_signature(path)? else {
        return Ok(Verdict::Unsigned { other: None });
    };
    let signature = Signature::read(&text).map_err(distrust)?;
    if signature.key_id() != key.id() {
        return Ok(Verdict::Unsigned { other: Some(signature) });
    }
    signature.check(key, component.bytes()).map_err(distrust)?;
    let descriptor = component.descriptor();
    signature.check_names(&descriptor.name, &descriptor.version).map_err(distrust)?;
    Ok(Verdict::Signed { by: "this key".to_owned(), signature })
}

/// A key from its file, or the key itself.
fn public_key(text: &str) -> Result<PublicKey, TrustError> {
    match std::fs::read_to_string(text) {
        Ok(file) => PublicKey::parse(&file),
        Err(_) => PublicKey::parse(text),
    }
}
