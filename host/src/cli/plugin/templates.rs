//! What `skyloom plugin new` writes, by language and role.
//!
//! `host/src/cli/templates` holds a folder for each language, and in it one for each role, laid
//! out as the package will be. Beside the roles lie files that all of the language's packages
//! have; `common` holds, by role, what packages in all languages have. A file's ending `.in` is
//! dropped: it keeps the tools of a language from taking a template for a package.

use include_dir::{Dir, DirEntry, include_dir};

static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/cli/templates");

/// A language, and on what its plugins run where there is a choice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Language {
    pub(super) name: &'static str,
    pub(super) runtime: Option<&'static str>,
}

/// The languages, Rust first.
pub(super) const LANGUAGES: [Language; 6] = [
    Language { name: "rust", runtime: None },
    Language { name: "c", runtime: None },
    Language { name: "go", runtime: None },
    Language { name: "js", runtime: None },
    Language { name: "python", runtime: None },
    Language { name: "python", runtime: Some("scientific") },
];

/// What the template of a role does, in any language.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// How the name of the file with the science begins.
    science: &'static str,
}

const ROLES: [Role; 7] = [
    Role {
        name: "feature-extractor",
        description: "Adds the signal-to-noise ratio of a measured column.",
        science: "signal",
    },
    Role {
        name: "classifier",
        description: "Tells two classes apart by a threshold on one column.",
        science: "cut",
    },
    Role {
        name: "explainer",
        description: "Explains a threshold on one column: how far each row lies from it.",
        science: "margin",
    },
    Role {
        name: "ingester",
        description: "Reads text tables whose columns are set apart by white space.",
        science: "lines",
    },
    Role {
        name: "selector",
        description: "Keeps the rows whose measurement is precise enough.",
        science: "precision",
    },
    Role {
        name: "evaluator",
        description: "Scores predicted classes: accuracy, and recall of each class.",
        science: "recall",
    },
    Role {
        name: "transformer",
        description: "Multiplies a column by a factor and gives it another unit.",
        science: "scale",
    },
];

impl Language {
    /// The roles that there are templates for.
    pub(super) fn roles(&self) -> impl Iterator<Item = &'static Role> {
        let folder = self.folder();
        ROLES.iter().filter(move |role| folder_of(&format!("{folder}/{}", role.name)).is_some())
    }

    /// The package to start from for `role`: paths in it, and content. In it, `plugin-name`,
    /// `plugin_name` and `PluginName` stand for the new plugin's name.
    pub(super) fn files(&self, role: &Role) -> Vec<(String, &'static str)> {
        let folder = self.folder();
        let mut files = Vec::new();
        if let Some(all) = folder_of(&folder) {
            for file in all.files() {
                files.push(file_of(file, all));
            }
        }
        for parent in [&*folder, "common"] {
            if let Some(package) = folder_of(&format!("{parent}/{}", role.name)) {
                add_tree(package, package, &mut files);
            }
        }
        files
    }

    /// The file that holds the science of `role`.
    pub(super) fn science(&self, role: &Role) -> Option<String> {
        let of_science = |(path, _): (String, _)| {
            let name = path.rsplit('/').next()?;
            let test = path.contains("test") || name.ends_with(".h");
            (name.starts_with(role.science) && !test).then_some(path)
        };
        self.files(role).into_iter().find_map(of_science)
    }

    fn folder(&self) -> String {
        match self.runtime {
            None => self.name.to_owned(),
            Some(runtime) => format!("{}-{runtime}", self.name),
        }
    }
}

fn folder_of(path: &str) -> Option<&'static Dir<'static>> {
    TEMPLATES.get_dir(path)
}

fn add_tree(
    folder: &'static Dir<'static>,
    package: &Dir<'static>,
    files: &mut Vec<(String, &'static str)>,
) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(inner) => add_tree(inner, package, files),
            DirEntry::File(file) => files.push(file_of(file, package)),
        }
    }
}

fn file_of(
    file: &'static include_dir::File<'static>,
    package: &Dir<'static>,
) -> (String, &'static str) {
    let path = file.path().strip_prefix(package.path()).expect("it lies in it");
    let path = path.to_str().expect("templates have plain names");
    let text = file.contents_utf8().expect("templates are text");
    (path.strip_suffix(".in").unwrap_or(path).to_owned(), text)
}
