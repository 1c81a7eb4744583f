package results

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// Names of the files of rows as Parquet.
const (
	RunsParquet    = "runs.parquet"
	ResyncsParquet = "resyncs.parquet"
)

// Format is how rows are kept.
type Format string

// The formats of rows. Both hold the same columns under the same names. In
// Parquet whole numbers are INT64, columns that end in _s are seconds as DOUBLE,
// and everything else is a string, the values of axes without a unit among it.
const (
	CSV     Format = "csv"
	Parquet Format = "parquet"
)

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case CSV, Parquet:
		return f, nil
	}
	return "", fmt.Errorf("%q is no format of rows: csv or parquet", s)
}

// kind is what a column holds.
type kind int

const (
	words kind = iota
	whole
	seconds
)

// maxSeconds bounds what a DOUBLE holds to the nanosecond: about 104 days.
const maxSeconds = 1 << 53

// kindOf tells what a column holds. Axes come first in a row: they are known by
// their units.
func kindOf(column string, axes []Axis) kind {
	for _, a := range axes {
		if a.Column() != column && a.Column()+"_axis" != column {
			continue
		}
		switch a.Unit {
		case "bytes", "bytes_per_s":
			return whole
		case "s":
			return seconds
		}
		return words
	}
	switch {
	case strings.HasSuffix(column, "_bytes"), strings.HasSuffix(column, "_per_s"),
		strings.HasPrefix(column, "reconnects"), strings.HasPrefix(column, "full_"), strings.HasPrefix(column, "sync_"):
		return whole
	case strings.HasSuffix(column, "_s"):
		return seconds
	}
	switch column {
	case "index", "run", "seed", "first":
		return whole
	}
	return words
}

// schema is a Parquet schema with the columns in their order.
func schema(columns []string, axes []Axis) *parquet.Schema {
	fields := make([]reflect.StructField, len(columns))
	for i, c := range columns {
		t := reflect.TypeFor[string]()
		tag := c
		switch kindOf(c, axes) {
		case whole:
			t = reflect.TypeFor[int64]()
		case seconds:
			t = reflect.TypeFor[float64]()
		case words:
			tag += ",dict"
		}
		fields[i] = reflect.StructField{
			Name: "F" + strconv.Itoa(i), Type: t, Tag: reflect.StructTag(fmt.Sprintf("parquet:%q", tag)),
		}
	}
	return parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface())
}

// parquetBatch is how many rows are handed over at a time; rowGroup how many
// make a row group, which bounds the memory of a writer and of a reader.
const (
	parquetBatch = 256
	rowGroup     = 1 << 17
)

// writeParquet turns a CSV file of rows into Parquet.
func writeParquet(w io.Writer, from io.Reader, axes []Axis) error {
	in := csvRecords(from)
	head, err := in.Read()
	if err != nil {
		return err
	}
	head = append([]string(nil), head...)
	kinds := make([]kind, len(head))
	for i, c := range head {
		kinds[i] = kindOf(c, axes)
	}
	// One goroutine and one level of compression: the bytes do not depend on the
	// machine.
	out := parquet.NewWriter(w, schema(head, axes), parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault, Concurrency: 1}),
		parquet.MaxRowsPerRowGroup(rowGroup), parquet.CreatedBy("psyncsim", "1", "0"))
	var batch []parquet.Row
	for err == nil {
		var cells []string
		if cells, err = in.Read(); err == nil {
			var row parquet.Row
			if row, err = parquetRow(head, cells, kinds); err == nil {
				batch = append(batch, row)
			}
		}
		if len(batch) == parquetBatch || errors.Is(err, io.EOF) {
			if _, e := out.WriteRows(batch); e != nil {
				return e
			}
			batch = batch[:0]
		}
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return out.Close()
}

func parquetRow(head, cells []string, kinds []kind) (parquet.Row, error) {
	row := make(parquet.Row, len(cells))
	for i, s := range cells {
		var v parquet.Value
		switch kinds[i] {
		case whole:
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("column %s: %q is not a whole number", head[i], s)
			}
			v = parquet.Int64Value(n)
		case seconds:
			ns, err := parseSeconds(s)
			if err == nil && (ns >= maxSeconds || ns <= -maxSeconds) {
				err = fmt.Errorf("%s s are more than the 104 days that Parquet rows hold to the nanosecond", s)
			}
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", head[i], err)
			}
			v = parquet.DoubleValue(float64(ns) / 1e9)
		default:
			v = parquet.ByteArrayValue([]byte(s))
		}
		row[i] = v.Level(0, 0, i)
	}
	return row, nil
}

// parquetRecords reads rows kept as Parquet in the shape of CSV records.
type parquetRecords struct {
	rows  *parquet.Reader
	head  []string
	kinds []kind
	cells []string
	batch [parquetBatch]parquet.Row
	have  int // rows in batch
	next  int // the next one
	line  int
	end   error
}

func openParquet(f *os.File, axes []Axis) (*parquetRecords, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("not a Parquet file: %w", err)
	}
	p := &parquetRecords{rows: parquet.NewReader(file)}
	for _, c := range file.Schema().Fields() {
		p.head = append(p.head, c.Name())
		k := kindOf(c.Name(), axes)
		want := [...]parquet.Kind{parquet.ByteArray, parquet.Int64, parquet.Double}[k]
		if !c.Leaf() || c.Repeated() || c.Type().Kind() != want {
			return nil, fmt.Errorf("column %s does not hold what it should", c.Name())
		}
		p.kinds = append(p.kinds, k)
	}
	return p, nil
}

// Read gives the names of the columns first, then a row at a time.
func (p *parquetRecords) Read() ([]string, error) {
	p.line++
	if p.line == 1 {
		return append([]string(nil), p.head...), nil
	}
	for p.next == p.have {
		if p.end != nil {
			return nil, p.end
		}
		p.have, p.end = p.rows.ReadRows(p.batch[:])
		p.next = 0
	}
	row := p.batch[p.next]
	p.next++
	p.cells = p.cells[:0]
	for i, v := range row {
		switch p.kinds[i] {
		case whole:
			p.cells = append(p.cells, strconv.FormatInt(v.Int64(), 10))
		case seconds:
			p.cells = append(p.cells, Seconds(int64(math.Round(v.Double()*1e9))))
		default:
			p.cells = append(p.cells, string(v.ByteArray()))
		}
	}
	return p.cells, nil
}

// FieldPos numbers the rows as the lines of a CSV file would be.
func (p *parquetRecords) FieldPos(int) (line, column int) { return p.line, 0 }
