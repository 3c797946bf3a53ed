//go:build !wasm

package skyloom

var errNoKernels = Failed("the host's kernels are only there in a component")

func (Grid) laidOut() wireFrequencies       { return wireFrequencies{} }
func (Resolution) laidOut() wireFrequencies { return wireFrequencies{} }

func search(method, Curves, Frequencies, [3]uint32) (Peaks, error) { return Peaks{}, errNoKernels }

func phaseFold([]float64, float64, float64) ([]float64, error) { return nil, errNoKernels }

func pairwiseHistogram(Curves, []float64, []float64) ([]uint32, error) { return nil, errNoKernels }

func nearest([]float64, []float64, uint32, uint32) ([]uint32, []float64, error) {
	return nil, nil, errNoKernels
}

func pack(Trees) (Forest, error) { return Forest{}, errNoKernels }

func (Forest) predict([]float64) ([]float64, error) { return nil, errNoKernels }
func (Forest) shap([]float64) ([]float64, error)    { return nil, errNoKernels }
