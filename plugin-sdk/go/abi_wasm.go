package skyloom

// The contract skyloom:plugin@0.1.0 as the component model's canonical ABI lays it out: the
// host's functions, the records in memory, the exports.

import (
	"runtime"
	"slices"
	"strings"
	"structs"
	"unsafe"
)

// ── The host's functions ────────────────────────────────────────────────────────────────

//go:wasmimport skyloom:plugin/data@0.1.0 [method]reader.fields
func hostReaderFields(reader uint32, fields unsafe.Pointer)

//go:wasmimport skyloom:plugin/data@0.1.0 [method]reader.rows
func hostReaderRows(reader uint32) uint64

//go:wasmimport skyloom:plugin/data@0.1.0 [method]reader.next
func hostReaderNext(reader uint32, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/data@0.1.0 [method]reader.rewind
func hostReaderRewind(reader uint32)

//go:wasmimport skyloom:plugin/data@0.1.0 [method]batch.rows
func hostBatchRows(batch uint32) uint64

//go:wasmimport skyloom:plugin/data@0.1.0 [method]batch.column
func hostBatchColumn(batch, index uint32, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/data@0.1.0 [resource-drop]batch
func hostBatchDrop(batch uint32)

//go:wasmimport skyloom:plugin/data@0.1.0 [method]writer.fields
func hostWriterFields(writer uint32, fields unsafe.Pointer)

//go:wasmimport skyloom:plugin/data@0.1.0 [method]writer.put
func hostWriterPut(writer, columns, count uint32, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/data@0.1.0 [method]writer.derive
func hostWriterDerive(writer, batch, hasKeep, keep, keepLength, columns, count uint32, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/data@0.1.0 [method]writer.cut
func hostWriterCut(writer uint32, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/data@0.1.0 [method]blob.name
func hostBlobName(blob uint32, name unsafe.Pointer)

//go:wasmimport skyloom:plugin/data@0.1.0 [method]blob.size
func hostBlobSize(blob uint32) uint64

//go:wasmimport skyloom:plugin/data@0.1.0 [method]blob.read
func hostBlobRead(blob uint32, offset uint64, length uint32, result unsafe.Pointer)

//go:wasmimport skyloom:plugin/log@0.1.0 log
func hostLog(level int32, text, length uint32)

//go:wasmimport skyloom:plugin/log@0.1.0 progress
func hostProgress(done, total uint64)

// ── Memory ──────────────────────────────────────────────────────────────────────────────

// handed is the memory that the host asked for and wrote, kept from the collector until the
// answer it belongs to has been taken apart: from then on, slices point into it.
var handed [][]uint64

//go:wasmexport cabi_realloc
func reallocate(old, oldSize, align, size uint32) uint32 {
	if size == 0 {
		return align
	}
	// In words of eight bytes, so that numbers can be used where they lie.
	block := make([]uint64, (uint64(size)+7)/8)
	if old != 0 {
		copy(Bytes(block), unsafe.Slice((*byte)(at(old)), min(oldSize, size)))
	}
	handed = append(handed, block)
	return address(unsafe.Pointer(unsafe.SliceData(block)))
}

// letGo leaves to the collector what nothing else points to.
func letGo() {
	clear(handed)
	handed = handed[:0]
}

func address(pointer unsafe.Pointer) uint32 { return uint32(uintptr(pointer)) }

// at points to memory that something else keeps.
func at(address uint32) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), address) }

// A lowering is memory that the host reads, kept from the collector until it has.
type lowering struct{ keep []any }

// text is UTF-8 whatever it was, for the host takes no other.
func (l *lowering) text(text string) wireText {
	text = strings.ToValidUTF8(text, "\uFFFD")
	l.keep = append(l.keep, unsafe.StringData(text))
	return wireText{address(unsafe.Pointer(unsafe.StringData(text))), uint32(len(text))}
}

func (l *lowering) bytes(bytes []byte) wireText {
	l.keep = append(l.keep, unsafe.SliceData(bytes))
	return wireText{address(unsafe.Pointer(unsafe.SliceData(bytes))), uint32(len(bytes))}
}

func list[T any](l *lowering, items []T) wireList {
	l.keep = append(l.keep, unsafe.SliceData(items))
	return wireList{address(unsafe.Pointer(unsafe.SliceData(items))), uint32(len(items))}
}

// ── Records ─────────────────────────────────────────────────────────────────────────────

type wireText struct{ at, length uint32 }

// string copies, so that what the host wrote can go.
func (t wireText) string() string { return string(t.view()) }

// view is the memory itself.
func (t wireText) view() []byte {
	if t.length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(at(t.at)), t.length)
}

type wireList struct{ at, count uint32 }

func items[T any](list wireList) []T {
	if list.count == 0 {
		return nil
	}
	return unsafe.Slice((*T)(at(list.at)), list.count)
}

type wirePair struct{ key, value wireText }

type wireField struct {
	_                    structs.HostLayout
	name, format         wireText
	nullable, dictionary bool
	metadata             wireList
	children             uint32
}

type wireArray struct {
	_        structs.HostLayout
	rows     uint64
	some     bool
	validity wireText
	buffers  wireList
	_        uint32
}

type wirePort struct {
	_           structs.HostLayout
	name        wireText
	kind        PortKind
	optional    bool
	description wireText
}

type wireDescriptor struct {
	_                          structs.HostLayout
	name, version, description wireText
	role                       Role
	scope                      Scope
	inputs, outputs            wireList
	params                     wireText
	citations                  wireList
}

type wireRead struct {
	_             structs.HostLayout
	input, column uint32
	purpose       Purpose
}

type wireSchema struct{ fields, passed wireList }

type wireBinding struct {
	outputs, reads wireList
	pieces         uint32
}

type wireBoundInput struct {
	_      structs.HostLayout
	port   wireText
	isBlob bool
	fields wireList // of a file, its handle in place of the address
}

type wireInput struct {
	_      structs.HostLayout
	port   wireText
	isBlob bool
	handle uint32
}

// An answer is the contract's result: the thing, or the error, in the same place.
type answer struct {
	_      structs.HostLayout
	failed bool
	body   [12]uint32
}

// wireColumnError is how plugin-error lies in an answer: its kind, then this.
type wireColumnError struct {
	_               structs.HostLayout
	input, column   wireText
	some            bool
	param           wireText
	expected, found wireText
}

// refusal is the host's io-error as an error, in its own words.
func (a *answer) refusal() error {
	if !a.failed {
		return nil
	}
	return Failed("%s", wireText{a.body[1], a.body[2]}.string())
}

// ── Schemas ─────────────────────────────────────────────────────────────────────────────

func liftFields(list wireList) []Field {
	flat := items[wireField](list)
	var fields []Field
	for len(flat) > 0 {
		var field Field
		field, flat = takeField(flat)
		fields = append(fields, field)
	}
	return fields
}

// takeField makes the field that comes first in flat, and gives what is left.
func takeField(flat []wireField) (Field, []wireField) {
	head, flat := flat[0], flat[1:]
	field := Field{Name: head.name.string(), Format: head.format.string(), Nullable: head.nullable}
	for _, pair := range items[wirePair](head.metadata) {
		if field.Metadata == nil {
			field.Metadata = map[string]string{}
		}
		field.Metadata[pair.key.string()] = pair.value.string()
	}
	for range head.children {
		var child Field
		child, flat = takeField(flat)
		field.Children = append(field.Children, child)
	}
	if head.dictionary {
		field.Dictionary, field.Children = &field.Children[0], nil
	}
	return field, flat
}

func lowerFields(l *lowering, fields []Field) []wireField {
	var flat []wireField
	for _, field := range fields {
		children := field.Children
		if field.Dictionary != nil {
			children = []Field{*field.Dictionary}
		}
		var pairs []wirePair
		for key, value := range field.Metadata {
			pairs = append(pairs, wirePair{l.text(key), l.text(value)})
		}
		// A map has no order of its own.
		slices.SortFunc(pairs, func(a, b wirePair) int {
			return slices.Compare(a.key.view(), b.key.view())
		})
		flat = append(flat, wireField{
			name: l.text(field.Name), format: l.text(field.Format), nullable: field.Nullable,
			dictionary: field.Dictionary != nil, metadata: list(l, pairs),
			children: uint32(len(children)),
		})
		flat = append(flat, lowerFields(l, children)...)
	}
	return flat
}

// ── The host's data ─────────────────────────────────────────────────────────────────────

type hostTable struct {
	handle uint32
	last   *hostRows
}

func (t *hostTable) rows() uint64 { return hostReaderRows(t.handle) }

func (t *hostTable) rewind() {
	t.drop()
	hostReaderRewind(t.handle)
}

func (t *hostTable) drop() {
	if t.last != nil {
		hostBatchDrop(t.last.handle)
		t.last = nil
	}
}

func (t *hostTable) next() (rows, error) {
	t.drop()
	result := new(answer)
	hostReaderNext(t.handle, unsafe.Pointer(result))
	if err := result.refusal(); err != nil {
		letGo()
		return nil, err
	}
	if result.body[0]&0xff == 0 {
		return nil, nil
	}
	handle := result.body[1]
	t.last = &hostRows{handle, int(hostBatchRows(handle))}
	return t.last, nil
}

type hostRows struct {
	handle uint32
	rows   int
}

func (r *hostRows) count() int { return r.rows }

func (r *hostRows) column(index int) ([]wireColumn, error) {
	defer letGo()
	result := new(answer)
	hostBatchColumn(r.handle, uint32(index), unsafe.Pointer(result))
	if err := result.refusal(); err != nil {
		return nil, err
	}
	var columns []wireColumn
	for _, array := range items[wireArray](wireList{result.body[0], result.body[1]}) {
		column := wireColumn{rows: array.rows}
		if array.some {
			column.validity = array.validity.view()
		}
		for _, buffer := range items[wireText](array.buffers) {
			column.buffers = append(column.buffers, buffer.view())
		}
		columns = append(columns, column)
	}
	return columns, nil
}

type hostSink struct{ handle uint32 }

func lowerColumns(l *lowering, columns []wireColumn) wireList {
	arrays := make([]wireArray, len(columns))
	for at, column := range columns {
		buffers := make([]wireText, len(column.buffers))
		for index, buffer := range column.buffers {
			buffers[index] = l.bytes(buffer)
		}
		arrays[at] = wireArray{rows: column.rows, some: column.validity != nil,
			validity: l.bytes(column.validity), buffers: list(l, buffers)}
	}
	return list(l, arrays)
}

func (s hostSink) put(columns []wireColumn) error {
	l, result := new(lowering), new(answer)
	flat := lowerColumns(l, columns)
	hostWriterPut(s.handle, flat.at, flat.count, unsafe.Pointer(result))
	runtime.KeepAlive(l)
	defer letGo()
	return result.refusal()
}

func (s hostSink) derive(from rows, keep []byte, columns []wireColumn) error {
	source, ours := from.(*hostRows)
	if !ours {
		return Failed("batch of another run")
	}
	l, result := new(lowering), new(answer)
	flat, kept, hasKeep := lowerColumns(l, columns), l.bytes(keep), uint32(0)
	if keep != nil {
		hasKeep = 1
	}
	hostWriterDerive(s.handle, source.handle, hasKeep, kept.at, kept.length, flat.at, flat.count,
		unsafe.Pointer(result))
	runtime.KeepAlive(l)
	defer letGo()
	return result.refusal()
}

func (s hostSink) cut() error {
	result := new(answer)
	hostWriterCut(s.handle, unsafe.Pointer(result))
	defer letGo()
	return result.refusal()
}

type hostFile struct{ handle uint32 }

func (f hostFile) name() string {
	defer letGo()
	name := new(wireText)
	hostBlobName(f.handle, unsafe.Pointer(name))
	return name.string()
}

func (f hostFile) size() uint64 { return hostBlobSize(f.handle) }

func (f hostFile) read(offset uint64, length uint32) ([]byte, error) {
	defer letGo()
	result := new(answer)
	hostBlobRead(f.handle, offset, length, unsafe.Pointer(result))
	if err := result.refusal(); err != nil {
		return nil, err
	}
	return wireText{result.body[0], result.body[1]}.view(), nil
}

type component struct{}

func (component) log(level int32, message string) {
	l := new(lowering)
	text := l.text(message)
	hostLog(level, text.at, text.length)
	runtime.KeepAlive(l)
}

func (component) progress(done, total uint64) { hostProgress(done, total) }

func init() { host = component{} }

// ── Exports ─────────────────────────────────────────────────────────────────────────────

// given is the memory of the last answer, which the host reads after the call.
var given struct {
	lowering lowering
	answer   any
}

//go:wasmexport skyloom:plugin/node@0.1.0#describe
func exportDescribe() unsafe.Pointer {
	l, said := &given.lowering, exported.descriptor
	ports := func(ports []Port) wireList {
		var flat []wirePort
		for _, port := range ports {
			flat = append(flat, wirePort{name: l.text(port.Name), kind: port.Kind,
				optional: port.Optional, description: l.text(port.Description)})
		}
		return list(l, flat)
	}
	var citations []wireText
	for _, citation := range said.Citations {
		citations = append(citations, l.text(citation))
	}
	descriptor := &wireDescriptor{
		name: l.text(said.Name), version: l.text(said.Version), description: l.text(said.Description),
		role: said.Role, scope: said.Scope, inputs: ports(said.Inputs), outputs: ports(said.Outputs),
		params: l.text(exported.schema), citations: list(l, citations),
	}
	given.answer = descriptor
	return unsafe.Pointer(descriptor)
}

// try calls; a panic is an error with its message.
func try(call func() error) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = Failed("it panicked: %v", panicked)
		}
	}()
	return call()
}

func lowerError(result *answer, err error) {
	l, said := &given.lowering, told(err)
	result.failed = true
	result.body[0] = uint32(said.Kind)
	payload := unsafe.Pointer(&result.body[1])
	switch said.Kind {
	case ParamKind:
		*(*[2]wireText)(payload) = [2]wireText{l.text(said.Param), l.text(said.Message)}
	case MissingColumnKind, WrongTypeKind, WrongUnitKind:
		*(*wireColumnError)(payload) = wireColumnError{
			input: l.text(said.Input), column: l.text(said.Column), some: said.Param != "",
			param: l.text(said.Param), expected: l.text(said.Expected), found: l.text(said.Found),
		}
	default:
		*(*wireText)(payload) = l.text(said.Message)
	}
}

//go:wasmexport skyloom:plugin/node@0.1.0#bind
func exportBind(params, length, inputs, count uint32) unsafe.Pointer {
	var bound []boundInput
	for _, input := range items[wireBoundInput](wireList{inputs, count}) {
		made := boundInput{port: input.port.string()}
		if input.isBlob {
			made.blob = &Blob{hostFile{input.fields.at}}
		} else {
			made.fields = liftFields(input.fields)
		}
		bound = append(bound, made)
	}
	text := wireText{params, length}.string()
	letGo()
	bind := newBind(exported.descriptor, bound)
	result := new(answer)
	given.answer = result
	if err := try(func() error { return exported.bind(text, bind) }); err != nil {
		lowerError(result, err)
		return unsafe.Pointer(result)
	}
	l := &given.lowering
	var outputs []wireSchema
	for _, output := range bind.outputs {
		outputs = append(outputs, wireSchema{list(l, lowerFields(l, output.fields)), list(l, output.passed)})
	}
	var reads []wireRead
	for _, read := range bind.reads {
		reads = append(reads, wireRead{input: read.input, column: read.column, purpose: read.purpose})
	}
	*(*wireBinding)(unsafe.Pointer(&result.body)) = wireBinding{list(l, outputs), list(l, reads), bind.pieces}
	return unsafe.Pointer(result)
}

//go:wasmexport skyloom:plugin/node@0.1.0#run
func exportRun(params, length, index, pieces, inputs, count, outputs, outputCount uint32) unsafe.Pointer {
	task := &Task{index: index, count: pieces}
	for _, input := range items[wireInput](wireList{inputs, count}) {
		made := taskInput{port: input.port.string()}
		if input.isBlob {
			made.blob = &Blob{hostFile{input.handle}}
		} else {
			fields := new(wireList)
			hostReaderFields(input.handle, unsafe.Pointer(fields))
			made.reader = &Reader{made.port, liftFields(*fields), &hostTable{handle: input.handle}}
		}
		task.inputs = append(task.inputs, made)
	}
	for at, handle := range items[uint32](wireList{outputs, outputCount}) {
		fields := new(wireList)
		hostWriterFields(handle, unsafe.Pointer(fields))
		port := exported.descriptor.Outputs[at].Name
		task.writers = append(task.writers, &Writer{port, liftFields(*fields), hostSink{handle}})
	}
	text := wireText{params, length}.string()
	letGo()
	result := new(answer)
	given.answer = result
	if err := try(func() error { return exported.run(text, task) }); err != nil {
		lowerError(result, err)
	}
	return unsafe.Pointer(result)
}
