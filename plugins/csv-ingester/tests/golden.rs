//! Tables read as pandas reads them, and what pandas lets pass named by line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use serde_json::{Value, json};
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Int64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::Harness;

use csv_ingester::CsvIngester;

fn harness(name: &str, text: impl Into<Vec<u8>>, params: &Value) -> Harness<CsvIngester> {
    Harness::new(params).blob("file", name, text)
}

fn read(text: &str, params: Value) -> RecordBatch {
    harness("stars.csv", text, &params).run().unwrap().table("table")
}

/// Every value as JSON would write it; null for null.
fn cells(table: &RecordBatch) -> Vec<Vec<String>> {
    let cell = |column: &ArrayRef, row: usize| {
        if column.is_null(row) {
            return "null".to_owned();
        }
        match column.data_type() {
            DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
            DataType::Boolean => column.as_boolean().value(row).to_string(),
            DataType::Int64 => {
                format!("{}i", column.as_any().downcast_ref::<Int64Array>().unwrap().value(row))
            }
            DataType::Float64 => {
                format!("{:?}", column.as_any().downcast_ref::<Float64Array>().unwrap().value(row))
            }
            other => other.to_string(),
        }
    };
    let row = |row| table.columns().iter().map(|column| cell(column, row)).collect();
    (0..table.num_rows()).map(row).collect()
}

#[track_caller]
fn check(text: &str, params: Value, expected: &[&[&str]]) {
    assert_eq!(cells(&read(text, params)), expected);
}

#[track_caller]
fn check_error(text: impl Into<Vec<u8>>, params: Value, expected: &str) {
    let error = harness("stars.csv", text, &params).run().err().expect("this cannot be read");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn goldens() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/goldens");
    let mut n_goldens = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        let Some((stem, "csv" | "csv.gz")) = file.split_once('.') else {
            continue;
        };
        let expected = std::fs::read_to_string(format!("{folder}/{stem}.expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let names: Vec<_> =
            expected["columns"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
        let types: serde_json::Map<_, _> =
            names.iter().map(|&name| (name.to_owned(), json!("utf8"))).collect();
        let bytes = std::fs::read(&path).unwrap();
        let table = harness(file, bytes, &json!({"types": types, "trim": false}))
            .run()
            .unwrap()
            .table("table");
        let found: Vec<_> = table.schema_ref().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(found, names, "{file}");
        let rows: Vec<Vec<String>> = serde_json::from_value(expected["rows"].clone()).unwrap();
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| {
                row.into_iter().map(|v| if v.is_empty() { "null".into() } else { v }).collect()
            })
            .collect();
        assert_eq!(cells(&table), rows, "{file}");
        n_goldens += 1;
    }
    assert!(n_goldens >= 4);
}

#[test]
fn types_are_found_over_the_whole_file() {
    let mut text = "id,flag,mag,class,code\n".to_owned();
    for row in 0..300 {
        text += &format!("{row},true,{row},RRab,00{row}\n");
    }
    text += "300,false,1.5,RRc,7\n";
    let table =
        read(&text, json!({"key": "id", "units": {"mag": "mag"}, "ucds": {"mag": "phot.mag"}}));
    let types: Vec<_> = table.schema_ref().fields().iter().map(|f| f.data_type().clone()).collect();
    use DataType::{Boolean, Float64, Int64, Utf8};
    assert_eq!(types, [Int64, Boolean, Float64, Utf8, Utf8]);
    let schema = table.schema_ref();
    assert_eq!(schema.field(0).ucd(), Some("meta.id;meta.main"));
    assert_eq!(schema.field(2).unit(), Some("mag"));
    assert_eq!(schema.field(2).ucd(), Some("phot.mag"));
    assert_eq!(schema.field(3).categories(), Some(vec!["RRab".into(), "RRc".into()]));
    assert_eq!(schema.field(4).categories(), None);
}

#[test]
fn nulls() {
    let text = "a,b,c\n-99.990,-99.99,-99.990\n,NaN,x\n2,1,NA\n";
    let expected: &[&[&str]] =
        &[&["null", "null", "-99.990"], &["null", "NaN", "x"], &["2i", "1.0", "null"]];
    check(text, json!({"null-values": [-99.99, "NA"]}), expected);
    check(text, json!({"null-values": ["-99.99"], "column-null-values": {"c": ["NA"]}}), expected);
    check("a\n1\n\"\"\n3\n", json!({}), &[&["1i"], &["null"], &["3i"]]);
}

#[test]
fn line_ends_blank_lines_and_comments() {
    let expected: &[&[&str]] = &[&["1i", "x"], &["2i", "y"]];
    check("a,b\n1,x\n2,y\n", json!({}), expected);
    check("a,b\r\n1,x\r\n2,y\r\n", json!({}), expected);
    check("a,b\r1,x\r2,y", json!({}), expected);
    check("\u{feff}a,b\n\n1,x\n  \n\n2,y\n\n", json!({}), expected);
    check("# made by hand\na,b\n#1,\"z\n1,x\n2,y\n# end", json!({"comment": "#"}), expected);
    check("#a,b\n1,x\n2,y\n", json!({}), expected);
    check("made by hand\n\"\na,b\n1,x\n2,y\n", json!({"skip-lines": 2}), expected);
    check("\"a\",b\r\n\"1\",\"x\"\r\n2,y", json!({}), expected);
}

#[test]
fn delimiters_and_quotes() {
    let expected: &[&[&str]] = &[&["1i", "x y"], &["2i", "it's"]];
    check("a\tb\n1\tx y\n2\tit's\n", json!({"delimiter": "tab"}), expected);
    check("a;b\n1;'x y'\n2;'it''s'\n", json!({"delimiter": ";", "quote": "'"}), expected);
    check(" a   b\n 1 \t \"x y\" \n 2   it's\n", json!({"delimiter": "blanks"}), expected);
    check("a,b\n1,5\"\n2,\"\n", json!({"quote": ""}), &[&["1i", "5\""], &["2i", "\""]]);
    check("a|b\n1|x, y\n", json!({"delimiter": "|"}), &[&["1i", "x, y"]]);
}

#[test]
fn headers() {
    check("1,x\n2,y\n", json!({"header": false}), &[&["1i", "x"], &["2i", "y"]]);
    let table = read("1,\"x\"\n2,y\n", json!({"header": ["id", "class"]}));
    assert_eq!(table.schema_ref().field(1).name(), "class");
    assert_eq!(table.num_rows(), 2);
    let table = read(",a\n1,2\n", json!({}));
    assert_eq!(table.schema_ref().field(0).name(), "column1");
    let table = read("a,b\n", json!({}));
    assert_eq!((table.num_rows(), table.num_columns()), (0, 2));
    check("a,b,c\n1,2,3\n", json!({"columns": ["c", "a"]}), &[&["3i", "1i"]]);
}

#[test]
fn ragged_rows() {
    check("a,b\n1\n2,x,,\n", json!({"ragged": "pad"}), &[&["1i", "null"], &["2i", "x"]]);
    check_error(
        "a,b\n\"1\n2\",x\n3\n",
        json!({}),
        "`stars.csv` line 4: expected 2 columns, found 1; correct this line, or set `ragged: pad` to fill up with nulls",
    );
    check_error(
        "a,b\n1,2,,3\n",
        json!({"ragged": "pad"}),
        "`stars.csv` line 2: expected 2 columns, found 4; `ragged: pad` drops empty surplus fields only; correct this line",
    );
}

#[test]
fn every_error_names_its_line() {
    check_error(
        "a,b\n1,2\n3,x\n",
        json!({"types": {"b": "float64"}}),
        "`stars.csv` line 3, column `b`: `x` is not a number; if it stands for no value, add it to `null-values`, or set `types: {b: utf8}`",
    );
    check_error(
        "a,b\n1,\"2\n2,3\n\n",
        json!({}),
        "`stars.csv` line 2: a quote opens here and never closes; if \" is an ordinary character in this file, set `quote: \"\"`",
    );
    check_error(
        "a,b\n\"x\ny\",\"2",
        json!({}),
        "`stars.csv` line 3: a quote opens here and never closes; if \" is an ordinary character in this file, set `quote: \"\"`",
    );
    check_error(
        "a,b\n1,\"2 3\n",
        json!({"delimiter": "blanks"}),
        "`stars.csv` line 2: expected 1 columns, found 2; correct this line, or set `ragged: pad` to fill up with nulls",
    );
    check_error(
        "a b\n1 \"2 3\n",
        json!({"delimiter": "blanks"}),
        "`stars.csv` line 2: a quote opens here and never closes; if \" is an ordinary character in this file, set `quote: \"\"`",
    );
    check_error(
        "a,b\n1,\0\n",
        json!({}),
        "`stars.csv` line 2: a NUL byte; the file is damaged, binary or UTF-16 (convert it to UTF-8)",
    );
    check_error(
        b"a,b\n1,2\n\"x\n\xE9\",3\n".as_slice(),
        json!({}),
        "`stars.csv` line 4: not UTF-8 (byte 0xE9); convert the file, for instance with `iconv -f latin1 -t utf-8`",
    );
    check_error(
        b"a,b\n1,\xE9t\xE9\n".as_slice(),
        json!({}),
        "`stars.csv` line 2: not UTF-8 (byte 0xE9); convert the file, for instance with `iconv -f latin1 -t utf-8`",
    );
    check_error(
        "x\na,b,a\n",
        json!({"skip-lines": 1}),
        "`stars.csv` line 2: columns 1 and 3 are both named `a`; list the names yourself with `header: [...]` and `skip-lines: 2`",
    );
    check_error(
        "",
        json!({}),
        "`stars.csv` has no header line; for a file without one, set `header: false` or list the names",
    );
    check_error(
        "a\nx\ny\n",
        json!({"categories": {"a": ["x"]}}),
        "`stars.csv` line 3, column `a`: `y` is not one of its `categories`; add it there, or to `null-values`",
    );
}

#[test]
fn parameters_that_do_not_fit() {
    check_error(
        "gmag,rmag\n1,2\n",
        json!({"units": {"gmga": "mag"}}),
        "parameter `units`: the file has no column `gmga`. Did you mean `gmag`? It has `gmag`, `rmag`.",
    );
    check_error(
        "a,b\n1,2\n",
        json!({"infer": "none", "types": {"a": "int64"}}),
        "parameter `types`: with `infer: none`, `b` need a type",
    );
    check_error(
        "a\n1\n",
        json!({"delimiter": ",,"}),
        "parameter `delimiter`: `,,` is not one ASCII character, `tab` or `blanks`",
    );
    check_error("a\n1\n", json!({"quote": ","}), "parameter `quote`: is the same as `delimiter`");
    check_error(
        "a\n1\n",
        json!({"key": "a", "ucds": {"a": "phot.mag"}}),
        "parameter `key`: `a` has another meaning in `ucds`, `phot.mag`; leave one out",
    );
    check_error(
        "a,b\n1,2\n",
        json!({"columns": ["a", "a"]}),
        "parameter `columns`: `a` is listed twice",
    );
}

#[test]
fn other_formats_are_told_apart() {
    for (bytes, expected) in [
        (b"PK\x03\x04rest".as_slice(), "a zip archive"),
        (b"PAR1\x15\x04\x15", "Parquet"),
        (b"\xFF\xFEa\0,\0", "UTF-16 text"),
        (b"BZh91AY&SY", "bzip2 data"),
    ] {
        let error = harness("stars.csv", bytes, &json!({})).run().err().unwrap().to_string();
        assert!(
            error.starts_with(&format!("`stars.csv` is {expected}, not delimited text")),
            "{error}"
        );
    }
}

#[test]
fn gzip_members_and_damage() {
    use std::io::Write;
    let gzip = |text: &str| {
        let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        file.write_all(text.as_bytes()).unwrap();
        file.finish().unwrap()
    };
    let mut bytes = gzip("\u{feff}a,b\n1,x\n");
    bytes.extend(gzip("2,y\n"));
    let table = harness("stars.csv.gz", bytes.clone(), &json!({})).run().unwrap().table("table");
    assert_eq!(cells(&table), [["1i", "x"], ["2i", "y"]]);
    let cut = &bytes[..bytes.len() - 9];
    let error = harness("stars.csv.gz", cut, &json!({})).run().err().unwrap().to_string();
    assert!(
        error.contains("is damaged gzip data") && error.ends_with("fetch the file again"),
        "{error}"
    );
    let at = bytes.len() - 5;
    bytes[at] ^= 1;
    let error = harness("stars.csv.gz", bytes, &json!({})).run().err().unwrap().to_string();
    assert!(error.contains("is damaged gzip data"), "{error}");
    let twice = harness(
        "stars.csv.gz.gz",
        {
            let mut file =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            file.write_all(&gzip("a\n1\n")).unwrap();
            file.finish().unwrap()
        },
        &json!({}),
    );
    assert!(twice.run().err().unwrap().to_string().contains("gzip inside gzip"));
}

#[test]
fn partitions_are_cut_by_rows() {
    let text = |rows: usize| {
        let rows: String = (0..rows).map(|row| format!("{row}\n")).collect();
        format!("a\n{rows}")
    };
    for (rows, expected) in
        [(0, vec![]), (9, vec![9]), (10, vec![10]), (11, vec![10, 1]), (30, vec![10, 10, 10])]
    {
        let outputs =
            harness("a.csv", text(rows), &json!({"partition-rows": 10, "types": {"a": "int64"}}))
                .run()
                .unwrap();
        let sizes: Vec<_> = outputs
            .partitions("table")
            .iter()
            .map(RecordBatch::num_rows)
            .filter(|&n| n > 0)
            .collect();
        assert_eq!(sizes, expected);
    }
}

#[test]
fn with_all_types_given_only_the_header_is_read_beforehand() {
    let text = "a,b\n1,x\n2,\"never closed";
    let params = json!({"infer": "none", "types": {"a": "int64", "b": "utf8"}});
    assert!(harness("a.csv", text, &params).bind().is_ok());
    assert!(harness("a.csv", text, &json!({})).bind().is_err());
    let params = json!({"types": {"a": "int64", "b": "utf8"}, "categories": {"b": ["x", "a"]}});
    let bound = harness("a.csv", text, &params).bind().unwrap();
    assert_eq!(bound.outputs[0].fields[1].categories(), Some(vec!["a".into(), "x".into()]));
}

#[test]
fn what_the_user_should_know() {
    let rows: String = (0..30).map(|row| format!("{row}.5,,7\n")).collect();
    let text = format!("gmag,empty,3\n{rows}--,,7\n");
    let bound = harness("stars.csv", text, &json!({})).bind().unwrap();
    let expected = [
        "`stars.csv`: column `gmag` is text only because of `--` on line 32, against 30 numbers; if it stands for no value, add it to `null-values`",
        "`stars.csv`: column `empty` has no value at all: taken as float64; set its type in `types`",
    ];
    assert_eq!(bound.warnings, expected);
    let bound = harness("stars.csv", "1,2\n3,4\n", &json!({})).bind().unwrap();
    let expected = "`stars.csv`: line 1 names the columns, and all names are numbers: if the file has no header, set `header: false`";
    assert_eq!(bound.warnings, [expected]);
    let bound = harness("stars.csv", "id ra dec\n1 2 3\n", &json!({})).bind().unwrap();
    let expected = "`stars.csv`: `id ra dec` is the only column; if there should be more, set `delimiter` (`blanks` for runs of spaces)";
    assert_eq!(bound.warnings, [expected]);
}

#[test]
fn rows_can_be_numbered_across_partitions() {
    let params = json!({"row-number": "row", "partition-rows": 2});
    let outputs = harness("t.csv", "x\n1.5\n2.5\n3.5\n", &params).run().unwrap();
    assert_eq!(outputs.partitions("table").len(), 2);
    let table = outputs.table("table");
    let rows = table.column_by_name("row").unwrap();
    assert_eq!(rows.as_primitive::<Int64Type>().values(), &[0, 1, 2]);
    let schema = table.schema();
    let ucd = schema.field_with_name("row").unwrap().ucd().map(str::to_owned);
    assert_eq!(ucd.as_deref(), Some("meta.id;meta.main"));
}

#[test]
fn archives_are_read_file_by_file() {
    let params = json!({"members": "curves/**.csv", "member-column": "object"});
    let rows: &[&[&str]] = &[
        &["1.5", "18.25", "1001"],
        &["2.5", "18.5", "1001"],
        &["3.0", "19.0", "long.name"],
        &["4.25", "20.125", "δ Scuti"],
    ];
    for form in ["ustar", "gnu", "pax"] {
        let path = format!("{}/goldens/members_{form}.tar.gz", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).unwrap();
        let table = harness("curves.tar.gz", bytes.clone(), &params).run().unwrap().table("table");
        assert_eq!(cells(&table), rows, "{form}");
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain)
            .unwrap();
        let table = harness("curves.tar", plain.clone(), &params).run().unwrap().table("table");
        assert_eq!(cells(&table), rows, "{form}");
        let shallow = json!({"members": "curves/*.csv", "row-number": "row", "partition-rows": 2});
        let outputs = harness("curves.tar", plain, &shallow).run().unwrap();
        let numbers = cells(&outputs.table("table"));
        assert_eq!(
            numbers.iter().map(|row| row[2].as_str()).collect::<Vec<_>>(),
            ["0i", "1i", "2i"]
        );
        assert_eq!(outputs.partitions("table").len(), 2);
    }
}

#[test]
fn archives_say_what_is_wrong() {
    let bytes = include_bytes!("../goldens/members_gnu.tar.gz").to_vec();
    let told = |bytes: Vec<u8>, params: Value| {
        harness("curves.tar.gz", bytes, &params).run().err().unwrap().to_string()
    };
    assert_eq!(
        told(bytes.clone(), json!({"members": "*.dat"})).split("; it holds").next().unwrap(),
        "parameter `members`: no file of the archive is `*.dat`"
    );
    let start =
        "`curves.tar.gz` in `README.md` has columns not a table, and longer than a block: xxx";
    assert!(told(bytes.clone(), json!({"members": "**"})).starts_with(start));
    assert_eq!(
        told(b"a,b\n1,2\n".to_vec(), json!({"members": "*"})),
        "`curves.tar.gz` is no whole tar archive: it is none, at byte 0; without `members`, it is read as text"
    );
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain).unwrap();
    let cut = told(plain[..1030].to_vec(), json!({"members": "curves/*.csv"}));
    assert!(cut.contains("is no whole tar archive: it ends within a file"), "{cut}");
    assert!(
        told(bytes, json!({"member-column": "object"}))
            .starts_with("parameter `member-column`: is for tar")
    );
}
