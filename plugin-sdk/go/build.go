package skyloom

import (
	"strconv"
	"strings"
)

// A Column is an output column: an [Array], or one in the making.
type Column interface {
	// column is the array; its field may have no name.
	column() *Array
}

func (a *Array) column() *Array { return a }

// bits are a bitmap that grows.
type bits struct {
	bytes []byte
	count int
}

func (b *bits) push(bit bool) {
	if b.count&7 == 0 {
		b.bytes = append(b.bytes, 0)
	}
	if bit {
		b.bytes[b.count>>3] |= 1 << (b.count & 7)
	}
	b.count++
}

// validity is a bitmap that is not there as long as nothing is null.
type validity struct {
	bits bits
	some bool
}

func (v *validity) push(valid bool, before int) {
	if !v.some {
		if valid {
			return
		}
		v.some = true
		for range before {
			v.bits.push(true)
		}
	}
	v.bits.push(valid)
}

func (v *validity) bitmap() Bitmap {
	if !v.some {
		return nil
	}
	return v.bits.bytes
}

// NumberColumn is a column of numbers in the making.
type NumberColumn[T fixed] struct {
	values   []T
	validity validity
}

// NewNumbers makes room for so many numbers.
func NewNumbers[T fixed](rows int) *NumberColumn[T] {
	return &NumberColumn[T]{values: make([]T, 0, rows)}
}

// Push adds a number.
func (c *NumberColumn[T]) Push(value T) {
	c.validity.push(true, len(c.values))
	c.values = append(c.values, value)
}

// PushNull adds a null.
func (c *NumberColumn[T]) PushNull() {
	c.validity.push(false, len(c.values))
	c.values = append(c.values, 0)
}

// PushIf adds a number if it is there, else a null.
func (c *NumberColumn[T]) PushIf(value T, there bool) {
	if there {
		c.Push(value)
	} else {
		c.PushNull()
	}
}

func (c *NumberColumn[T]) column() *Array {
	return &Array{Field: &Field{Format: formatOf[T]()}, Rows: len(c.values),
		Validity: c.validity.bitmap(), Buffers: [][]byte{Bytes(c.values)}}
}

func formatOf[T fixed]() string {
	switch any(*new(T)).(type) {
	case int8:
		return "c"
	case uint8:
		return "C"
	case int16:
		return "s"
	case uint16:
		return "S"
	case int32:
		return "i"
	case uint32:
		return "I"
	case int64:
		return "l"
	case uint64:
		return "L"
	case float32:
		return "f"
	default:
		return "g"
	}
}

// StringColumn is a column of text in the making.
type StringColumn struct {
	offsets  []int32
	bytes    []byte
	validity validity
}

// NewStrings makes room for so many texts.
func NewStrings(rows int) *StringColumn {
	return &StringColumn{offsets: append(make([]int32, 0, rows+1), 0)}
}

// Push adds a text.
func (c *StringColumn) Push(text string) {
	c.validity.push(true, len(c.offsets)-1)
	c.bytes = append(c.bytes, text...)
	c.offsets = append(c.offsets, int32(len(c.bytes)))
}

// PushNull adds a null.
func (c *StringColumn) PushNull() {
	c.validity.push(false, len(c.offsets)-1)
	c.offsets = append(c.offsets, int32(len(c.bytes)))
}

func (c *StringColumn) column() *Array {
	return &Array{Field: &Field{Format: "u"}, Rows: len(c.offsets) - 1,
		Validity: c.validity.bitmap(), Buffers: [][]byte{Bytes(c.offsets), c.bytes}}
}

// BooleanColumn is a column of truth values in the making.
type BooleanColumn struct {
	bits     bits
	validity validity
}

// NewBooleans makes room for so many values.
func NewBooleans(rows int) *BooleanColumn {
	return &BooleanColumn{bits: bits{bytes: make([]byte, 0, (rows+7)/8)}}
}

// Push adds a value.
func (c *BooleanColumn) Push(value bool) {
	c.validity.push(true, c.bits.count)
	c.bits.push(value)
}

// PushNull adds a null.
func (c *BooleanColumn) PushNull() {
	c.validity.push(false, c.bits.count)
	c.bits.push(false)
}

func (c *BooleanColumn) column() *Array {
	return &Array{Field: &Field{Format: "b"}, Rows: c.bits.count, Validity: c.validity.bitmap(),
		Buffers: [][]byte{c.bits.bytes}}
}

// A Writer writes the table on an output port.
type Writer struct {
	port   string
	fields []Field
	sink   sink
}

// Fields are the new columns, in order, as Bind declared them.
func (w *Writer) Fields() []Field { return w.fields }

// Put appends a batch of new columns to a port that passes nothing.
func (w *Writer) Put(columns ...Column) error {
	flat, err := w.flatten(columns, -1)
	if err != nil {
		return err
	}
	return w.sink.put(flat)
}

// Derive appends the rows of batch: passed columns from there, new ones from columns.
func (w *Writer) Derive(batch *Batch, columns ...Column) error {
	flat, err := w.flatten(columns, batch.Rows())
	if err != nil {
		return err
	}
	return w.sink.derive(batch.rows, nil, flat)
}

// Select is [Writer.Derive] with only the rows to keep; columns has only those rows.
func (w *Writer) Select(batch *Batch, keep []bool, columns ...Column) error {
	if len(keep) != batch.Rows() {
		return Failed("%d rows judged, of %d", len(keep), batch.Rows())
	}
	kept, judged := 0, bits{bytes: make([]byte, 0, len(keep)/8+1)}
	for _, wanted := range keep {
		judged.push(wanted)
		if wanted {
			kept++
		}
	}
	flat, err := w.flatten(columns, kept)
	if err != nil {
		return err
	}
	return w.sink.derive(batch.rows, judged.bytes, flat)
}

// Cut ends this partition and begins the next; for ingesters and simulators.
func (w *Writer) Cut() error { return w.sink.cut() }

// flatten gives columns as Bind declared them, each of so many rows; of the first's if -1.
func (w *Writer) flatten(columns []Column, rows int) ([]wireColumn, error) {
	if len(columns) != len(w.fields) {
		return nil, Failed("%d columns emitted; Bind said %d", len(columns), len(w.fields))
	}
	var flat []wireColumn
	for at, column := range columns {
		array, field := column.column(), &w.fields[at]
		if array.Field.Format != field.Format || (array.Dictionary != nil) != (field.Dictionary != nil) {
			return nil, Failed("new column %d is %s; Bind said %s", at, array.Field.TypeName(), field.TypeName())
		}
		if rows < 0 {
			rows = array.Rows
		}
		if array.Rows != rows {
			return nil, Failed("new column %d has %d rows, not %d", at, array.Rows, rows)
		}
		var err error
		if flat, err = putArray(field, array, flat); err != nil {
			return nil, err
		}
	}
	return flat, nil
}

// putArray adds an array, then its children.
func putArray(field *Field, array *Array, flat []wireColumn) ([]wireColumn, error) {
	if len(array.Children) != len(field.Children) || (array.Dictionary != nil) != (field.Dictionary != nil) {
		return nil, Failed("column `%s` has other children than its type says", field.Name)
	}
	if len(array.Buffers) < bufferCount(field) {
		return nil, Failed("column `%s` has fewer buffers than its type says", field.Name)
	}
	column := wireColumn{rows: uint64(array.Rows), validity: array.Validity,
		buffers: array.Buffers[:bufferCount(field)]}
	if field.Format == "n" {
		column.validity = nil
	}
	flat = append(flat, column)
	var err error
	if field.Dictionary != nil {
		return putArray(field.Dictionary, array.Dictionary, flat)
	}
	for at := range field.Children {
		if flat, err = putArray(&field.Children[at], array.Children[at], flat); err != nil {
			return nil, err
		}
	}
	return flat, nil
}

func bufferCount(field *Field) int {
	switch {
	case field.Format == "n" || field.Format == "+s" || strings.HasPrefix(field.Format, "+w:"):
		return 0
	case strings.Contains("uUzZ", field.Format):
		return 2
	default:
		return 1
	}
}

// ListFormat is the Arrow format of lists of a fixed length.
func ListFormat(length int) string { return "+w:" + strconv.Itoa(length) }
