// Package skyloom is for Skyloom plugins in Go.
//
// A plugin is a [Plugin]: a [Descriptor] that says what it is, Bind, which says which columns
// it reads and types its outputs, and Map, which makes the new columns of one batch, row for
// row, or Run, for anything else. [Export] in an init function makes it the component's
// export:
//
//	func init() {
//		skyloom.Export(skyloom.Plugin[Params]{Descriptor: descriptor, Bind: bind, Map: makeColumns})
//	}
//
// Columns are slices over the memory that the host handed over, which the collector keeps as
// long as anything points into it. Errors are Go errors; those of this package say which
// parameter or column is wrong, any other arrives as it reads. A panic arrives as its message.
package skyloom

// A Role is what a plugin is for: a promise that the conformance kit checks.
type Role uint8

// The roles, in the contract's order.
const (
	Ingester Role = iota
	FeatureExtractor
	Transformer
	Selector
	Trainer
	Classifier
	Calibrator
	Evaluator
	Explainer
	Simulator
	Monitor
)

// A Scope is how a node's input is cut.
type Scope uint8

const (
	// Partition is for rows that are independent given their partition: one run for each.
	Partition Scope = iota
	// Whole is for runs over all partitions, as many as [Bind.SetPieces] asked for.
	Whole
)

// A PortKind is what travels through a port.
type PortKind uint8

const (
	// TablePort carries batches.
	TablePort PortKind = iota
	// WholeTablePort carries batches of all partitions in any scope: a model, say.
	WholeTablePort
	// BlobPort carries a file as it lies on disk.
	BlobPort
)

// A Port is an input or an output.
type Port struct {
	Name        string
	Kind        PortKind
	Optional    bool
	Description string
}

// A Descriptor is all that a host must know before it binds.
type Descriptor struct {
	// Name is that of the plugin's folder.
	Name string
	// Version is a semantic version.
	Version     string
	Description string
	Role        Role
	Scope       Scope
	Inputs      []Port
	Outputs     []Port
	// Citations are references for the method, as DOIs or bibcodes.
	Citations []string
}

// A Plugin with parameters of type P, a struct whose fields are tagged as [Schema] says.
type Plugin[P any] struct {
	Descriptor Descriptor
	// Bind declares which columns will be read and types the outputs, before data move.
	Bind func(params P, bind *Bind) error
	// Map gives the columns of the first output that Bind declared as new, in that order, one
	// value for each row of a batch of the first input.
	Map func(params P, batch *Batch) ([]Column, error)
	// Run, in place of Map, does the whole work.
	Run func(params P, task *Task) error
}

// plugin is a [Plugin] whatever its parameters are.
type plugin struct {
	descriptor Descriptor
	schema     string
	bind       func(params string, bind *Bind) error
	run        func(params string, task *Task) error
}

var exported *plugin

// Export makes p the component's export. Call it once, in an init function.
func Export[P any](p Plugin[P]) {
	exported = &plugin{
		descriptor: p.Descriptor,
		schema:     Schema[P](),
		bind: func(text string, bind *Bind) error {
			params, err := parse[P](text)
			if err != nil {
				return err
			}
			return p.Bind(params, bind)
		},
		run: func(text string, task *Task) error {
			params, err := parse[P](text)
			switch {
			case err != nil:
				return err
			case p.Run != nil:
				return p.Run(params, task)
			case p.Map == nil:
				return Failed("this plugin has neither Map nor Run")
			}
			return mapAll(task, func(batch *Batch) ([]Column, error) { return p.Map(params, batch) })
		},
	}
}

func mapAll(task *Task, columns func(*Batch) ([]Column, error)) error {
	if len(task.inputs) == 0 || task.inputs[0].reader == nil || len(task.writers) == 0 {
		return Failed("Map needs a table as first input, and an output")
	}
	reader, writer := task.inputs[0].reader, task.writers[0]
	for {
		batch, err := reader.Next()
		if err != nil || batch == nil {
			return err
		}
		made, err := columns(batch)
		if err != nil {
			return err
		}
		if err := writer.Derive(batch, made...); err != nil {
			return err
		}
	}
}

// A Task is what one run is given: its inputs, its outputs, and which piece of the work it is.
type Task struct {
	inputs       []taskInput
	writers      []*Writer
	index, count uint32
}

type taskInput struct {
	port   string
	reader *Reader
	blob   *Blob
}

// IsConnected says whether anything is connected to input port.
func (t *Task) IsConnected(port string) bool {
	for _, input := range t.inputs {
		if input.port == port {
			return true
		}
	}
	return false
}

// Input is the table on input port.
func (t *Task) Input(port string) (*Reader, error) {
	for _, input := range t.inputs {
		if input.port == port && input.reader != nil {
			return input.reader, nil
		}
	}
	return nil, Failed("no table on input `%s`", port)
}

// Blob is the file on input port.
func (t *Task) Blob(port string) (*Blob, error) {
	for _, input := range t.inputs {
		if input.port == port && input.blob != nil {
			return input.blob, nil
		}
	}
	return nil, Failed("no file on input `%s`", port)
}

// Output is the table to write on output port.
func (t *Task) Output(port string) (*Writer, error) {
	for _, writer := range t.writers {
		if writer.port == port {
			return writer, nil
		}
	}
	return nil, Failed("no output `%s`", port)
}

// Piece says which of the pieces that Bind asked for this is.
func (t *Task) Piece() (index, count uint32) { return t.index, t.count }

// Warn tells the user; kept in the run record.
func Warn(message string) { host.log(2, message) }

// Info is for those who look closely; kept in the run record.
func Info(message string) { host.log(1, message) }

// Progress says how far this run is, in whatever it counts; total is 0 when not known.
func Progress(done, total uint64) { host.progress(done, total) }
