package rdb

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func sample() []Key {
	keys := []Key{
		{Name: "", Value: ""},
		{Name: "a", Value: "1", ExpireMS: 4102444800000},
		{Name: "bin\x00\xff", Value: strings.Repeat("x", 63)},
		{Name: "b14", Value: strings.Repeat("y", 64)},
		{Name: "b32", Value: strings.Repeat("z", 1<<14)},
		{DB: 9, Name: "nine", Value: "9"},
	}
	for i := range 1000 {
		keys = append(keys, Key{DB: 15, Name: fmt.Sprintf("k%d", i), Value: fmt.Sprint(i * i)})
	}
	return keys
}

func write(keys []Key) []byte {
	w := NewWriter(Aux{"repl-id", "x"}, Aux{"repl-offset", "17"})
	for _, k := range keys {
		w.Put(k)
	}
	return w.Bytes()
}

// What is written is read back, and is cut short nowhere without an error.
func TestRoundTrip(t *testing.T) {
	want := sample()
	b := write(want)
	var got []Key
	aux, err := Read(b, func(k Key) { got = append(got, k) })
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %d keys, want %d", len(got), len(want))
	}
	if len(aux) != 2 || aux[1] != (Aux{"repl-offset", "17"}) {
		t.Errorf("aux: %v", aux)
	}
	short := write(want[:3])
	for n := range short {
		if _, err := Read(short[:n], func(Key) {}); err == nil {
			t.Fatalf("no error for the first %d of %d bytes", n, len(short))
		}
	}
	b[20] ^= 1
	if _, err := Read(b, func(Key) {}); err == nil {
		t.Error("no error for a flipped bit")
	}
}

// The encodings that real servers choose and the Writer does not.
func TestEncodings(t *testing.T) {
	b := []byte("REDIS0010")
	b = append(b, opAux, 10)
	b = append(b, "redis-bits"...)
	b = append(b, 0xc0, 64)
	b = append(b, opFunction2, 3, 'f', 'n', '!')
	b = append(b, opSelectDB, 2, opResizeDB, 3, 0)
	b = append(b, opExpireS, 0x10, 0, 0, 0, opIdle, 5, 0, 1, 'i', 0xc1, 0x18, 0xfc) // -1000
	b = append(b, opFreq, 7, 0, 1, 'j', 0xc2, 0, 0, 1, 0)                           // 65536
	b = append(b, 0, 1, 'z', 0xc3, 5, 9, 1, 'a', 'b', 5<<5, 1)                      // ab, then 7 more from 2 back
	b = append(b, opEOF)
	b = binary.LittleEndian.AppendUint64(b, checksum(b))
	var got []Key
	aux, err := Read(b, func(k Key) { got = append(got, k) })
	want := []Key{{DB: 2, Name: "i", Value: "-1000", ExpireMS: 16000}, {DB: 2, Name: "j", Value: "65536"}, {DB: 2, Name: "z", Value: "ababababa"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %v\nwant %v", err, got, want)
	}
	if len(aux) != 1 || aux[0].Value != "64" {
		t.Errorf("aux: %v", aux)
	}
}

func TestNotSupported(t *testing.T) {
	b := append([]byte("REDIS0010"), 1, 4, 'l', 'i', 's', 't', 0)
	_, err := Read(b, func(Key) {})
	if err == nil || !strings.Contains(err.Error(), `"list" is no string (type 1)`) {
		t.Error(err)
	}
}

// Redis's own checker takes what is written.
func TestCheckRDB(t *testing.T) {
	tool, err := exec.LookPath("redis-check-rdb")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI needs redis-check-rdb")
		}
		t.Skip("SKIPPED: redis-check-rdb is not installed")
	}
	for i, keys := range [][]Key{nil, sample()} {
		name := filepath.Join(t.TempDir(), "dump.rdb")
		if err := os.WriteFile(name, write(keys), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool, name).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "RDB looks OK") {
			t.Errorf("snapshot %d: %v\n%s", i, err, out)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(write(sample()[:4]))
	f.Add([]byte("REDIS0009\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Read(b, func(Key) {}) // any bytes, no panic
	})
}
