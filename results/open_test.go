package results

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder without results says what it lacks: that it is not there at all, that its run has
// not ended, or that it is another one.
func TestOpenNothing(t *testing.T) {
	dir := t.TempDir()
	begun := filepath.Join(dir, "begun")
	if err := os.MkdirAll(filepath.Join(begun, Unfinished), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "nowhere"): "nowhere: no such folder",
		begun:                         "begun holds a run that has not ended: there is no summary.json yet (psyncsim run --resume",
		dir:                           " holds no results: there is no summary.json",
	} {
		_, err := Open(name)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
