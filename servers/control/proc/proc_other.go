//go:build !linux

package proc

// Tree is not offered here.
func Tree(int) ([]int, error) { return nil, ErrUnsupported }

// Job is not offered here.
func Job(int) ([]int, error) { return nil, ErrUnsupported }

// Descends is not offered here.
func Descends(int, int) bool { return false }

// Alive is not offered here.
func Alive(int) bool { return false }

// Describe is not offered here.
func Describe(int) string { return "" }

// Children is not offered here.
func Children(int) ([]int, error) { return nil, ErrUnsupported }

// Executed is not offered here.
func Executed(int) bool { return false }

// Inner is not offered here.
func Inner(int) (int, error) { return 0, ErrUnsupported }

// Zombies is not offered here.
func Zombies([]int) ([]int, error) { return nil, ErrUnsupported }

// ListenerOwners is not offered here.
func ListenerOwners(int, []int) (Owners, error) { return Owners{}, ErrUnsupported }

// Runs is not offered here.
func Runs(int) bool { return false }

// Threads is not offered here.
func Threads(int) ([]Status, error) { return nil, ErrUnsupported }

// Session is not offered here.
func Session(int) (session, terminal int, err error) { return 0, 0, ErrUnsupported }

// Image is not offered here.
func Image(int) (string, error) { return "", ErrUnsupported }

// ListenerInodes is not offered here.
func ListenerInodes(int) ([]string, error) { return nil, ErrUnsupported }

func marks() (map[int]Mark, error) { return nil, ErrUnsupported }

func started(int) (uint64, error) { return 0, ErrUnsupported }

func pidNamespace() uint64 { return 0 }
