package observe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// File is a file that is whole at every moment: what cannot be written whole
// is taken out again.
type File struct {
	f    *os.File
	size int64
}

// Create makes a file that does not exist yet: hours of samples are not
// overwritten.
func Create(name string) (*File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already and is not overwritten; name another file, or remove it", name)
	}
	if err != nil {
		return nil, err
	}
	return &File{f: f}, nil
}

// Write writes b whole or not at all.
func (f *File) Write(b []byte) (int, error) {
	n, err := f.f.Write(b)
	if err != nil {
		if n > 0 {
			_ = f.f.Truncate(f.size) // the error that counts is the write's
		}
		return 0, err
	}
	f.size += int64(n)
	return n, nil
}

// Close puts the rows on the disk.
func (f *File) Close() error { return errors.Join(f.f.Sync(), f.f.Close()) }

// Remove takes the file away: nothing was learned.
func (f *File) Remove() error { return errors.Join(f.f.Close(), os.Remove(f.f.Name())) }
