// Package votable reads tables of VOTable documents (IVOA Recommendation VOTable 1.4, 2019;
// 1.3, 2013) row by row: TABLEDATA, BINARY and BINARY2, in bounded memory.
//
// It knows nothing of Skyloom. Documents come from anywhere, so whatever in them could hide
// or blow up something is refused with words: document types and the entities they declare,
// deep nesting, cells and tags without end, lengths that do not fit.
package votable

import (
	"bufio"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds on what a document may ask for.
const (
	maxDepth = 64
	maxToken = 64 << 20 // bytes of one tag, text or cell
	maxCell  = 64 << 20 // bytes of one value, unpacked
	maxCount = 10_000   // fields of a table
)

// A Table is one that is being read.
type Table struct {
	Name        string
	Description string
	Fields      []Field
	// Overflow says, once the last row was read, whether the service that made the document
	// cut its result off.
	Overflow bool

	document *document
	rows     rows
	row      int
}

// rows are those of a serialisation.
type rows interface {
	// next adds a row to columns; false at the end.
	next(columns []*Column) (bool, error)
}

// Open reads the document in source, gzipped or not, up to the first row of its table of this
// name or ID, or of its first table where name is "".
func Open(source io.Reader, name string) (*Table, error) {
	document, err := newDocument(source)
	if err != nil {
		return nil, err
	}
	for {
		start, err := document.nextStart()
		if err == io.EOF {
			return nil, document.noTable(name)
		}
		if err != nil {
			return nil, err
		}
		switch {
		case start.Name.Local == "INFO":
			err = document.info(start)
		case start.Name.Local == "TABLE":
			document.tables++
			called, id := attribute(start, "name"), attribute(start, "ID")
			if name == "" || name == called || name == id {
				return document.table(start)
			}
			err = document.skip()
		case document.depth == 1 && start.Name.Local != "VOTABLE":
			err = fmt.Errorf("the document is a %s, not a VOTABLE", start.Name.Local)
		}
		if err != nil {
			return nil, err
		}
	}
}

// Read adds up to so many rows to columns, which are those of [Table.Columns], and stops early
// where they hold many bytes. It gives the number of rows, 0 at the end.
func (t *Table) Read(limit int, columns []*Column) (int, error) {
	count := 0
	for count < limit && t.rows != nil {
		bytes := 0
		for _, column := range columns {
			bytes += len(column.Data)
		}
		if bytes > maxCell/4 {
			break
		}
		more, err := t.rows.next(columns)
		if err != nil {
			return 0, fmt.Errorf("row %d: %w", t.row+1, err)
		}
		if !more {
			t.rows = nil
			return count, t.finish()
		}
		t.row++
		count++
	}
	return count, nil
}

// Columns are empty ones, one for each field.
func (t *Table) Columns() []*Column {
	columns := make([]*Column, len(t.Fields))
	for at := range columns {
		columns[at] = &Column{Field: &t.Fields[at]}
	}
	return columns
}

// finish reads what follows the table, so that a document that is cut off is found out.
func (t *Table) finish() error {
	for {
		start, err := t.document.nextStart()
		if err == io.EOF {
			return nil
		}
		if err == nil && start.Name.Local == "INFO" {
			t.Overflow = t.Overflow || isStatus(start, "OVERFLOW")
			err = t.document.info(start)
		}
		if err != nil {
			return err
		}
	}
}

// ── The document ────────────────────────────────────────────────────────────────────────

type document struct {
	bytes   *bufio.Reader
	bounded *bounded
	xml     *xml.Decoder
	depth   int
	tables  int
}

// bounded counts the bytes since the last token, and reads no more than maxToken of them.
type bounded struct {
	*bufio.Reader
	left int
}

var errLong = fmt.Errorf("a tag or a text is longer than %d MiB", maxToken>>20)

func (b *bounded) ReadByte() (byte, error) {
	if b.left == 0 {
		return 0, errLong
	}
	b.left--
	return b.Reader.ReadByte()
}

func newDocument(source io.Reader) (*document, error) {
	bytes := bufio.NewReaderSize(source, 1<<16)
	if magic, _ := bytes.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		unpacked, err := gzip.NewReader(bytes)
		if err != nil {
			return nil, fmt.Errorf("not gzip, though it begins so: %w", err)
		}
		bytes = bufio.NewReaderSize(unpacked, 1<<16)
	}
	bounded := &bounded{bytes, maxToken}
	decoder := xml.NewDecoder(bounded)
	decoder.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("the document is in %s; convert it to UTF-8, say with `iconv`, and say so in its first line", charset)
	}
	return &document{bytes: bytes, bounded: bounded, xml: decoder}, nil
}

// token is the next one of the document.
func (d *document) token() (xml.Token, error) {
	d.bounded.left = maxToken
	token, err := d.xml.Token()
	if err != nil {
		return nil, said(err)
	}
	switch token.(type) {
	case xml.StartElement:
		if d.depth++; d.depth > maxDepth {
			return nil, fmt.Errorf("elements are nested more than %d deep", maxDepth)
		}
	case xml.EndElement:
		d.depth--
	case xml.Directive:
		return nil, errors.New("the document has a document type declaration (DTD), which is not read; remove it")
	}
	return token, nil
}

// said is what is wrong with the document, in words.
func said(err error) error {
	if syntax := (*xml.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("line %d is not XML: %s", syntax.Line, syntax.Msg)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return fmt.Errorf("the file is cut off or damaged: %w", err)
	}
	return err
}

func (d *document) nextStart() (xml.StartElement, error) {
	for {
		token, err := d.token()
		if err != nil {
			return xml.StartElement{}, err
		}
		if start, is := token.(xml.StartElement); is {
			return start, nil
		}
	}
}

// child is the next element within the one at depth; false at its end.
func (d *document) child(depth int) (xml.StartElement, bool, error) {
	for {
		token, err := d.token()
		if err != nil {
			return xml.StartElement{}, false, ended(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			return token, true, nil
		case xml.EndElement:
			if d.depth < depth {
				return xml.StartElement{}, false, nil
			}
		}
	}
}

// skip passes over what is left of the element that began last.
func (d *document) skip() error {
	for depth := d.depth; d.depth >= depth; {
		if _, err := d.token(); err != nil {
			return ended(err)
		}
	}
	return nil
}

// text is that of the element that began last, without the elements in it.
func (d *document) text() (string, error) {
	var text strings.Builder
	for depth := d.depth; d.depth >= depth; {
		token, err := d.token()
		if err != nil {
			return "", ended(err)
		}
		if data, is := token.(xml.CharData); is && d.depth == depth {
			if text.Len()+len(data) > maxToken {
				return "", errLong
			}
			text.Write(data)
		}
	}
	return text.String(), nil
}

// ended says that the document ended where it must not.
func ended(err error) error {
	if err == io.EOF {
		return errors.New("the file is cut off: the document does not end")
	}
	return err
}

func attribute(start xml.StartElement, name string) string {
	for _, attribute := range start.Attr {
		if attribute.Name.Local == name {
			return attribute.Value
		}
	}
	return ""
}

func isStatus(start xml.StartElement, status string) bool {
	return attribute(start, "name") == "QUERY_STATUS" && strings.EqualFold(attribute(start, "value"), status)
}

// info fails where a service says that it failed.
func (d *document) info(start xml.StartElement) error {
	text, err := d.text()
	if err != nil {
		return err
	}
	if isStatus(start, "ERROR") {
		return fmt.Errorf("the service that was asked answered with an error: %s", strings.TrimSpace(text))
	}
	return nil
}

func (d *document) noTable(name string) error {
	switch {
	case d.tables == 0:
		return errors.New("there is no TABLE in the document")
	default:
		return fmt.Errorf("none of the %d tables has the name or ID `%s`", d.tables, name)
	}
}

// ── The table ───────────────────────────────────────────────────────────────────────────

// table reads the head of the table that began last, up to its rows.
func (d *document) table(start xml.StartElement) (*Table, error) {
	if attribute(start, "ref") != "" {
		return nil, errors.New("the table takes its fields from another one (`ref`), which is not read")
	}
	table := &Table{Name: attribute(start, "name"), document: d}
	depth := d.depth
	for {
		child, more, err := d.child(depth)
		if err != nil || !more {
			return table, err
		}
		switch child.Name.Local {
		case "FIELD":
			var field Field
			if field, err = d.field(child); err == nil {
				table.Fields = append(table.Fields, field)
			}
			if len(table.Fields) > maxCount {
				err = fmt.Errorf("the table has more than %d fields", maxCount)
			}
		case "DESCRIPTION":
			table.Description, err = d.text()
		case "DATA":
			table.rows, err = d.data(table.Fields)
			return table, err
		default:
			err = d.skip()
		}
		if err != nil {
			return nil, err
		}
	}
}

func (d *document) field(start xml.StartElement) (Field, error) {
	field := Field{
		Name: attribute(start, "name"), Unit: attribute(start, "unit"), UCD: attribute(start, "ucd"),
		Utype: attribute(start, "utype"), Xtype: attribute(start, "xtype"),
	}
	if field.Name == "" {
		field.Name = attribute(start, "ID")
	}
	depth := d.depth
	for {
		child, more, err := d.child(depth)
		if err != nil {
			return field, err
		}
		if !more {
			break
		}
		switch child.Name.Local {
		case "DESCRIPTION":
			var text string
			text, err = d.text()
			field.Description = strings.Join(strings.Fields(text), " ")
		case "VALUES":
			field.null = attribute(child, "null")
			err = d.skip()
		default:
			err = d.skip()
		}
		if err != nil {
			return field, err
		}
	}
	err := field.setType(attribute(start, "datatype"), attribute(start, "arraysize"))
	if err != nil {
		return field, fmt.Errorf("field `%s`: %w", field.Name, err)
	}
	return field, nil
}

// data finds the rows of the table.
func (d *document) data(fields []Field) (rows, error) {
	child, more, err := d.child(d.depth)
	if err != nil || !more {
		return nil, err
	}
	switch name := child.Name.Local; name {
	case "TABLEDATA":
		return &tableData{d, d.depth}, nil
	case "BINARY", "BINARY2":
		stream, more, err := d.child(d.depth)
		if err != nil {
			return nil, err
		}
		if !more || stream.Name.Local != "STREAM" {
			return nil, fmt.Errorf("%s has no STREAM", name)
		}
		if attribute(stream, "href") != "" {
			return nil, errors.New("the rows are in another file (STREAM with href), which is not read")
		}
		if encoding := attribute(stream, "encoding"); encoding != "base64" {
			return nil, fmt.Errorf("a STREAM is read as base64, not as `%s`", encoding)
		}
		return newBinary(d.bytes, name == "BINARY2", fields)
	default:
		return nil, fmt.Errorf("rows in %s are not read; convert them to TABLEDATA or BINARY2, say with astropy or STILTS", name)
	}
}
