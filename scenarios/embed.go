package scenarios

import (
	"embed"
	"errors"
	"path"
	"strings"
)

//go:embed embedded/*.yaml
var embedded embed.FS

// Entry is one scenario that comes with the program.
type Entry struct{ Name, Question string }

// Embedded lists the scenarios that come with the program, by name.
func Embedded() []Entry {
	files, err := embedded.ReadDir("embedded")
	if err != nil {
		panic("scenarios: " + err.Error())
	}
	var list []Entry
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".yaml")
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
	data, err := embedded.ReadFile("embedded/" + name + ".yaml")
	if err != nil || strings.ContainsAny(name, "/\\") {
		return nil, errors.New("there is no embedded scenario " + shorten(name) + "; " + oneOf(name, embeddedNames()))
	}
	return data, nil
}

func embeddedNames() (names []string) {
	files, _ := embedded.ReadDir("embedded")
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	return
}

// OpenEmbedded reads a scenario that comes with the program.
func OpenEmbedded(name string, sets []string) (*Scenario, error) {
	data, err := EmbeddedSource(name)
	if err != nil {
		return nil, &Problems{List: []Problem{{File: name, Want: err.Error()}}}
	}
	return Load(name+".yaml", data, func(p string) ([]byte, error) {
		return embedded.ReadFile(path.Join("embedded", p))
	}, sets)
}
