package votable

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func made(fields, data string) string {
	return `<?xml version="1.0"?><VOTABLE version="1.4"><RESOURCE><TABLE name="t">` + fields +
		"<DATA>" + data + "</DATA></TABLE></RESOURCE></VOTABLE>"
}

func rowsOf(text, name string) ([]*Column, *Table, error) {
	table, err := Open(strings.NewReader(text), name)
	if err != nil {
		return nil, nil, err
	}
	columns := table.Columns()
	for {
		// In small steps, as a stream is read.
		rows, err := table.Read(2, columns)
		if err != nil || rows == 0 {
			return columns, table, err
		}
	}
}

const numberAndText = `<FIELD name="n" datatype="short" unit="mag" ucd="phot.mag"><DESCRIPTION> a
	number </DESCRIPTION><VALUES null="-9"/></FIELD><FIELD ID="s" datatype="char" arraysize="*"/>`

const threeRows = `<TABLEDATA><TR><TD> 1 </TD><TD>a&lt;b<!-- no --></TD></TR><TR><TD>-9</TD><TD/></TR>` +
	"<TR><TD>0xffff</TD><TD><![CDATA[x]]></TD></TR></TABLEDATA>"

func checkThreeRows(t *testing.T, columns []*Column) {
	t.Helper()
	if got := fmt.Sprint(columns[0].Data, columns[0].Valid); got != "[1 0 0 0 255 255] [true false true]" {
		t.Error(got)
	}
	if got := fmt.Sprintf("%s %v %v", columns[1].Data, columns[1].Ends, columns[1].Valid); got != "a<bx [3 3 4] [true false true]" {
		t.Error(got)
	}
}

func TestCellsAreRead(t *testing.T) {
	columns, table, err := rowsOf(made(numberAndText, threeRows), "t")
	if err != nil {
		t.Fatal(err)
	}
	checkThreeRows(t, columns)
	field := table.Fields[0]
	if field.Unit != "mag" || field.UCD != "phot.mag" || field.Description != "a number" || table.Fields[1].Name != "s" {
		t.Errorf("%+v", table.Fields)
	}
}

func TestStreamsAreRead(t *testing.T) {
	stream := func(name string, rows []byte) string {
		text := base64.StdEncoding.EncodeToString(rows)
		return "<" + name + `><STREAM encoding="base64">` + text[:3] + "\n " + text[3:] + "</STREAM></" + name + ">"
	}
	binary2 := []byte("\x00\x00\x01\x00\x00\x00\x03a<b\xc0\x00\x07\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x01x")
	binary := []byte("\x00\x01\x00\x00\x00\x03a<b\xff\xf7\x00\x00\x00\x00\xff\xff\x00\x00\x00\x01x")
	for name, rows := range map[string][]byte{"BINARY2": binary2, "BINARY": binary} {
		columns, _, err := rowsOf(made(numberAndText, stream(name, rows)), "")
		if err != nil {
			t.Fatal(name, err)
		}
		checkThreeRows(t, columns)
		// Wherever it is cut within a row, that is found out.
		_, _, err = rowsOf(made(numberAndText, stream(name, rows[:len(rows)-1])), "")
		if err == nil || err.Error() != "row 3: column `s`: the stream ends within the row" {
			t.Error(name, err)
		}
	}
}

func TestArraysAreRead(t *testing.T) {
	fields := `<FIELD name="f" datatype="float" arraysize="2x2"/><FIELD name="v" datatype="int" arraysize="*"><VALUES null="0"/></FIELD>` +
		`<FIELD name="c" datatype="doubleComplex"/><FIELD name="b" datatype="boolean" arraysize="2*"/>`
	columns, _, err := rowsOf(made(fields, `<TABLEDATA><TR><TD>1 2 3 NaN</TD><TD>5 0</TD><TD>1 -1</TD><TD>T ?</TD></TR>`+
		`<TR><TD/><TD/><TD/><TD/></TR></TABLEDATA>`), "")
	if err != nil {
		t.Fatal(err)
	}
	for at, expected := range []string{
		"4: 32 bytes [true false] [true true true true false false false false]",
		"-2: 8 bytes [true false] [true false]",
		"2: 32 bytes [true false] [true true false false]",
		"-2: 2 bytes [true false] [true false]",
	} {
		column := columns[at]
		got := fmt.Sprintf("%d: %d bytes %v %v", column.Field.Length, len(column.Data), column.Valid, column.ItemValid)
		if got != expected {
			t.Errorf("%s: %s", column.Field.Name, got)
		}
	}
}

func TestGzipIsUnpacked(t *testing.T) {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write([]byte(made(numberAndText, threeRows))); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	columns, _, err := rowsOf(packed.String(), "")
	if err != nil {
		t.Fatal(err)
	}
	checkThreeRows(t, columns)
	_, _, err = rowsOf(packed.String()[:packed.Len()-10], "")
	if err == nil || !strings.Contains(err.Error(), "cut off or damaged") {
		t.Error(err)
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	whole := made(numberAndText, threeRows)
	cell := func(text string) string {
		return made(numberAndText, "<TABLEDATA><TR><TD>"+text+"</TD><TD/></TR></TABLEDATA>")
	}
	binary2 := func(attributes, text string) string {
		return made(numberAndText, "<BINARY2><STREAM "+attributes+">"+text+"</STREAM></BINARY2>")
	}
	for text, expected := range map[string]string{
		"":                               "there is no TABLE",
		"<RSS>":                          "the document is a RSS, not a VOTABLE",
		"<VOTABLE><RESOURCE/></VOTABLE>": "there is no TABLE",
		`<!DOCTYPE VOTABLE [<!ENTITY a "b">]><VOTABLE/>`: "document type declaration",
		cell("&a;"):   "line 2 is not XML: invalid character entity &a;",
		cell("40000"): "row 1: column `n`: `40000` is no short",
		cell("1.5"):   "row 1: column `n`: `1.5` is no short",
		strings.Replace(whole, "</TR>", "<TD/></TR>", 1):    "row 1: more cells than the 2 fields",
		strings.Replace(whole, "<TD/></TR>", "</TR>", 1):    "row 2: 1 cells, but the table has 2 fields",
		whole[:len(whole)-20]:                               "line 2 is not XML: unexpected EOF",
		strings.Replace(whole, "short", "quad", 1):          "field `n`: datatype `quad` is not read",
		strings.Replace(whole, `"*"`, `"9999999999"`, 1):    "field `s`: arraysize `9999999999` is not read",
		strings.Replace(whole, `"*"`, `"8x*"`, 1):           "field `s`: arrays of texts are not read",
		strings.ReplaceAll(whole, "TABLEDATA", "FITS"):      "rows in FITS are not read",
		binary2(`encoding="base64" href="x.bin"`, ""):       "in another file",
		binary2(`encoding="gzip"`, ""):                      "not as `gzip`",
		binary2(`encoding="base64"`, "!!!!"):                "row 1: the stream is not base64",
		binary2(`encoding="base64"`, "AAABf////3Jh"):        "row 1: column `s`: 2147483647 values in one cell",
		strings.Repeat("<VOTABLE>", 100):                    "nested more than 64 deep",
		`<?xml version="1.0" encoding="latin1"?><VOTABLE/>`: "convert it to UTF-8",
		`<VOTABLE><RESOURCE><INFO name="QUERY_STATUS" value="ERROR">no such column</INFO></RESOURCE></VOTABLE>`: "answered with an error: no such column",
	} {
		if _, _, err := rowsOf(text, ""); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	if _, _, err := rowsOf(whole, "u"); err == nil || err.Error() != "none of the 1 tables has the name or ID `u`" {
		t.Error(err)
	}
}

func TestOverflowIsNoticed(t *testing.T) {
	text := strings.Replace(made(numberAndText, threeRows), "</RESOURCE>",
		`<INFO name="QUERY_STATUS" value="OVERFLOW"/></RESOURCE>`, 1)
	if _, table, err := rowsOf(text, ""); err != nil || !table.Overflow {
		t.Error(err)
	}
}

func TestLongTextsAreRefused(t *testing.T) {
	text := made(numberAndText, "<TABLEDATA><TR><TD>1</TD><TD>"+strings.Repeat("x", maxToken+1)+"</TD></TR></TABLEDATA>")
	if _, _, err := rowsOf(text, ""); err == nil || !strings.Contains(err.Error(), "longer than 64 MiB") {
		t.Errorf("%.100v", err)
	}
}
