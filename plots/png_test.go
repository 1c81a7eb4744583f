package plots

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"testing"
)

// What is written is read as it was, whatever an image has; so is a part of a larger one.
func TestWritePNG(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	noise := func(w, h int, alpha bool) *image.RGBA {
		m := image.NewRGBA(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				c := color.NRGBA{uint8(rng.Uint32()), uint8(y), uint8(x), 255}
				if alpha {
					c.A = uint8(rng.Uint32())
				}
				m.Set(x, y, c)
			}
		}
		return m
	}
	grey := image.NewGray(image.Rect(0, 0, 3, 4))
	grey.SetGray(1, 2, color.Gray{77})
	for name, m := range map[string]image.Image{
		"noise": noise(31, 17, false), "a pixel": noise(1, 1, false), "white": image.NewRGBA(image.Rect(0, 0, 9, 9)),
		"with alpha": noise(8, 8, true), "grey": grey, "a part": noise(40, 40, false).SubImage(image.Rect(7, 9, 33, 21)),
	} {
		var b bytes.Buffer
		if err := writePNG(&b, m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := png.Decode(&b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		in, out := m.Bounds(), got.Bounds()
		if in.Dx() != out.Dx() || in.Dy() != out.Dy() {
			t.Errorf("%s: %v became %v", name, in, out)
			continue
		}
		for y := range in.Dy() {
			for x := range in.Dx() {
				a := color.NRGBAModel.Convert(m.At(in.Min.X+x, in.Min.Y+y))
				if c := color.NRGBAModel.Convert(got.At(out.Min.X+x, out.Min.Y+y)); a != c {
					t.Fatalf("%s: %v at %d, %d became %v", name, a, x, y, c)
				}
			}
		}
	}
}
