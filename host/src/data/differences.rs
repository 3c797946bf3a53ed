//! Where two values of plain data differ.

use serde_json::Value;

/// One place where they do.
#[derive(Debug, PartialEq)]
pub(crate) struct Difference<'v> {
    /// The names on the way there, with dots between: `params.trees`.
    pub(crate) path: String,
    /// None where there is nothing at this place.
    pub(crate) then: Option<&'v Value>,
    pub(crate) now: Option<&'v Value>,
}

/// The places where `now` is not as it was `then`, in the order of `then`; what is new comes
/// last. Mappings are compared entry by entry, all else as a whole. `path` leads to the two.
pub(crate) fn differences<'v>(path: &str, then: &'v Value, now: &'v Value) -> Vec<Difference<'v>> {
    let mut found = Vec::new();
    compare(path, Some(then), Some(now), &mut found);
    found
}

fn compare<'v>(
    path: &str,
    then: Option<&'v Value>,
    now: Option<&'v Value>,
    found: &mut Vec<Difference<'v>>,
) {
    match (then, now) {
        (Some(Value::Object(then)), Some(Value::Object(now))) => {
            let fresh = now.keys().filter(|name| !then.contains_key(*name));
            for name in then.keys().chain(fresh) {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                compare(&path, then.get(name), now.get(name), found);
            }
        }
        _ if then == now => {}
        _ => found.push(Difference { path: path.to_owned(), then, now }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_has_its_place() {
        let then = json!({"a": {"b": 1, "c": [1, 2]}, "gone": true, "same": "x"});
        let now = json!({"a": {"b": 2, "c": [1, 3]}, "same": "x", "new": null});
        let text = |value: Option<&Value>| value.map_or_else(|| "–".to_owned(), Value::to_string);
        let found: Vec<_> = differences("", &then, &now)
            .into_iter()
            .map(|found| format!("{} {} {}", found.path, text(found.then), text(found.now)))
            .collect();
        assert_eq!(found, ["a.b 1 2", "a.c [1,2] [1,3]", "gone true –", "new – null"]);
        assert_eq!(differences("p", &then, &then), []);
        assert_eq!(differences("p", &json!(1), &json!(2))[0].path, "p");
    }
}
