package votable

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// tableData are rows as TR and TD elements.
type tableData struct {
	document *document
	depth    int
}

func (t *tableData) next(columns []*Column) (bool, error) {
	row, more, err := t.document.child(t.depth)
	if err != nil || !more {
		return false, err
	}
	if row.Name.Local != "TR" {
		return false, fmt.Errorf("a %s where a TR belongs", row.Name.Local)
	}
	depth, count := t.document.depth, 0
	for ; ; count++ {
		cell, more, err := t.document.child(depth)
		if err != nil {
			return false, err
		}
		if !more {
			break
		}
		if cell.Name.Local != "TD" || attribute(cell, "encoding") != "" {
			return false, fmt.Errorf("a %s that is no plain TD", cell.Name.Local)
		}
		if count == len(columns) {
			return false, fmt.Errorf("more cells than the %d fields of the table", len(columns))
		}
		text, err := t.document.text()
		if err != nil {
			return false, err
		}
		if err := columns[count].addCell(text); err != nil {
			return false, fmt.Errorf("column `%s`: %w", columns[count].Field.Name, err)
		}
	}
	if count < len(columns) {
		return false, fmt.Errorf("%d cells, but the table has %d fields", count, len(columns))
	}
	return true, nil
}

// binaryRows are rows as bytes in base64.
type binaryRows struct {
	stream   io.Reader
	hasNulls bool // BINARY2: each row begins with a bitmap of what is null
	buffer   []byte
}

func newBinary(document *bufio.Reader, hasNulls bool, fields []Field) (*binaryRows, error) {
	isEmpty := func(field Field) bool { return field.Length == 0 || field.Kind == Text && field.width == 0 }
	if !hasNulls && !slices.ContainsFunc(fields, func(field Field) bool { return !isEmpty(field) }) {
		return nil, errors.New("rows without a byte cannot be counted")
	}
	// What lies between here and the next tag is read without XML, which would take it as a
	// single text.
	decoder := base64.NewDecoder(base64.StdEncoding, &untilTag{document})
	return &binaryRows{stream: bufio.NewReaderSize(decoder, 1<<16), hasNulls: hasNulls}, nil
}

// untilTag reads up to the next tag, which it leaves, without the blanks.
type untilTag struct{ document *bufio.Reader }

func (u *untilTag) Read(into []byte) (int, error) {
	count := 0
	for count < len(into) {
		next, err := u.document.ReadByte()
		if err != nil {
			return count, ended(err)
		}
		switch next {
		case '<':
			if err := u.document.UnreadByte(); err != nil {
				return count, err
			}
			return count, io.EOF
		case ' ', '\t', '\r', '\n':
		default:
			into[count] = next
			count++
		}
	}
	return count, nil
}

func (b *binaryRows) next(columns []*Column) (bool, error) {
	var nulls []byte
	if b.hasNulls {
		bytes, err := b.take((len(columns) + 7) / 8)
		if err != nil {
			return false, atEnd(err)
		}
		nulls = append(nulls, bytes...)
	}
	for at, column := range columns {
		bytes, err := b.cell(column.Field)
		if at == 0 && !b.hasNulls && err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("column `%s`: %w", column.Field.Name, cut(err))
		}
		if nulls != nil && nulls[at/8]&(0x80>>(at%8)) != 0 {
			err = column.addNull()
		} else {
			err = column.addBinary(bytes, !b.hasNulls)
		}
		if err != nil {
			return false, fmt.Errorf("column `%s`: %w", column.Field.Name, err)
		}
	}
	return len(columns) > 0, nil
}

// cell gives the bytes of a value of the field, good until the next one is taken.
func (b *binaryRows) cell(field *Field) ([]byte, error) {
	size := field.bytes
	switch {
	case field.Kind == Text && field.width >= 0:
		size *= field.width
	case field.Kind == Text || field.Length == Variable:
		head, err := b.take(4)
		if err != nil {
			return nil, err
		}
		count := uint64(binary.BigEndian.Uint32(head)) * uint64(field.pair)
		if count*uint64(field.bytes) > maxCell {
			return nil, fmt.Errorf("%d values in one cell are more than %d MiB", count, maxCell>>20)
		}
		size *= int(count)
		bytes, err := b.take(size)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return bytes, err
	case field.Length >= 0:
		size *= int(field.Length)
	}
	return b.take(size)
}

// take gives so many bytes; [io.EOF] if there are none, as long as any were asked for.
func (b *binaryRows) take(size int) ([]byte, error) {
	// A length is believed only as far as there are bytes.
	if size <= cap(b.buffer) {
		b.buffer = b.buffer[:size]
		_, err := io.ReadFull(b.stream, b.buffer)
		return b.buffer, err
	}
	const step = 1 << 20
	b.buffer = b.buffer[:0]
	for len(b.buffer) < size {
		start := len(b.buffer)
		b.buffer = append(b.buffer, make([]byte, min(step, size-start))...)
		if _, err := io.ReadFull(b.stream, b.buffer[start:]); err != nil {
			if start > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b.buffer, nil
}

// atEnd is no error where the stream ends between rows.
func atEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return cut(err)
}

func cut(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the stream ends within the row")
	}
	if base64Error := base64.CorruptInputError(0); errors.As(err, &base64Error) {
		return fmt.Errorf("the stream is not base64: %w", err)
	}
	return err
}
