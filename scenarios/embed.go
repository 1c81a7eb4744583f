package scenarios

import (
	"embed"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed embedded/*.yaml incidents/*.yaml peers/*.yaml
var embedded embed.FS

// folders are where the embedded scenarios lie. Those in the first go by their
// plain names, the others as "incidents/NAME".
var folders = []string{"embedded", "incidents", "peers"}

// fileOf is where an embedded scenario lies.
func fileOf(name string) string {
	if !strings.Contains(name, "/") {
		name = folders[0] + "/" + name
	}
	return name + ".yaml"
}

// Entry is one scenario that comes with the program.
type Entry struct{ Name, Question string }

// Embedded lists the scenarios that come with the program: those about the rule
// and the basics, then incidents and the servers' own tests, each by name.
func Embedded() []Entry {
	var list []Entry
	for _, name := range embeddedNames() {
		s, err := OpenEmbedded(name, nil)
		if err != nil {
			continue // its version is not modelled yet; a test names those
		}
		list = append(list, Entry{Name: name, Question: s.Question})
	}
	return list
}

// EmbeddedSource is the text of an embedded scenario.
func EmbeddedSource(name string) ([]byte, error) {
	if !slices.Contains(embeddedNames(), name) {
		return nil, errors.New("there is no embedded scenario " + shorten(name) + "; " + oneOf(name, embeddedNames()))
	}
	return embedded.ReadFile(fileOf(name))
}

func embeddedNames() (names []string) {
	for i, folder := range folders {
		files, err := embedded.ReadDir(folder)
		if err != nil {
			panic("scenarios: " + err.Error())
		}
		for _, f := range files {
			name := strings.TrimSuffix(f.Name(), ".yaml")
			if i > 0 {
				name = folder + "/" + name
			}
			names = append(names, name)
		}
	}
	return names
}

// OpenEmbedded reads a scenario that comes with the program. Files that its text
// names come with the program too; those that sets name are the user's.
func OpenEmbedded(name string, sets []string) (*Scenario, error) {
	data, err := EmbeddedSource(name)
	if err != nil {
		return nil, &Problems{List: []Problem{{File: name, Want: err.Error()}}}
	}
	return Load(name+".yaml", data, func(p string) ([]byte, error) {
		data, err := embedded.ReadFile(path.Join(path.Dir(fileOf(name)), p))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
			return readCapped(filepath.FromSlash(p), maxTrace)
		}
		return data, err
	}, sets)
}
