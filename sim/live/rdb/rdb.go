// Package rdb writes and reads snapshots that hold strings: enough to serve a
// real replica its first sync, and to take one from a real master. Values of
// other types are an error that names them.
package rdb

import (
	"encoding/binary"
	"fmt"
	"hash/crc64"
)

// Key is one key of a snapshot.
type Key struct {
	DB          int
	Name, Value string
	ExpireMS    int64 // unix time in milliseconds; 0 never expires
}

// Aux is one field about the snapshot itself: repl-id, redis-ver and the like.
type Aux struct{ Name, Value string }

// Version is what is written: strings have not changed since, and every
// version from 5.0 on reads it. A newer one would be refused by older servers.
const Version = 9

// The opcodes of rdb.h.
const (
	opSlotInfo  = 244
	opFunction2 = 245
	opFunction  = 246
	opModuleAux = 247
	opIdle      = 248
	opFreq      = 249
	opAux       = 250
	opResizeDB  = 251
	opExpireMS  = 252
	opExpireS   = 253
	opSelectDB  = 254
	opEOF       = 255
)

// Writer makes a snapshot in memory: NewWriter, then keys ordered by database,
// then Bytes.
type Writer struct {
	b  []byte
	db int
}

// NewWriter begins a snapshot.
func NewWriter(aux ...Aux) *Writer {
	w := &Writer{b: fmt.Appendf(nil, "REDIS%04d", Version), db: -1}
	for _, a := range aux {
		w.b = append(w.b, opAux)
		w.str(a.Name)
		w.str(a.Value)
	}
	return w
}

// Put appends a key.
func (w *Writer) Put(k Key) {
	if k.DB != w.db {
		w.db = k.DB
		w.b = append(w.b, opSelectDB)
		w.length(uint64(k.DB))
	}
	if k.ExpireMS != 0 {
		w.b = binary.LittleEndian.AppendUint64(append(w.b, opExpireMS), uint64(k.ExpireMS))
	}
	w.b = append(w.b, typeString)
	w.str(k.Name)
	w.str(k.Value)
}

// Bytes ends the snapshot and gives it, its checksum included: a server that
// finds it missing exits.
func (w *Writer) Bytes() []byte {
	b := append(w.b, opEOF)
	return binary.LittleEndian.AppendUint64(b, checksum(b))
}

func (w *Writer) str(s string) {
	w.length(uint64(len(s)))
	w.b = append(w.b, s...)
}

// length writes a number in the form of rdbSaveLen.
func (w *Writer) length(n uint64) {
	switch {
	case n < 1<<6:
		w.b = append(w.b, byte(n))
	case n < 1<<14:
		w.b = append(w.b, 1<<6|byte(n>>8), byte(n))
	case n < 1<<32:
		w.b = binary.BigEndian.AppendUint32(append(w.b, 0x80), uint32(n))
	default:
		w.b = binary.BigEndian.AppendUint64(append(w.b, 0x81), n)
	}
}

var jones = crc64.MakeTable(0x95ac9329ac4bc9b5)

// checksum is the CRC-64 of redis (crc64.c). Go inverts the register before and
// after; redis does not.
func checksum(b []byte) uint64 { return ^crc64.Update(^uint64(0), jones, b) }
