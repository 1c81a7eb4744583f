//go:build unix

package results

import (
	"errors"
	"os"
	"syscall"
)

// syncFolder puts the names in a folder on the disk. File systems that know no such thing
// (some over a network) are taken for what they are.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
