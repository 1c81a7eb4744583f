package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"psyncsim/results"
	"psyncsim/scenarios"
)

// planned is one cell as a line of JSON. It names everything that decides its
// row, so that any machine with this version of the program can run it.
type planned struct {
	Scenario string          `json:"scenario"`         // a file, or the name of an embedded one
	Text     string          `json:"text,omitempty"`   // the scenario itself (plan --inline): no file is read
	Set      []string        `json:"set,omitempty"`    // as --set
	Seeds    string          `json:"seeds,omitempty"`  // as --seeds
	Inputs   string          `json:"inputs,omitempty"` // fingerprint of scenario, settings, seeds and program
	Cell     *int            `json:"cell"`
	Point    json.RawMessage `json:"point,omitempty"` // for the reader; if it is there it must be the cell's
	Seed     *uint64         `json:"seed,omitempty"`  // another one than planned may be asked for
}

func planCommand(c *commands) *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "print the cells of a sweep as NDJSON, for psyncsim run -", ArgsUsage: "[FILE|NAME]", Action: c.plan,
		Flags: append(selectFlags(),
			&cli.StringFlag{Name: "shard", Usage: "print only part `I/N` of the cells, as run --shard would run them"},
			&cli.BoolFlag{Name: "inline", Usage: "put the scenario's text into every cell, so that no file is needed where it runs"}),
	}
}

func (c *commands) plan(x *cli.Context) error {
	name := defaultScenario
	switch x.NArg() {
	case 0:
	case 1:
		name = x.Args().First()
	default:
		return usage("plan takes one scenario")
	}
	sets, seeds, err := selection(x)
	if err != nil {
		return err
	}
	s, err := open(name, sets)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	cells, err := s.Cells(seeds)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	head := planned{Scenario: name, Set: sets, Inputs: inputs(s, cells)}
	if seeds.Given {
		head.Seeds = x.String("seeds")
	}
	if x.Bool("inline") {
		if len(s.Files()) > 0 {
			return usage("%s reads other files: it cannot stand in a line", name)
		}
		text, err := source(name)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		head.Text = string(text)
	}
	shard, err := shardOf(x, cells)
	if err != nil {
		return err
	}
	first, last := 0, cells.Len()
	if shard != nil {
		first, last = shard.First, shard.Last
	}
	return c.lines(x, head, cells, first, last)
}

// lines writes the cells [first, last), one a line. What all of them share is made once.
func (c *commands) lines(x *cli.Context, head planned, cells scenarios.Cells, first, last int) error {
	var shared bytes.Buffer
	e := json.NewEncoder(&shared)
	e.SetEscapeHTML(false)
	if err := e.Encode(head); err != nil {
		return err
	}
	before, _, found := bytes.Cut(shared.Bytes(), []byte(`,"cell":null}`))
	if !found {
		panic("psyncsim: a planned cell has another shape")
	}
	w := bufio.NewWriterSize(c.stdout, 1<<16)
	cursor := cells.NewCursor()
	var b []byte
	for i := first; i < last; i++ {
		if i%1024 == 0 && x.Context.Err() != nil {
			return &exitError{exitInterrupted, errInterrupted}
		}
		cell := cursor.At(i)
		if cell.Err != nil {
			return &exitError{exitUsage, errors.Join(fmt.Errorf("run %d: %w", i, cell.Err), w.Flush())}
		}
		b = strconv.AppendInt(append(append(b[:0], before...), `,"cell":`...), int64(i), 10)
		b = results.AppendPoint(append(b, `,"point":`...), meta(&cell).Point)
		b = strconv.AppendUint(append(b, `,"seed":`...), cell.Seed, 10)
		if _, err := w.Write(append(b, "}\n"...)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// readPlanned reads one line.
func readPlanned(line []byte) (*planned, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	p := &planned{}
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("not a cell as psyncsim plan prints it: %w", inWords(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one cell in a line")
	}
	if p.Scenario == "" && p.Text == "" {
		return nil, errors.New(`"scenario" is missing`)
	}
	if p.Cell == nil {
		return nil, errors.New(`"cell" is missing`)
	}
	return p, nil
}

// inWords says what is wrong with a line to somebody who writes no Go.
func inWords(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("it is no object but a JSON %s", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%q cannot be a JSON %s", kind.Field, kind.Value)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends in the middle")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// sheet is a scenario that planned cells are of.
type sheet struct {
	s      *scenarios.Scenario
	cells  scenarios.Cells
	cursor *scenarios.Cursor
	inputs string
}

// open reads the scenario of a cell. A text is all there is of it: it has no
// folder to read other files from.
func (p *planned) open() (*sheet, error) {
	var err error
	t := &sheet{}
	if p.Text != "" {
		name := p.Scenario
		if name == "" {
			name = "inline"
		}
		t.s, err = scenarios.Load(name, []byte(p.Text), nil, p.Set)
	} else {
		t.s, err = open(p.Scenario, p.Set)
	}
	if err != nil {
		return nil, err
	}
	var seeds scenarios.SeedRange
	if p.Seeds != "" {
		if seeds, err = scenarios.ParseSeeds(p.Seeds); err != nil {
			return nil, fmt.Errorf("seeds: %w", err)
		}
	}
	if t.cells, err = t.s.Cells(seeds); err != nil {
		return nil, err
	}
	t.cursor, t.inputs = t.cells.NewCursor(), inputs(t.s, t.cells)
	return t, nil
}

// cell finds what is planned, and holds it against the scenario.
func (t *sheet) cell(p *planned) (scenarios.Cell, error) {
	if p.Inputs != "" && p.Inputs != t.inputs {
		return scenarios.Cell{}, fmt.Errorf("%s is not the scenario that was planned, or another version of the program planned it (inputs %s, here %s)", p.Scenario, p.Inputs, t.inputs)
	}
	if *p.Cell < 0 || *p.Cell >= t.cells.Len() {
		return scenarios.Cell{}, fmt.Errorf("cell %d: the sweep has the cells 0 to %d", *p.Cell, t.cells.Len()-1)
	}
	cell := t.cursor.At(*p.Cell)
	if cell.Err != nil {
		return cell, cell.Err
	}
	if len(p.Point) > 0 {
		var got, want any
		here := results.AppendPoint(nil, meta(&cell).Point)
		if json.Unmarshal(p.Point, &got) != nil || json.Unmarshal(here, &want) != nil || !equal(got, want) {
			return cell, fmt.Errorf("cell %d is at %s, not at %s", *p.Cell, here, p.Point)
		}
	}
	if p.Seed != nil && *p.Seed != cell.Seed {
		own := *cell.Config
		own.Seed = *p.Seed
		cell.Seed, cell.Config = *p.Seed, &own
	}
	return cell, nil
}

func equal(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
