package logs

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Limits on what is read.
const (
	maxFile    = 4 << 30   // bytes of one log, unpacked
	maxLine    = 1 << 20   // bytes of a line that are looked at
	maxSkip    = 64 << 20  // bytes of a line: what has longer ones is no log
	maxKept    = 2_000_000 // lines about replication, of all files: some 300 bytes each
	maxSources = 10_000    // services of one log
	maxStrange = 1_000_000 // lines at the beginning that no server wrote
)

// entry is a line that says something about replication.
type entry struct {
	Line
	message
	server string // whose log it is, of a master's
}

// server is one server's log, of however many files.
type server struct {
	name    string
	entries []entry
	version string // redis-7.0.15, or "" where no line says

	fromPath bool // its name is that of its file
}

// rotated is what logrotate and Debian add to a name.
var rotated = regexp.MustCompile(`(?:\.\d+|-\d{8}(?:-\d+)?|\.\d{4}-\d\d-\d\d)?(?:\.gz)?$`)

// files reads logs and sorts their lines by server and time.
type files struct {
	servers []*server
	byName  map[string]*server
	kept    int
}

func (f *files) server(name string) *server {
	s := f.byName[name]
	if s == nil {
		s = &server{name: name}
		f.byName[name] = s
		f.servers = append(f.servers, s)
	}
	return s
}

// readFile opens a log, packed or not; "-" is stdin.
func (f *files) readFile(name string, stdin io.Reader) error {
	var in io.Reader = stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		if s, err := file.Stat(); err == nil && s.IsDir() {
			return fmt.Errorf("%s is a folder, not a log", name)
		}
		in = file
	}
	b := bufio.NewReaderSize(in, 1<<16)
	head, _ := b.Peek(6)
	is := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case is("\x1f\x8b"):
		z, err := gzip.NewReader(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b = bufio.NewReaderSize(z, 1<<16)
	case is("BZh"):
		b = bufio.NewReaderSize(bzip2.NewReader(b), 1<<16)
	case is("\xfd7zXZ\x00"), is("\x28\xb5\x2f\xfd"), is("PK\x03\x04"):
		return fmt.Errorf("%s: packed with xz, zstd or zip; unpack it (gzip and bzip2 are read as they are)", name)
	case is("\xff\xfe"), is("\xfe\xff"):
		return fmt.Errorf("%s: a text of UTF-16, as PowerShell's > writes it; save it as UTF-8", name)
	}
	return f.read(name, b)
}

// read takes the lines of one log.
func (f *files) read(name string, in *bufio.Reader) error {
	parts, last := map[string]*server{}, map[string]time.Time{} // by source
	total, known, bytesRead := 0, 0, int64(0)
	first := ""
	for {
		text, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s:%d: %w", name, total+1, err)
		}
		if text == "" && err != nil {
			break
		}
		if total++; total == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		if bytesRead += int64(len(text)); bytesRead > maxFile {
			return fmt.Errorf("%s: more than %d bytes", name, int64(maxFile))
		}
		if first == "" {
			first = strings.TrimSpace(text)
		}
		l, ok := parse(strings.TrimRight(text, "\r\n"))
		switch {
		case ok:
			known++
		case known == 0 && total == maxStrange:
			return noneKnown(name, total, first)
		}
		if !ok {
			continue
		}
		l.File, l.Number = name, total
		says := l.read()
		before, seen := last[l.Source]
		if !seen && len(last) == maxSources {
			return fmt.Errorf("%s:%d: more than %d different words before the lines: of so many services", name, total, maxSources)
		}
		switch {
		case says.kind == started && seen && l.At.After(before):
			says.idle = l.At.Sub(before)
		case !seen || !starting(&l):
			last[l.Source] = l.At
		}
		if says.kind == other {
			continue
		}
		if f.kept++; f.kept > maxKept {
			return fmt.Errorf("%s:%d: more than %d lines about replication; give a shorter time", name, total, maxKept)
		}
		p := parts[l.Source]
		if p == nil {
			key := l.Source
			if key == "" {
				key = rotated.ReplaceAllString(name, "")
			}
			p = f.server(key)
			p.fromPath = l.Source == ""
			parts[l.Source] = p
		}
		l.Text, l.Source = "", "" // they have been read
		p.entries = append(p.entries, entry{Line: l, message: says})
	}
	switch {
	case total == 0:
		return fmt.Errorf("%s is empty", name)
	case known == 0:
		return noneKnown(name, total, first)
	}
	return nil
}

func noneKnown(name string, lines int, first string) error {
	of := fmt.Sprintf("%d lines", lines)
	if lines == maxStrange {
		of = "first " + of
	}
	return fmt.Errorf("%s: none of its %s is one that redis-server or valkey-server logs; the first is %q", name, of, shorten(first))
}

// starting says that a line is one of those that a process begins with, before it
// names its version.
func starting(l *Line) bool {
	return strings.Contains(l.Text, "is starting") || strings.Contains(l.Text, "oO0OoO0OoO0Oo")
}

func readLine(r *bufio.Reader) (string, error) {
	var all []byte
	for n := 0; ; {
		b, err := r.ReadSlice('\n')
		if n += len(b); n > maxSkip {
			return "", fmt.Errorf("a line of more than %d MB: this is no log", maxSkip>>20)
		}
		if len(all) < maxLine {
			all = append(all, b...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(all), err
		}
	}
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}

// order gives years to times that have none and puts every server's lines in
// order: rotated files come as they are named.
func (f *files) order() {
	year := 0
	for _, s := range f.servers {
		for i := range s.entries {
			if s.entries[i].Year {
				year = s.entries[i].At.Year()
			}
		}
	}
	if year == 0 {
		year = 2000 // no log says; the year is not printed
	}
	for _, s := range f.servers {
		s.date(year)
		slices.SortStableFunc(s.entries, func(a, b entry) int { return a.At.Compare(b.At) })
		for i := range s.entries {
			if e := &s.entries[i]; e.kind == started {
				s.version = e.peer + "-" + e.message.text
			}
		}
	}
	slices.SortStableFunc(f.servers, func(a, b *server) int { return cmp.Compare(a.name, b.name) })
}

// names makes the servers' names short: the name of the file, where that is
// enough to tell them apart.
func (f *files) names() {
	seen := map[string]int{}
	for _, s := range f.servers {
		if s.fromPath {
			seen[filepath.Base(s.name)]++
		}
	}
	for _, s := range f.servers {
		if b := filepath.Base(s.name); s.fromPath && seen[b] == 1 {
			s.name = b
		}
	}
}

// date gives years to the lines of one server, file by file: of rotated files
// the one that begins first comes first.
func (s *server) date(year int) {
	byFile := map[string][]int{}
	var names []string
	for i := range s.entries {
		n := s.entries[i].File
		if byFile[n] == nil {
			names = append(names, n)
		}
		byFile[n] = append(byFile[n], i)
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(age(b), age(a)), s.entries[byFile[a][0]].At.Compare(s.entries[byFile[b][0]].At))
	})
	var all []Line
	var where []int
	for _, n := range names {
		for _, i := range byFile[n] {
			all, where = append(all, s.entries[i].Line), append(where, i)
		}
	}
	dates(all, year)
	for k, i := range where {
		s.entries[i].At = all[k].At
	}
}

// age is how often a file was rotated, by its name: log.2.gz is older than log.1,
// and that is older than log. Dates in names say nothing that the lines do not.
func age(name string) int {
	suffix := strings.TrimSuffix(rotated.FindString(name), ".gz")
	if n, ok := strings.CutPrefix(suffix, "."); ok && !strings.Contains(n, "-") {
		return atoi(n)
	}
	return 0
}

// span is the time that a server's lines cover.
func (s *server) span() (first, last time.Time) {
	if len(s.entries) == 0 {
		return first, last
	}
	return s.entries[0].At, s.entries[len(s.entries)-1].At
}
