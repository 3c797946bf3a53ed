package skyloom

// Who holds the data: the host in a component, memory in a test.

// wireColumn is one array of the contract's column.
type wireColumn struct {
	rows     uint64
	validity []byte // nil when nothing is null
	buffers  [][]byte
}

type table interface {
	next() (rows, error)
	rewind()
	rows() uint64
}

type rows interface {
	count() int
	column(index int) ([]wireColumn, error)
}

type sink interface {
	put(columns []wireColumn) error
	derive(from rows, keep []byte, columns []wireColumn) error
	cut() error
}

type file interface {
	name() string
	size() uint64
	read(offset uint64, length uint32) ([]byte, error)
}

type listener interface {
	log(level int32, message string)
	progress(done, total uint64)
}

// host is who listens.
var host listener = nobody{}

type nobody struct{}

func (nobody) log(int32, string)       {}
func (nobody) progress(uint64, uint64) {}
