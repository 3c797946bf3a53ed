//! `skyloom plugin publish|pull|search`: plugins in registries.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::super::text::{self, grid, plain};
use super::super::{End, render};
use super::Shelf;
use crate::oci::{Client, ClientOptions, Host, OciError, Repository, Shelfmark};
use crate::registry::{self, Pulled, exchange};
use crate::run::RunError;
use crate::trust::Verdict;

/// How a registry is talked to.
#[derive(Debug, Args)]
struct Talk {
    /// How many seconds the registry may be silent.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Print results as JSON.
    #[arg(long)]
    json: bool,
}

impl Talk {
    fn client(&self, host: &Host, blobs_from: &[Host]) -> Result<Client, RunError> {
        let timeout = Duration::from_secs(self.timeout);
        let options = ClientOptions { timeout, blobs_from: blobs_from.to_vec() };
        Ok(Client::new(host.clone(), options).map_err(said)?)
    }
}

fn said(error: OciError) -> registry::RegistryError {
    error.into()
}

#[derive(Debug, Args)]
pub(super) struct PublishArgs {
    /// A plugin of the project, the folder of a package, or a component.
    #[arg(value_name = "PLUGIN")]
    plugin: String,
    /// Where to: oci://HOST/NAMESPACE, or oci://HOST/NAMESPACE/NAME.
    #[arg(value_name = "URL")]
    url: String,
    /// The plugin's licence, as an SPDX expression.
    #[arg(long, value_name = "SPDX")]
    license: Option<String>,
    #[command(flatten)]
    talk: Talk,
}

#[derive(Debug, Args)]
pub(super) struct PullArgs {
    /// Which plugin: oci://HOST/NAMESPACE/NAME, then nothing for the highest version, `@^1.2`,
    /// `:1.2.3` or `@sha256:…`.
    #[arg(value_name = "URL")]
    url: String,
    /// Another host that the registry may send us on to for the component's bytes.
    #[arg(long, value_name = "HOST", value_parser = Host::parse)]
    blobs_from: Vec<Host>,
    #[command(flatten)]
    talk: Talk,
}

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// Where: oci://HOST, or oci://HOST/NAMESPACE.
    #[arg(value_name = "URL")]
    url: String,
    /// Words that stand in the name, role or description.
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    #[command(flatten)]
    talk: Talk,
}

impl PublishArgs {
    pub(super) fn json(&self) -> bool {
        self.talk.json
    }
}

impl PullArgs {
    pub(super) fn json(&self) -> bool {
        self.talk.json
    }
}

impl SearchArgs {
    pub(super) fn json(&self) -> bool {
        self.talk.json
    }
}

pub(super) fn publish(args: &PublishArgs) -> Result<End, RunError> {
    let plugin = Shelf::here()?.load(&args.plugin)?;
    let name = &plugin.component.descriptor().name;
    let repository = Repository::for_plugin(&args.url, name).map_err(said)?;
    let client = args.talk.client(&repository.host, &[])?;
    let signature = registry::read_signature(&plugin.path)?;
    let license = args.license.clone();
    let published = exchange::publish(&client, &repository, &plugin.component, signature, license)?;
    if args.talk.json {
        render::json(&json!({
            "repository": repository.to_string(),
            "version": published.version.to_string(),
            "manifest": published.manifest,
            "component": published.component,
            "digest": plugin.component.digest,
            "signed": published.signed,
            "was-there": published.was_there,
        }));
        return Ok(End::Ok);
    }
    let signed = if published.signed { "signed" } else { "without a signature" };
    let was_there = if published.was_there { "; it was there already" } else { "" };
    render::out(&format!("{repository}:{}, {signed}{was_there}", published.version));
    Ok(End::Ok)
}

pub(super) fn pull(args: &PullArgs) -> Result<End, RunError> {
    let mark = Shelfmark::parse(&args.url).map_err(said)?;
    let Some(host) = &mark.host else {
        return Err(RunError::Usage(format!("say where from: oci://HOST/{mark}")));
    };
    let shelf = Shelf::here()?;
    let client = args.talk.client(host, &args.blobs_from)?;
    let pulled = Pulled::of(&shelf.project.root);
    let now = exchange::pull(&client, &mark, &shelf.engine, &shelf.trust, &pulled)?;
    let (found, origin) = (&now.plugin, &now.origin);
    if args.talk.json {
        render::json(&json!({
            "plugin": found.repository.plugin.to_string(),
            "version": found.version.to_string(),
            "component": found.path,
            "digest": origin.component,
            "from": origin.pinned(),
            "signed-by": signer(&now.verdict),
        }));
        return Ok(End::Ok);
    }
    let (repository, version) = (&found.repository, &found.version);
    let short = origin.component.short();
    render::out(&format!("{repository}:{version} ({short}), {}", trust_text(&now.verdict)));
    let plugin = &repository.plugin;
    render::note(&format!("a workflow names it `{plugin}@^{version}`, or `@=` for this very one"));
    Ok(End::Ok)
}

pub(super) fn search(args: &SearchArgs) -> Result<End, RunError> {
    let (host, namespace) = Host::with_namespace(&args.url).map_err(said)?;
    let client = args.talk.client(&host, &[])?;
    let found = exchange::search(&client, namespace.as_deref(), &args.words)?;
    if args.talk.json {
        let each = found.iter().map(|listed| {
            json!({
                "repository": listed.repository.to_string(),
                "version": listed.version.to_string(),
                "versions": listed.versions,
                "role": listed.annotations.role,
                "description": listed.annotations.description,
                "licenses": listed.annotations.licenses,
                "has-signature": listed.annotations.signature.is_some(),
            })
        });
        render::json(&each.collect());
        return Ok(End::Ok);
    }
    if found.is_empty() {
        render::note("nothing is listed there that fits");
        return Ok(End::Ok);
    }
    let rows: Vec<_> = found
        .iter()
        .map(|listed| {
            let said = &listed.annotations;
            vec![
                listed.repository.plugin.to_string(),
                listed.version.to_string(),
                text::cut(said.role.as_deref().unwrap_or("–"), 20),
                text::cut(&said.description, 80),
            ]
        })
        .collect();
    render::out(&grid(&rows, &[], 0));
    Ok(End::Ok)
}

/// The name of the key that signed, as `trust.yaml` calls it.
pub(super) fn signer(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Signed { by, .. } => Some(by),
        Verdict::Unsigned { .. } => None,
    }
}

/// Why a plugin may run, in words.
pub(super) fn trust_text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Signed { by, signature } => {
            let when = signature.day().map(|day| format!(", {day}"));
            let (by, id) = (plain(by), signature.key_id());
            format!("signed by {by} ({id}){}", when.unwrap_or_default())
        }
        Verdict::Unsigned { other: None } => "not signed".to_owned(),
        Verdict::Unsigned { other: Some(signature) } => {
            format!("signed by {}, which may not speak for it here", signature.key_id())
        }
    }
}
