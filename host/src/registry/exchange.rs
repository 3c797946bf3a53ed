//! Publishing, pulling and finding plugins: all that talks to registries.

use std::io::{Read, Seek, SeekFrom};

use semver::Version;

use super::{Origin, Pulled, PulledPlugin, RegistryError, admit};
use crate::instance::{Component, Engine, Role};
use crate::oci::{
    Annotations, Client, Content, Manifest, OciError, PluginName, Repository, Sha256, Shelfmark,
    Wanted, config_of, tag_of,
};
use crate::trust::{Subject, Trust, Verdict};

/// Most plugins of a registry that a search looks at.
const MAX_SEARCHED: usize = 1000;

/// What was published.
#[derive(Debug)]
pub struct Published {
    pub version: Version,
    pub manifest: Sha256,
    pub component: Sha256,
    pub signed: bool,
    /// Whether the registry had all of it already.
    pub was_there: bool,
}

/// Publishes a component as `repository`, at the tag of its version.
///
/// # Errors
/// When the version is there with other bytes, or the registry does not take it.
pub fn publish(
    client: &Client,
    repository: &Repository,
    component: &Component,
    signature: Option<String>,
    licenses: Option<String>,
) -> Result<Published, RegistryError> {
    let (plugin, descriptor) = (&repository.plugin, component.descriptor());
    let version = Version::parse(&descriptor.version).expect("the engine loads no other");
    let config = config_of(component.bytes(), &component.imports, &component.exports());
    let mut manifest = Manifest {
        config: Content::of(&config),
        component: Content::of(component.bytes()),
        annotations: Annotations {
            title: descriptor.name.clone(),
            version: descriptor.version.clone(),
            description: descriptor.description.clone(),
            licenses,
            role: Some(role_word(descriptor.role)),
            signature,
        },
    };
    let tag = tag_of(&version);
    let there = client.manifest(plugin, &tag)?;
    if let Some((_, bytes)) = &there {
        let same = Manifest::read(bytes).ok().filter(|there| there.component == manifest.component);
        let Some(same) = same else {
            let repository = repository.to_string();
            return Err(RegistryError::Published { repository, version: version.to_string() });
        };
        // What was said once and is not said now stays.
        let (said, kept) = (&mut manifest.annotations, same.annotations);
        said.signature = said.signature.take().or(kept.signature);
        said.licenses = said.licenses.take().or(kept.licenses);
    }
    let bytes = manifest.to_bytes();
    let was_there = there.is_some_and(|(_, there)| there == bytes);
    let digest = if was_there {
        Sha256::of(&bytes)
    } else {
        client.push_blob(plugin, component.bytes())?;
        client.push_blob(plugin, &config)?;
        client.push_manifest(plugin, &tag, &bytes)?
    };
    Ok(Published {
        version,
        manifest: digest,
        component: manifest.component.digest,
        signed: manifest.annotations.signature.is_some(),
        was_there,
    })
}

fn role_word(role: Role) -> String {
    let word = serde_json::to_value(role).expect("a role is plain data");
    word.as_str().unwrap_or_default().to_owned()
}

/// What was pulled, and why it may run.
pub struct PulledNow {
    pub plugin: PulledPlugin,
    pub origin: Origin,
    pub component: Component,
    pub verdict: Verdict,
}

/// Pulls what `mark` wants, holds it against everything it says of itself and everything that
/// is trusted, and keeps it.
///
/// # Errors
/// When there is none, or it is not what it should be; nothing is kept then.
pub fn pull(
    client: &Client,
    mark: &Shelfmark,
    engine: &Engine,
    trust: &Trust,
    pulled: &Pulled,
) -> Result<PulledNow, RegistryError> {
    let plugin = &mark.plugin;
    let repository = Repository { host: client.host().clone(), plugin: plugin.clone() };
    let version = match &mark.wanted {
        Wanted::Digest(_) => None,
        Wanted::Exactly(version) => Some(version.clone()),
        wanted => Some(highest(client, plugin, wanted)?),
    };
    let reference = match (&mark.wanted, &version) {
        (_, Some(version)) => tag_of(version),
        (wanted, None) => wanted.to_string().trim_start_matches('@').to_owned(),
    };
    let missing = || OciError::Missing {
        host: client.host().to_string(),
        what: format!("{plugin} {reference}"),
    };
    let (digest, bytes) = client.manifest(plugin, &reference)?.ok_or_else(missing)?;
    let place = format!("{repository} {reference}");
    let no_plugin = |reason: String| OciError::NotAPlugin { place: place.clone(), reason };
    let manifest = Manifest::read(&bytes).map_err(no_plugin)?;
    let mut file = pulled.temporary()?;
    let path = file.path().to_owned();
    client.blob(plugin, manifest.component, file.as_file_mut(), &path)?;
    // The bytes that are judged are those that stay: they come back from the same open file.
    let mut bytes = Vec::new();
    let read = file.as_file_mut().seek(SeekFrom::Start(0));
    let read = read.and_then(|_| file.as_file_mut().read_to_end(&mut bytes));
    read.map_err(|source| RegistryError::Io { path: path.clone(), source })?;
    let subject = Subject::Pulled { host: repository.host.clone(), plugin: plugin.clone() };
    let signature = manifest.annotations.signature.as_deref();
    let opened = admit(engine, trust, &subject, std::path::Path::new(&place), &bytes, signature)?;
    let descriptor = opened.component.descriptor();
    if descriptor.name != plugin.name {
        return Err(no_plugin(format!("it calls itself `{}`", descriptor.name)).into());
    }
    let found = Version::parse(&descriptor.version).expect("the engine loads no other");
    if let Some(version) = version.filter(|version| *version != found) {
        return Err(no_plugin(format!("it calls itself {found}, not {version}")).into());
    }
    let origin = Origin {
        from: repository.to_string(),
        manifest: digest,
        component: opened.component.digest,
    };
    let kept = pulled.keep(file, &repository, &found, &origin, signature)?;
    Ok(PulledNow { plugin: kept, origin, component: opened.component, verdict: opened.verdict })
}

/// The highest version that will do.
fn highest(client: &Client, plugin: &PluginName, wanted: &Wanted) -> Result<Version, OciError> {
    let mut versions = client.versions(plugin)?;
    versions.sort();
    let found = versions.iter().rfind(|version| wanted.accepts(version));
    found.cloned().ok_or_else(|| {
        let some: Vec<_> = versions.iter().rev().take(10).map(ToString::to_string).collect();
        let there = if some.is_empty() { "none".to_owned() } else { some.join(", ") };
        OciError::Missing {
            host: client.host().to_string(),
            what: format!("version of {plugin} for `{wanted}`; there is: {there}"),
        }
    })
}

/// What a registry says about a plugin. It is not believed anywhere.
#[derive(Debug)]
pub struct Listed {
    pub repository: Repository,
    /// The highest, which the rest is about.
    pub version: Version,
    pub versions: usize,
    pub annotations: Annotations,
}

/// The plugins of a registry below `namespace` that all of `words` are said about.
///
/// # Errors
/// When it does not list what it has.
pub fn search(
    client: &Client,
    namespace: Option<&str>,
    words: &[String],
) -> Result<Vec<Listed>, RegistryError> {
    let names = match (client.catalog()?, namespace) {
        (Some(names), _) => names,
        // Where nothing is listed, one plugin can still be asked for.
        (None, Some(name)) if PluginName::parse(name).is_ok() => {
            PluginName::parse(name).into_iter().collect()
        }
        (None, _) => {
            let what = "list of its plugins; name one: `skyloom plugin search \
                        oci://HOST/NAMESPACE/NAME`";
            let host = client.host().to_string();
            return Err(OciError::Missing { host, what: what.to_owned() }.into());
        }
    };
    let below = |plugin: &PluginName| {
        let name = plugin.to_string();
        namespace.is_none_or(|namespace| {
            name.strip_prefix(namespace)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let mut names: Vec<_> = names.into_iter().filter(below).collect();
    names.sort();
    names.dedup();
    names.truncate(MAX_SEARCHED);
    let mut found = Vec::new();
    for plugin in names {
        let listed = look(client, plugin)?;
        found.extend(listed.filter(|listed| listed.is_about(words)));
    }
    Ok(found)
}

/// What is said about a plugin's highest version; none for what is no plugin.
fn look(client: &Client, plugin: PluginName) -> Result<Option<Listed>, OciError> {
    let mut versions = match client.versions(&plugin) {
        Ok(versions) => versions,
        // It may not be ours to see, or have lost all its versions.
        Err(OciError::Missing { .. } | OciError::Denied { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    versions.sort();
    let Some(version) = versions.iter().rfind(|v| v.pre.is_empty()).or(versions.last()) else {
        return Ok(None);
    };
    let manifest = client.manifest(&plugin, &tag_of(version))?;
    let manifest = manifest.and_then(|(_, bytes)| Manifest::read(&bytes).ok());
    Ok(manifest.map(|manifest| Listed {
        repository: Repository { host: client.host().clone(), plugin },
        version: version.clone(),
        versions: versions.len(),
        annotations: manifest.annotations,
    }))
}

impl Listed {
    fn is_about(&self, words: &[String]) -> bool {
        let said = &self.annotations;
        let role = said.role.as_deref().unwrap_or_default();
        let text = format!("{} {role} {}", self.repository.plugin, said.description);
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(&word.to_lowercase()))
    }
}
