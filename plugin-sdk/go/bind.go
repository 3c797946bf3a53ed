package skyloom

import (
	"encoding/json"
	"slices"
	"strings"
)

// A Purpose is what a column is read for; the host's leakage guard rests on it.
type Purpose uint8

const (
	// Feature is learnt from, or predicted with.
	Feature Purpose = iota
	// Label is the truth that is learnt or scored.
	Label
	// Key says which row this is, or which rows belong together.
	Key
	// Weight weighs rows.
	Weight
	// Value is anything else that new columns are computed from.
	Value
)

// A Field is one Arrow field: a column's name, type and metadata.
type Field struct {
	Name string
	// Format is the type, as the Arrow C data interface writes it: "g" is float64, "u" is text.
	// Of a dictionary column, that of its keys.
	Format   string
	Nullable bool
	// Metadata are "unit", "ucd", "description", and whatever else the source said.
	Metadata map[string]string
	Children []Field
	// Dictionary holds the type of the values of a dictionary column, else nil.
	Dictionary *Field
}

// NewField is a nullable field of an Arrow format without children.
func NewField(name, format string) Field {
	return Field{Name: name, Format: format, Nullable: true}
}

// With is the field with more metadata.
func (f Field) With(key, value string) Field {
	metadata := map[string]string{key: value}
	for old, said := range f.Metadata {
		if old != key {
			metadata[old] = said
		}
	}
	f.Metadata = metadata
	return f
}

// WithUnit says the unit, in VOUnits.
func (f Field) WithUnit(unit string) Field { return f.With("unit", unit) }

// WithUCD says what is meant, as a UCD1+.
func (f Field) WithUCD(ucd string) Field { return f.With("ucd", ucd) }

// WithDescription says it for people.
func (f Field) WithDescription(text string) Field { return f.With("description", text) }

// WithCategories says which classes a text column holds.
func (f Field) WithCategories(names []string) Field {
	text, _ := json.Marshal(names) // texts always can be written
	return f.With("categories", string(text))
}

// IsNumber says whether values are integers or floating-point numbers.
func (f Field) IsNumber() bool {
	return f.Dictionary == nil && len(f.Format) == 1 && strings.Contains("cCsSiIlLefg", f.Format)
}

// IsText says whether values are text, plain or dictionary-encoded.
func (f Field) IsText() bool {
	if f.Dictionary != nil {
		return f.Dictionary.IsText()
	}
	return f.Format == "u" || f.Format == "U"
}

// item is what lists of any layout hold; nil where the field is none.
func (f Field) item() *Field {
	isList := f.Format == "+l" || f.Format == "+L" || strings.HasPrefix(f.Format, "+w:")
	if !isList || len(f.Children) != 1 {
		return nil
	}
	return &f.Children[0]
}

// member is the index of a struct's member; -1 where there is none.
func (f Field) member(name string) int {
	if f.Format != "+s" {
		return -1
	}
	return slices.IndexFunc(f.Children, func(child Field) bool { return child.Name == name })
}

var typeNames = map[string]string{
	"n": "Null", "b": "Boolean", "c": "Int8", "C": "UInt8", "s": "Int16", "S": "UInt16",
	"i": "Int32", "I": "UInt32", "l": "Int64", "L": "UInt64", "e": "Float16", "f": "Float32",
	"g": "Float64", "u": "Utf8", "U": "LargeUtf8", "z": "Binary", "Z": "LargeBinary",
	"tdD": "Date32", "tdm": "Date64", "+l": "List", "+L": "LargeList", "+s": "Struct",
	"+m": "Map",
}

var typePrefixes = map[string]string{
	"ts": "Timestamp", "tt": "Time", "tD": "Duration", "ti": "Interval", "d:": "Decimal",
	"w:": "FixedSizeBinary", "+w": "FixedSizeList",
}

// TypeName is Arrow's name of the type, as every SDK says it.
func (f Field) TypeName() string {
	if f.Dictionary != nil {
		return "Dictionary(" + typeNames[f.Format] + ", " + f.Dictionary.TypeName() + ")"
	}
	if name, known := typeNames[f.Format]; known {
		return name
	}
	if name, known := typePrefixes[f.Format[:min(2, len(f.Format))]]; known {
		return name
	}
	return f.Format
}

// A Bind gathers what a plugin declares about one node of a workflow.
type Bind struct {
	outputPorts []Port
	inputs      []boundInput
	outputs     []tableSchema
	reads       []read
	pieces      uint32
}

type boundInput struct {
	port   string
	fields []Field
	blob   *Blob
}

type tableSchema struct {
	fields []Field
	passed []passed
}

type read struct {
	input, column uint32
	purpose       Purpose
}

type passed struct{ field, input, column uint32 }

func newBind(descriptor Descriptor, inputs []boundInput) *Bind {
	outputs := make([]tableSchema, len(descriptor.Outputs))
	return &Bind{outputPorts: descriptor.Outputs, inputs: inputs, outputs: outputs, pieces: 1}
}

func (b *Bind) index(port string) (int, error) {
	for at, input := range b.inputs {
		if input.port == port {
			return at, nil
		}
	}
	return 0, Failed("input `%s` is not connected", port)
}

// IsConnected says whether anything is connected to input port.
func (b *Bind) IsConnected(port string) bool {
	_, err := b.index(port)
	return err == nil
}

// Fields are the columns of the table on input port.
func (b *Bind) Fields(port string) ([]Field, error) {
	at, err := b.index(port)
	if err != nil {
		return nil, err
	}
	if b.inputs[at].blob != nil {
		return nil, Failed("input `%s` is a file, not a table", port)
	}
	return b.inputs[at].fields, nil
}

// Blob is the file on input port.
func (b *Bind) Blob(port string) (*Blob, error) {
	at, err := b.index(port)
	if err != nil {
		return nil, err
	}
	if b.inputs[at].blob == nil {
		return nil, Failed("input `%s` is a table, not a file", port)
	}
	return b.inputs[at].blob, nil
}

// A ColumnRef is a column of an input, looked at but not yet read. What is asked of it is
// asked in a row, as in
//
//	flux, err := bind.Column("table", params.Flux, "flux").Number().Read(skyloom.Value)
//
// and the first demand that does not hold is the error.
type ColumnRef struct {
	bind          *Bind
	port          string
	input, column uint32
	param         string
	field         Field
	err           error
}

// Column looks at a column of the table on port. param is the parameter that named it, or "".
// Nothing is declared until [ColumnRef.Read] is called.
func (b *Bind) Column(port, column, param string) ColumnRef {
	ref := ColumnRef{bind: b, port: port, param: param}
	input, err := b.index(port)
	if err != nil {
		ref.err = err
		return ref
	}
	fields, err := b.Fields(port)
	if err != nil {
		ref.err = err
		return ref
	}
	at := slices.IndexFunc(fields, func(field Field) bool { return field.Name == column })
	if at < 0 {
		ref.err = &Error{Kind: MissingColumnKind, Input: port, Column: column, Param: param}
		return ref
	}
	ref.input, ref.column, ref.field = uint32(input), uint32(at), fields[at]
	return ref
}

func (c ColumnRef) wrong(kind Kind, expected, found string) ColumnRef {
	c.err = &Error{Kind: kind, Input: c.port, Column: c.field.Name, Param: c.param,
		Expected: expected, Found: found}
	return c
}

// Of demands that fits holds for the field; expected says what would do.
func (c ColumnRef) Of(expected string, fits func(Field) bool) ColumnRef {
	if c.err != nil || fits(c.field) {
		return c
	}
	return c.wrong(WrongTypeKind, expected, c.field.TypeName())
}

// Number demands an integer or floating-point column.
func (c ColumnRef) Number() ColumnRef { return c.Of("a number", Field.IsNumber) }

// Text demands text, plain or dictionary-encoded.
func (c ColumnRef) Text() ColumnRef { return c.Of("text", Field.IsText) }

// Boolean demands truth values.
func (c ColumnRef) Boolean() ColumnRef {
	return c.Of("boolean", func(field Field) bool { return field.Format == "b" })
}

// ListOf demands lists of structs with numbers of these names, such as light curves; without
// any name, lists of numbers.
func (c ColumnRef) ListOf(members ...string) ColumnRef {
	if len(members) == 0 {
		return c.Of("a list of numbers", func(field Field) bool {
			item := field.item()
			return item != nil && item.IsNumber()
		})
	}
	for _, name := range members {
		c = c.Of("a list of structs with a number `"+name+"`", func(field Field) bool {
			item := field.item()
			if item == nil {
				return false
			}
			at := item.member(name)
			return at >= 0 && item.Children[at].IsNumber()
		})
	}
	return c
}

// Unit demands one of units; a column without a unit passes.
func (c ColumnRef) Unit(units ...string) ColumnRef {
	found, said := c.field.Metadata["unit"]
	if c.err != nil || !said || slices.Contains(units, found) {
		return c
	}
	return c.wrong(WrongUnitKind, strings.Join(units, " or "), found)
}

// Check gives the field, or the first demand that did not hold, without declaring a read.
func (c ColumnRef) Check() (Field, error) { return c.field, c.err }

// Read declares that runs read this column. Reading any other is refused.
func (c ColumnRef) Read(purpose Purpose) (Field, error) {
	if c.err != nil {
		return Field{}, c.err
	}
	wanted := read{c.input, c.column, purpose}
	if !slices.Contains(c.bind.reads, wanted) {
		c.bind.reads = append(c.bind.reads, wanted)
	}
	return c.field, nil
}

// Key is the name of the key column on port: named, if not nil, or the column whose UCD starts
// with meta.id and says meta.main.
func (b *Bind) Key(port string, named *string) (string, error) {
	fields, err := b.Fields(port)
	if err != nil {
		return "", err
	}
	if named != nil {
		return *named, nil
	}
	for _, field := range fields {
		ucd := field.Metadata["ucd"]
		if strings.HasPrefix(ucd, "meta.id") && strings.Contains(ucd, "meta.main") {
			return field.Name, nil
		}
	}
	return "", Param("key", "no column of input `%s` is marked as key; name one here, or with `key` in the ingester", port)
}

// SetPieces cuts the work in pieces runs, each with a fresh instance, their outputs
// concatenated in order. Derive it from parameters and source only.
func (b *Bind) SetPieces(pieces uint32) { b.pieces = pieces }

// Add adds a new column to output port.
func (b *Bind) Add(port string, field Field) error { return b.push(port, field, nil) }

// Pass adds a column of input, untouched, to output port.
func (b *Bind) Pass(port, input, column string) error {
	from := b.Column(input, column, "")
	if from.err != nil {
		return from.err
	}
	return b.push(port, from.field, &from)
}

// PassAll adds all columns of input, untouched, to output port.
func (b *Bind) PassAll(port, input string) error {
	fields, err := b.Fields(input)
	if err != nil {
		return err
	}
	for _, field := range fields {
		if err := b.Pass(port, input, field.Name); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bind) push(port string, field Field, from *ColumnRef) error {
	at := slices.IndexFunc(b.outputPorts, func(output Port) bool { return output.Name == port })
	if at < 0 {
		return Failed("no output `%s`", port)
	}
	output := &b.outputs[at]
	same := func(other Field) bool { return other.Name == field.Name }
	if slices.ContainsFunc(output.fields, same) {
		return Data("output `%s` would have two columns `%s`; rename or drop the input's", port, field.Name)
	}
	if from != nil {
		output.passed = append(output.passed, passed{uint32(len(output.fields)), from.input, from.column})
	}
	output.fields = append(output.fields, field)
	return nil
}
