package votable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A Kind is what the values of a field are.
type Kind uint8

// The kinds.
const (
	Boolean Kind = iota
	Uint8
	Int16
	Int32
	Int64
	Float32
	Float64
	Text
)

// Length says how many values a cell holds.
type Length int

const (
	// Scalar cells hold one value.
	Scalar Length = -1
	// Variable cells say themselves how many they hold.
	Variable Length = -2
)

// A Field is a column of the table.
type Field struct {
	Name, Unit, UCD, Utype, Xtype, Description string
	Kind                                       Kind
	// Length is the number of values in a cell, or one of the two constants. Of a text it is
	// Scalar; complex numbers are two values each, real and imaginary part.
	Length Length

	datatype string
	null     string
	bytes    int // of one value in BINARY
	pair     int // values that count as one: 2 for complex numbers
	width    int // characters of a text of fixed width in BINARY; -1 where it is not fixed
}

var datatypes = map[string]Field{
	"boolean":       {Kind: Boolean, bytes: 1, pair: 1},
	"unsignedByte":  {Kind: Uint8, bytes: 1, pair: 1},
	"short":         {Kind: Int16, bytes: 2, pair: 1},
	"int":           {Kind: Int32, bytes: 4, pair: 1},
	"long":          {Kind: Int64, bytes: 8, pair: 1},
	"float":         {Kind: Float32, bytes: 4, pair: 1},
	"double":        {Kind: Float64, bytes: 8, pair: 1},
	"floatComplex":  {Kind: Float32, bytes: 4, pair: 2},
	"doubleComplex": {Kind: Float64, bytes: 8, pair: 2},
	"char":          {Kind: Text, bytes: 1, pair: 1},
	"unicodeChar":   {Kind: Text, bytes: 2, pair: 1},
}

func (f *Field) setType(datatype, arraysize string) error {
	known, there := datatypes[datatype]
	if !there {
		return fmt.Errorf("datatype `%s` is not read", datatype)
	}
	f.datatype, f.Kind, f.bytes, f.pair = datatype, known.Kind, known.bytes, known.pair
	length, err := lengthOf(arraysize)
	if err != nil {
		return err
	}
	if f.Kind == Text {
		if strings.Contains(arraysize, "x") {
			return errors.New("arrays of texts are not read")
		}
		f.Length, f.width = Scalar, int(length)
		if length == Scalar {
			f.width = 1
		} else if length == Variable {
			f.width = -1
		}
		return nil
	}
	f.Length = length
	switch {
	case f.pair == 2 && length == Scalar:
		f.Length = 2
	case length > 0:
		f.Length = length * Length(f.pair)
	}
	if f.Length > 0 && int(f.Length)*f.bytes > maxCell {
		return fmt.Errorf("arraysize `%s` is more than %d MiB", arraysize, maxCell>>20)
	}
	return nil
}

// lengthOf multiplies dimensions; the last may be variable, with or without a bound.
func lengthOf(arraysize string) (Length, error) {
	if arraysize == "" {
		return Scalar, nil
	}
	length := 1
	dimensions := strings.Split(arraysize, "x")
	for at, dimension := range dimensions {
		if at == len(dimensions)-1 && strings.HasSuffix(dimension, "*") {
			return Variable, nil
		}
		size, err := strconv.ParseUint(strings.TrimSpace(dimension), 10, 31)
		if err != nil || size > maxCell || length*int(size) > maxCell {
			return 0, fmt.Errorf("arraysize `%s` is not read", arraysize)
		}
		length *= int(size)
	}
	return Length(length), nil
}

// A Column holds the values of a field, as many rows as were read.
type Column struct {
	Field *Field
	// Data are the values one after another, little-endian; of booleans, a byte each; of texts,
	// their UTF-8. Where a fixed length is null, its values are there all the same.
	Data []byte
	// Ends say, of texts and of variable lengths, how many bytes or values there are up to the
	// end of each row.
	Ends []int32
	// Valid says which rows are not null.
	Valid []bool
	// ItemValid says which values of arrays are not null.
	ItemValid []bool
}

// Reset makes the column empty.
func (c *Column) Reset() {
	c.Data, c.Ends, c.Valid, c.ItemValid = c.Data[:0], c.Ends[:0], c.Valid[:0], c.ItemValid[:0]
}

// end ends a row.
func (c *Column) end(valid bool) error {
	f := c.Field
	c.Valid = append(c.Valid, valid)
	end := len(c.ItemValid)
	if f.Kind == Text {
		end = len(c.Data)
	}
	if end > math.MaxInt32 {
		return errors.New("too many values at once")
	}
	c.Ends = append(c.Ends, int32(end))
	return nil
}

// addNull adds a row that is null.
func (c *Column) addNull() error {
	switch f := c.Field; {
	case f.Kind == Text || f.Length == Variable:
	case f.Length == Scalar:
		c.addZero()
	default:
		for range f.Length {
			c.addItem(false)
		}
	}
	return c.end(false)
}

func (c *Column) addZero() { c.Data = append(c.Data, make([]byte, c.Field.bytes)...) }

// addItem says whether the value of an array that follows, or a zero in its place, is there.
func (c *Column) addItem(valid bool) {
	if !valid {
		c.addZero()
	}
	c.ItemValid = append(c.ItemValid, valid)
}

func (c *Column) addText(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("the text is not UTF-8")
	}
	c.Data = append(c.Data, text...)
	// The standard does not tell an empty text from none.
	return c.end(text != "")
}

// ── TABLEDATA ───────────────────────────────────────────────────────────────────────────

// addCell adds the row that a TD holds.
func (c *Column) addCell(text string) error {
	f := c.Field
	if f.Kind == Text {
		return c.addText(text)
	}
	if f.Length == Scalar {
		valid, err := c.addValue(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		if !valid {
			c.addZero()
		}
		return c.end(valid)
	}
	words := strings.Fields(text)
	if len(words) == 0 && f.Length != 0 {
		return c.addNull()
	}
	if f.Length >= 0 && len(words) != int(f.Length) || len(words)%f.pair != 0 {
		return fmt.Errorf("%d values where %s belong", len(words), f.wanted())
	}
	for _, word := range words {
		valid, err := c.addValue(word)
		if err != nil {
			return err
		}
		c.addItem(valid)
	}
	return c.end(true)
}

func (f *Field) wanted() string {
	if f.Length == Variable {
		return "pairs of numbers"
	}
	return strconv.Itoa(int(f.Length))
}

// addValue adds a value; false if it is null, which is left to the caller.
func (c *Column) addValue(word string) (bool, error) {
	f := c.Field
	if word == "" {
		return false, nil
	}
	if f.Kind == Boolean {
		return c.addTruth(word)
	}
	if f.null != "" && word == f.null {
		return false, nil
	}
	var bits uint64
	var err error
	if f.Kind == Float32 || f.Kind == Float64 {
		bits, err = floatBits(word, f.bytes)
	} else {
		bits, err = integerBits(word, f)
	}
	if err != nil {
		return false, fmt.Errorf("`%s` is no %s", short(word), f.datatype)
	}
	if f.isNull(bits) {
		return false, nil
	}
	c.addBits(bits)
	return true, nil
}

func (c *Column) addTruth(word string) (bool, error) {
	switch strings.ToLower(word) {
	case "t", "1", "true":
		c.Data = append(c.Data, 1)
	case "f", "0", "false":
		c.Data = append(c.Data, 0)
	case "?", " ", "\x00":
		return false, nil
	default:
		return false, fmt.Errorf("`%s` is no boolean", short(word))
	}
	return true, nil
}

func (c *Column) addBits(bits uint64) {
	var bytes [8]byte
	binary.LittleEndian.PutUint64(bytes[:], bits)
	c.Data = append(c.Data, bytes[:c.Field.bytes]...)
}

func floatBits(word string, bytes int) (uint64, error) {
	number, err := strconv.ParseFloat(word, 8*bytes)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, err
	}
	if bytes == 4 {
		return uint64(math.Float32bits(float32(number))), nil
	}
	return math.Float64bits(number), nil
}

func integerBits(word string, f *Field) (uint64, error) {
	digits, base := strings.TrimPrefix(word, "+"), 10
	if hex, is := strings.CutPrefix(strings.ToLower(word), "0x"); is {
		digits, base = hex, 16
	}
	// In hexadecimal, the bits are meant: 0xffff is a short of -1.
	if base == 16 || f.Kind == Uint8 {
		return strconv.ParseUint(digits, base, 8*f.bytes)
	}
	number, err := strconv.ParseInt(digits, base, 8*f.bytes)
	return uint64(number), err
}

// isNull says whether these bits are of the number that stands for null.
func (f *Field) isNull(bits uint64) bool {
	if f.null == "" || f.Kind == Float32 || f.Kind == Float64 {
		return false
	}
	null, err := integerBits(strings.TrimSpace(f.null), f)
	mask := ^uint64(0) >> (64 - 8*f.bytes)
	return err == nil && null&mask == bits&mask
}

func short(word string) string {
	if len(word) <= 40 {
		return word
	}
	return strings.ToValidUTF8(word[:40], "") + "…"
}

// ── BINARY and BINARY2 ──────────────────────────────────────────────────────────────────

// addBinary adds the row that these bytes hold, big-endian. BINARY has no null for numbers with
// a point but NaN.
func (c *Column) addBinary(bytes []byte, nanIsNull bool) error {
	f := c.Field
	if f.Kind == Text {
		return c.addBinaryText(bytes)
	}
	if f.Length == Variable && len(bytes) == 0 {
		// As in TABLEDATA, where an empty list looks like none.
		return c.addNull()
	}
	for start := 0; start < len(bytes); start += f.bytes {
		valid, err := c.addBinaryValue(bytes[start:start+f.bytes], nanIsNull)
		if err != nil {
			return err
		}
		if f.Length == Scalar {
			if !valid {
				c.addZero()
			}
			return c.end(valid)
		}
		c.addItem(valid)
	}
	return c.end(true)
}

func (c *Column) addBinaryValue(bytes []byte, nanIsNull bool) (bool, error) {
	f := c.Field
	if f.Kind == Boolean {
		return c.addTruth(string(bytes))
	}
	var bits uint64
	for _, each := range bytes {
		bits = bits<<8 | uint64(each)
	}
	if f.isNull(bits) || nanIsNull && f.isNaN(bits) {
		return false, nil
	}
	c.addBits(bits)
	return true, nil
}

func (f *Field) isNaN(bits uint64) bool {
	switch f.Kind {
	case Float32:
		return math.IsNaN(float64(math.Float32frombits(uint32(bits))))
	case Float64:
		return math.IsNaN(math.Float64frombits(bits))
	default:
		return false
	}
}

func (c *Column) addBinaryText(bytes []byte) error {
	text := string(bytes)
	if c.Field.bytes == 2 {
		units := make([]uint16, len(bytes)/2)
		for at := range units {
			units[at] = binary.BigEndian.Uint16(bytes[2*at:])
		}
		text = string(utf16.Decode(units))
	}
	// A text shorter than its width ends with zeros.
	text, _, _ = strings.Cut(text, "\x00")
	return c.addText(text)
}
