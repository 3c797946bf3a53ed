//! The pages that show how to write a plugin work when they are followed to the letter.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::languages::{LANGUAGES, Language, project};
use crate::support::{Skyloom, root};

/// The page for each of [`LANGUAGES`].
const PAGES: [&str; 6] = [
    "writing-a-plugin.md",
    "plugins-in-c.md",
    "plugins-in-go.md",
    "plugins-in-javascript.md",
    "plugins-in-python.md",
    "plugins-in-scientific-python.md",
];

static ALONE: Mutex<()> = Mutex::new(());

/// What a page tells its reader to do.
#[derive(Debug, PartialEq)]
enum Step {
    /// Take files of the package away: a path, a pattern, or a folder's content.
    Remove(Vec<String>),
    Write {
        path: String,
        text: String,
    },
    /// Lines of a file that replace those which begin with the same key.
    Change {
        path: String,
        text: String,
    },
    /// `skyloom …`
    Run(String),
}

/// The steps of a page, in its order.
///
/// A block of code is a file if the paragraph before it ends with a colon; the file is the last
/// that the paragraph names. What such a paragraph says to "take away" is the others that it
/// names.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut paragraph, mut lines) = (String::new(), page.lines());
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        if !line.starts_with("```") {
            let rest = lines.by_ref().take_while(|line| !line.is_empty());
            paragraph = std::iter::once(line).chain(rest).collect::<Vec<_>>().join("\n");
            continue;
        }
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let commands = block.iter().filter_map(|line| line.strip_prefix("$ skyloom "));
        steps.extend(commands.map(|command| Step::Run(command.to_owned())));
        let mut files: Vec<_> = paragraph.split('`').skip(1).step_by(2).collect();
        let is_file = |name: &str| name.contains(['.', '/']) && !name.contains(' ');
        let named = files.pop_if(|file| is_file(file)).filter(|_| paragraph.ends_with(':'));
        if let (Some(path), false) = (named, line == "```text") {
            if paragraph.to_lowercase().contains("take") && paragraph.contains("away") {
                steps.push(Step::Remove(files.iter().map(|file| (*file).to_owned()).collect()));
            }
            let path = path.to_owned();
            let text = block.join("\n") + "\n";
            steps.push(match path.ends_with(".toml") {
                true => Step::Change { path, text },
                false => Step::Write { path, text },
            });
        }
        paragraph.clear();
    }
    steps
}

/// Removes what `name` stands for below `package`: a file wherever it lies, all files of an
/// ending, or all that a folder holds.
fn remove(package: &Path, name: &str) {
    let folders = [package.to_owned(), package.join("src")];
    if let Some((folder, ending)) = name.split_once("/*") {
        for entry in fs::read_dir(package.join(folder)).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.to_string_lossy().ends_with(ending) {
                fs::remove_file(path).expect("it can be removed");
            }
        }
        return;
    }
    let path = folders.iter().map(|folder| folder.join(name)).find(|path| path.exists());
    let path = path.unwrap_or_else(|| panic!("there is no {name} to take away"));
    if path.is_dir() {
        fs::remove_dir_all(path).expect("it can be removed");
    } else {
        fs::remove_file(path).expect("it can be removed");
    }
}

fn change(path: &Path, lines: &str) {
    let mut text = fs::read_to_string(path).expect("it is there");
    for line in lines.lines() {
        let (key, _) = line.split_once('=').expect("a key and its value");
        let old = text.lines().find(|old| old.starts_with(key)).expect("such a line").to_owned();
        text = text.replace(&old, line);
    }
    fs::write(path, text).expect("it can be written");
}

/// Where the reader would put the file: workflows beside plugins, all else into the package.
fn place(project: &Path, path: &str) -> PathBuf {
    match path.starts_with("workflows/") {
        true => project.join(path),
        false => project.join("plugins/wesenheit").join(path),
    }
}

fn follow(language: &Language, page: &str) {
    if !language.is_here() {
        return;
    }
    // All pages make the same plugin, and components lie in one folder.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let text = fs::read_to_string(root().join("docs").join(page)).expect("the page is there");
    let skyloom = Skyloom::without_plugins();
    let project = project(language, "pages");
    let steps = steps(&text);
    let count = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count();
    let (files, runs) =
        (count(|s| matches!(s, Step::Write { .. })), count(|s| matches!(s, Step::Run(_))));
    assert!(files >= 4 && runs >= 3, "{page} is not read well: {steps:?}");
    for step in steps {
        match step {
            Step::Remove(names) => {
                names.iter().for_each(|name| remove(&project.join("plugins/wesenheit"), name));
            }
            Step::Write { path, text } => {
                let path = place(&project, &path);
                fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
                fs::write(path, text).expect("it can be written");
            }
            Step::Change { path, text } => change(&place(&project, &path), &text),
            Step::Run(command) => {
                let args: Vec<_> = command.split(' ').collect();
                let output = skyloom.command(&args).current_dir(&project).output();
                let output = output.expect("it starts");
                let said = [output.stdout, output.stderr].concat();
                let said = String::from_utf8_lossy(&said);
                assert!(output.status.success(), "{page}: skyloom {command}\n{said}");
            }
        }
    }
}

#[test]
fn the_page_for_rust() {
    follow(&LANGUAGES[0], PAGES[0]);
}

#[test]
fn the_page_for_c() {
    follow(&LANGUAGES[1], PAGES[1]);
}

#[test]
fn the_page_for_go() {
    follow(&LANGUAGES[2], PAGES[2]);
}

#[test]
fn the_page_for_javascript() {
    follow(&LANGUAGES[3], PAGES[3]);
}

#[test]
fn the_page_for_python() {
    follow(&LANGUAGES[4], PAGES[4]);
}

#[test]
fn the_page_for_scientific_python() {
    follow(&LANGUAGES[5], PAGES[5]);
}

#[test]
fn a_page_is_read_as_a_reader_would() {
    let page = "Take away `a.py` and all that is in `tests`, and\nwrite `b.py`:\n\n```python\nx\n```\n\n\
                It implements `run`:\n\n```python\nno\n```\n\n```text\n$ skyloom plugin test b\nfine\n```\n";
    let expected = [
        Step::Remove(vec!["a.py".to_owned(), "tests".to_owned()]),
        Step::Write { path: "b.py".to_owned(), text: "x\n".to_owned() },
        Step::Run("plugin test b".to_owned()),
    ];
    assert_eq!(steps(page), expected);
}
