//! The manifest of a published component.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Sha256;

/// What the layout of Wasm artifacts calls a manifest's configuration.
const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// … and a component.
const LAYER_TYPE: &str = "application/wasm";
/// The only kind of manifest that is asked for.
pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Largest component that is pulled; the engine compiles no larger one.
const MAX_LAYER_BYTES: u64 = 64 << 20;
/// A minisign signature has some 300 bytes.
const MAX_SIGNATURE_BYTES: usize = 4 << 10;

/// What is said about a published component beside its bytes. None of it is believed where
/// the component itself can be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    pub title: String,
    pub version: String,
    pub description: String,
    pub licenses: Option<String>,
    pub role: Option<String>,
    /// The text of a minisign signature of the component.
    pub signature: Option<String>,
}

const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";
const DESCRIPTION: &str = "org.opencontainers.image.description";
const LICENSES: &str = "org.opencontainers.image.licenses";
const ROLE: &str = "dev.skyloom.role";
const SIGNATURE: &str = "dev.skyloom.minisig";

/// A manifest that names one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub config: Content,
    pub component: Content,
    pub annotations: Annotations,
}

/// Digest and size of what a manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    pub digest: Sha256,
    pub bytes: u64,
}

impl Content {
    pub fn of(bytes: &[u8]) -> Self {
        Self { digest: Sha256::of(bytes), bytes: bytes.len() as u64 }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    config: RawContent,
    layers: Vec<RawContent>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawContent {
    media_type: String,
    digest: Sha256,
    size: u64,
}

impl Manifest {
    /// The same bytes for the same component and annotations.
    pub fn to_bytes(&self) -> Vec<u8> {
        let said = &self.annotations;
        let texts =
            [(TITLE, &said.title), (VERSION, &said.version), (DESCRIPTION, &said.description)];
        let options =
            [(LICENSES, &said.licenses), (ROLE, &said.role), (SIGNATURE, &said.signature)];
        let texts = texts.into_iter().map(|(key, text)| (key.to_owned(), text.clone()));
        let options =
            options.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.clone()?)));
        let content = |kind: &str, content: Content| RawContent {
            media_type: kind.to_owned(),
            digest: content.digest,
            size: content.bytes,
        };
        let raw = Raw {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            config: content(CONFIG_TYPE, self.config),
            layers: vec![content(LAYER_TYPE, self.component)],
            annotations: texts.chain(options).collect(),
        };
        serde_json::to_vec(&raw).expect("a manifest is plain data")
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// Why it is not one of a component.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let raw: Raw = serde_json::from_slice(bytes)
            .map_err(|error| format!("its manifest cannot be read: {error}"))?;
        if raw.schema_version != 2 || raw.media_type.is_some_and(|kind| kind != MANIFEST_TYPE) {
            return Err("its manifest is of a kind that is not asked for".to_owned());
        }
        if raw.config.media_type != CONFIG_TYPE {
            let kind = raw.config.media_type.escape_debug();
            return Err(format!("its configuration is `{kind}`, not `{CONFIG_TYPE}`"));
        }
        let [layer] = raw.layers.as_slice() else {
            return Err(format!("it has {} layers; a plugin has one", raw.layers.len()));
        };
        if layer.media_type != LAYER_TYPE {
            let kind = layer.media_type.escape_debug();
            return Err(format!("its layer is `{kind}`, not `{LAYER_TYPE}`"));
        }
        if layer.size > MAX_LAYER_BYTES {
            let (size, limit) = (layer.size >> 20, MAX_LAYER_BYTES >> 20);
            return Err(format!("it has {size} MiB; {limit} are allowed"));
        }
        let mut said = raw.annotations;
        let signature = said.remove(SIGNATURE);
        if signature.as_ref().is_some_and(|text| text.len() > MAX_SIGNATURE_BYTES) {
            return Err(format!("its signature has more than {MAX_SIGNATURE_BYTES} bytes"));
        }
        let annotations = Annotations {
            title: said.remove(TITLE).unwrap_or_default(),
            version: said.remove(VERSION).unwrap_or_default(),
            description: said.remove(DESCRIPTION).unwrap_or_default(),
            licenses: said.remove(LICENSES),
            role: said.remove(ROLE),
            signature,
        };
        let content = |raw: &RawContent| Content { digest: raw.digest, bytes: raw.size };
        Ok(Self { config: content(&raw.config), component: content(layer), annotations })
    }
}

/// The configuration of a component, as the layout of Wasm artifacts has it. It says no time:
/// the same component has the same one.
pub fn config_of(component: &[u8], imports: &[String], exports: &[String]) -> Vec<u8> {
    let config = json!({
        "created": "1970-01-01T00:00:00Z",
        "author": null,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [Sha256::of(component)],
        "component": {"exports": exports, "imports": imports, "target": null},
    });
    serde_json::to_vec(&config).expect("a configuration is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let annotations = Annotations {
            title: "fit".to_owned(),
            version: "1.2.3".to_owned(),
            signature: Some("untrusted comment: x\n".to_owned()),
            ..Annotations::default()
        };
        let config = Content::of(&config_of(b"wasm", &[], &[]));
        Manifest { config, component: Content::of(b"wasm"), annotations }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Manifest::read(&manifest().to_bytes()), Ok(manifest()));
    }

    #[test]
    fn other_manifests_are_refused() {
        let check = |from: &str, to: &str, reason: &str| {
            let text = String::from_utf8(manifest().to_bytes()).unwrap();
            let other = text.replacen(from, to, 1);
            assert_ne!(text, other, "{from}");
            let found = Manifest::read(other.as_bytes()).unwrap_err();
            assert!(found.contains(reason), "{found}");
        };
        check("{", "[", "cannot be read");
        check("sha256:", "sha1:", "64 digits");
        check("\"schemaVersion\":2", "\"schemaVersion\":1", "not asked for");
        check(MANIFEST_TYPE, "application/vnd.oci.image.index.v1+json", "not asked for");
        check(CONFIG_TYPE, "application/vnd.oci.image.config.v1+json", "its configuration is");
        check("\"application/wasm\"", "\"application/gzip\"", "its layer is");
        check("\"size\":4", "\"size\":67108865", "64 are allowed");
        check("\"size\":4", "\"size\":-4", "cannot be read");
        check("\"layers\":[{", "\"layers\":[],\"x\":[{", "0 layers");
        let twice = manifest().to_bytes();
        let mut twice: serde_json::Value = serde_json::from_slice(&twice).unwrap();
        let layer = twice["layers"][0].clone();
        twice["layers"].as_array_mut().unwrap().push(layer);
        let found = Manifest::read(twice.to_string().as_bytes()).unwrap_err();
        assert!(found.contains("2 layers"), "{found}");
        let mut long = manifest();
        long.annotations.signature = Some("x".repeat(5000));
        assert!(Manifest::read(&long.to_bytes()).unwrap_err().contains("signature"));
    }
}
