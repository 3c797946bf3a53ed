package skyloom

import (
	"math"
	"slices"
	"strconv"
	"unsafe"
)

// A Reader reads the table on an input port, batch by batch.
type Reader struct {
	port   string
	fields []Field
	table  table
}

// Fields are the table's columns, of those that Bind declared.
func (r *Reader) Fields() []Field { return r.fields }

// Rows are those in all batches together.
func (r *Reader) Rows() uint64 { return r.table.rows() }

// Rewind goes back to the first batch.
func (r *Reader) Rewind() { r.table.rewind() }

// Next is the next batch, nil at the end. Rows keep the source's order. The batch before can
// no longer be asked for columns; what was taken from it stays.
func (r *Reader) Next() (*Batch, error) {
	rows, err := r.table.next()
	if err != nil || rows == nil {
		return nil, err
	}
	return &Batch{port: r.port, fields: r.fields, rows: rows, arrays: make([]*Array, len(r.fields))}, nil
}

// A Batch is some rows of a table. Columns come over the border when they are asked for.
type Batch struct {
	port   string
	fields []Field
	rows   rows
	arrays []*Array
}

// Rows is the number of rows.
func (b *Batch) Rows() int { return b.rows.count() }

// Fields are the table's columns, of those that Bind declared.
func (b *Batch) Fields() []Field { return b.fields }

// Has says whether there is a column of that name.
func (b *Batch) Has(column string) bool { return b.find(column) >= 0 }

func (b *Batch) find(column string) int {
	return slices.IndexFunc(b.fields, func(field Field) bool { return field.Name == column })
}

// Column is a column as it came: buffers that the host handed over.
func (b *Batch) Column(column string) (*Array, error) {
	at := b.find(column)
	if at < 0 {
		return nil, &Error{Kind: MissingColumnKind, Input: b.port, Column: column}
	}
	// Asking twice crosses the border once.
	if b.arrays[at] == nil {
		flat, err := b.rows.column(at)
		if err != nil {
			return nil, err
		}
		array, _, err := takeArray(&b.fields[at], flat)
		if err != nil {
			return nil, err
		}
		b.arrays[at] = array
	}
	return b.arrays[at], nil
}

func (b *Batch) typed(column, expected string, fits func(Field) bool) (*Array, error) {
	array, err := b.Column(column)
	if err != nil {
		return nil, err
	}
	if !fits(*array.Field) {
		return nil, &Error{Kind: WrongTypeKind, Input: b.port, Column: column, Expected: expected,
			Found: array.Field.TypeName()}
	}
	return array, nil
}

// Numbers is a column of any number type as float64. Integers beyond 2^53 are rounded.
func (b *Batch) Numbers(column string) (Numbers, error) {
	array, err := b.typed(column, "a number", Field.IsNumber)
	if err != nil {
		return Numbers{}, err
	}
	return array.numbers(), nil
}

// Strings is a column of text, plain or dictionary-encoded.
func (b *Batch) Strings(column string) (Strings, error) {
	array, err := b.typed(column, "text", Field.IsText)
	if err != nil {
		return Strings{}, err
	}
	return array.strings(), nil
}

// Booleans is a column of truth values.
func (b *Batch) Booleans(column string) (Booleans, error) {
	array, err := b.typed(column, "boolean", func(field Field) bool { return field.Format == "b" })
	if err != nil {
		return Booleans{}, err
	}
	return Booleans{array.Rows, array.Buffers[0], array.Validity}, nil
}

// Lists is a column of lists, such as light curves.
func (b *Batch) Lists(column string) (Lists, error) {
	array, err := b.typed(column, "a list", func(field Field) bool { return field.item() != nil })
	if err != nil {
		return Lists{}, err
	}
	return Lists{port: b.port, array: array, offset: array.offsets()}, nil
}

// A Bitmap has one bit a row, least significant first.
type Bitmap []byte

// At says whether the bit of a row is set; of a nil bitmap, all are.
func (b Bitmap) At(row int) bool { return b == nil || b[row>>3]>>(row&7)&1 != 0 }

// An Array is one Arrow array in the layout of its format, offset 0.
type Array struct {
	Field *Field
	Rows  int
	// Validity is nil where nothing is null.
	Validity Bitmap
	// Buffers are the format's in its order, without validity.
	Buffers    [][]byte
	Children   []*Array
	Dictionary *Array
}

// takeArray makes the array that comes first in flat, and gives what is left.
func takeArray(field *Field, flat []wireColumn) (*Array, []wireColumn, error) {
	if len(flat) == 0 {
		return nil, nil, Failed("the host gave fewer arrays than column `%s` has", field.Name)
	}
	head, flat := flat[0], flat[1:]
	array := &Array{Field: field, Rows: int(head.rows), Validity: head.validity, Buffers: head.buffers}
	var err error
	if field.Dictionary != nil {
		array.Dictionary, flat, err = takeArray(field.Dictionary, flat)
		return array, flat, err
	}
	array.Children = make([]*Array, len(field.Children))
	for at := range field.Children {
		if array.Children[at], flat, err = takeArray(&field.Children[at], flat); err != nil {
			return nil, nil, err
		}
	}
	return array, flat, nil
}

type fixed interface {
	int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64 | float32 | float64
}

// Values are those in a buffer, without copying it.
func Values[T fixed](buffer []byte) []T {
	size := int(unsafe.Sizeof(*new(T)))
	if len(buffer) < size {
		return nil
	}
	// What the host hands over lies on multiples of eight bytes.
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(buffer))), len(buffer)/size)
}

// Bytes are those of values, without copying them.
func Bytes[T fixed](values []T) []byte {
	size := int(unsafe.Sizeof(*new(T)))
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*size)
}

// Numbers are a column's. Where nothing is there, the value means nothing; NaN is a number.
type Numbers struct {
	// Values are the host's own buffer where the column is of float64, else widened.
	Values   []float64
	Validity Bitmap
}

// At is the number in a row; false when it is null.
func (n Numbers) At(row int) (float64, bool) { return n.Values[row], n.Validity.At(row) }

func widen[T fixed](buffer []byte) []float64 {
	values := Values[T](buffer)
	wide := make([]float64, len(values))
	for at, value := range values {
		wide[at] = float64(value)
	}
	return wide
}

func (a *Array) numbers() Numbers {
	buffer := a.Buffers[0]
	var values []float64
	switch a.Field.Format {
	case "c":
		values = widen[int8](buffer)
	case "C":
		values = widen[uint8](buffer)
	case "s":
		values = widen[int16](buffer)
	case "S":
		values = widen[uint16](buffer)
	case "i":
		values = widen[int32](buffer)
	case "I":
		values = widen[uint32](buffer)
	case "l":
		values = widen[int64](buffer)
	case "L":
		values = widen[uint64](buffer)
	case "e":
		halves := Values[uint16](buffer)
		values = make([]float64, len(halves))
		for at, bits := range halves {
			values[at] = half(bits)
		}
	case "f":
		values = widen[float32](buffer)
	default:
		values = Values[float64](buffer)
	}
	return Numbers{values, a.Validity}
}

func half(bits uint16) float64 {
	// A half's exponent and fraction, moved to where a float has them; 2^112 mends the bias.
	wide := uint32(bits&0x7fff) << 13
	isFinite := bits&0x7c00 != 0x7c00
	if !isFinite {
		wide |= 0x7f800000
	}
	number := float64(math.Float32frombits(wide))
	if isFinite {
		number *= 0x1p112
	}
	if bits&0x8000 != 0 {
		return -number
	}
	return number
}

// integers reads a buffer of integers of a format.
func integers(format string, buffer []byte) func(int) int {
	switch format {
	case "c":
		return reads(Values[int8](buffer))
	case "C":
		return reads(Values[uint8](buffer))
	case "s":
		return reads(Values[int16](buffer))
	case "S":
		return reads(Values[uint16](buffer))
	case "i":
		return reads(Values[int32](buffer))
	case "I":
		return reads(Values[uint32](buffer))
	case "L":
		return reads(Values[uint64](buffer))
	default:
		return reads(Values[int64](buffer))
	}
}

func reads[T fixed](values []T) func(int) int {
	return func(at int) int { return int(values[at]) }
}

// Strings are a column's text of any encoding, in the host's buffers.
type Strings struct {
	validity Bitmap
	offset   func(int) int
	bytes    []byte
	key      func(int) int
	words    *Strings
}

func (a *Array) strings() Strings {
	if a.Dictionary != nil {
		words := a.Dictionary.strings()
		return Strings{validity: a.Validity, key: integers(a.Field.Format, a.Buffers[0]), words: &words}
	}
	return Strings{validity: a.Validity, offset: a.offsets(), bytes: a.Buffers[1]}
}

// At is the text in a row; false when it is null. It points into the host's buffer.
func (s Strings) At(row int) (string, bool) {
	if !s.validity.At(row) {
		return "", false
	}
	if s.words != nil {
		return s.words.At(s.key(row))
	}
	start, end := s.offset(row), s.offset(row+1)
	if start == end {
		return "", true
	}
	return unsafe.String(&s.bytes[start], end-start), true
}

// Booleans are a column's truth values.
type Booleans struct {
	Rows     int
	bits     Bitmap
	validity Bitmap
}

// At is the value in a row; false when it is null.
func (b Booleans) At(row int) (value, there bool) { return b.bits.At(row), b.validity.At(row) }

// Lists are a column's. Their items, such as the points of light curves, are counted through
// the whole batch.
type Lists struct {
	port   string
	array  *Array
	offset func(int) int
}

// offsets gives where each row begins in the values of text or of lists.
func (a *Array) offsets() func(int) int {
	switch {
	case a.Field.Format == "U" || a.Field.Format == "Z" || a.Field.Format == "+L":
		return integers("l", a.Buffers[0])
	case len(a.Field.Format) > 3 && a.Field.Format[1] == 'w':
		length, _ := strconv.Atoi(a.Field.Format[3:]) // the host checked it
		return func(row int) int { return row * length }
	default:
		return integers("i", a.Buffers[0])
	}
}

// Span says which items are those of a row; false when the list is null.
func (l Lists) Span(row int) (start, end int, there bool) {
	if !l.array.Validity.At(row) {
		return 0, 0, false
	}
	return l.offset(row), l.offset(row + 1), true
}

// Numbers are those of all items: of the struct's member of that name, or the items
// themselves if it is "".
func (l Lists) Numbers(member string) (Numbers, error) {
	array, err := l.items(member, "a number", Field.IsNumber)
	if err != nil {
		return Numbers{}, err
	}
	return array.numbers(), nil
}

// Strings are the texts of all items, as with [Lists.Numbers].
func (l Lists) Strings(member string) (Strings, error) {
	array, err := l.items(member, "text", Field.IsText)
	if err != nil {
		return Strings{}, err
	}
	return array.strings(), nil
}

func (l Lists) items(member, expected string, fits func(Field) bool) (*Array, error) {
	items := l.array.Children[0]
	name := l.array.Field.Name
	if member != "" {
		at := items.Field.member(member)
		name += "." + member
		if at < 0 {
			return nil, &Error{Kind: MissingColumnKind, Input: l.port, Column: name}
		}
		// A point that is null has no members, whatever they say.
		part := *items.Children[at]
		part.Validity = both(items.Validity, part.Validity)
		items = &part
	}
	if !fits(*items.Field) {
		return nil, &Error{Kind: WrongTypeKind, Input: l.port, Column: name, Expected: expected,
			Found: items.Field.TypeName()}
	}
	return items, nil
}

// both are the rows that are there in one and in the other.
func both(one, other Bitmap) Bitmap {
	if one == nil {
		return other
	}
	if other == nil {
		return one
	}
	bits := make(Bitmap, min(len(one), len(other)))
	for at := range bits {
		bits[at] = one[at] & other[at]
	}
	return bits
}

// A Blob is a file as it lies on disk.
type Blob struct{ file file }

// Name is the file's, without folders.
func (b *Blob) Name() string { return b.file.name() }

// Size is the number of bytes in all.
func (b *Blob) Size() uint64 { return b.file.size() }

// Read gives up to length bytes from offset, fewer at the file's end.
func (b *Blob) Read(offset uint64, length uint32) ([]byte, error) {
	return b.file.read(offset, length)
}
