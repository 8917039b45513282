//go:build !linux && !darwin

package hostinfo

// pathFacts knows only the path here; everything else stays unknown.
func pathFacts(dir string) (PathFacts, error) {
	abs, err := realPath(dir)
	if err != nil {
		return PathFacts{Path: dir}, err
	}
	return PathFacts{Path: abs}, nil
}

func kernelRelease() string { return "" }
