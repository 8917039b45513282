package rebuild

import (
	"fmt"
	"testing"

	"flushbench/engine/binlog"
)

// BenchmarkRun applies one-row updates of a row of 120 bytes, as rows and as text.
func BenchmarkRun(b *testing.B) {
	for _, format := range []binlog.Format{binlog.FormatRow, binlog.FormatStatement} {
		b.Run(format.String(), func(b *testing.B) {
			const rows, transactions = 10_000, 50_000
			w := newWriter(b, func(o *binlog.Options) { o.Format, o.Width, o.MaxSize = format, 120, 4<<20 }).create()
			w.states = nil
			c := make([]byte, 120)
			for i := range c {
				c[i] = '0' + byte(i%10)
			}
			for i := range transactions {
				r := binlog.Row{Key: uint64(i) * 7919 % rows, K: int64(i), C: c}
				w.txn.SetXid(uint64(i + 1))
				if _, err := w.txn.StartStatement(fmt.Appendf(nil, "UPDATE t SET c='%s' WHERE id=%d", c, r.Key), false); err != nil {
					b.Fatal(err)
				}
				if err := w.txn.Update(r, r); err != nil {
					b.Fatal(err)
				}
				w.txn.EndStatement()
				if _, err := w.l.Write([]*binlog.Txn{w.txn}); err != nil {
					b.Fatal(err)
				}
				w.txn.Reset()
				if w.l.NeedsRotate() {
					if err := w.l.Rotate(); err != nil {
						b.Fatal(err)
					}
				}
			}
			o := options(w.close().fs)
			o.Base = Base{Rows: rows, Row: func(_ uint64, r *binlog.Row) (bool, error) { r.C = c; return true, nil }}
			b.ReportAllocs()
			var last Report
			for b.Loop() {
				var err error
				if _, last, err = Run(o); err != nil {
					b.Fatal(err)
				}
			}
			tps, bytes := last.Rate()
			b.ReportMetric(tps, "transactions/s")
			b.ReportMetric(bytes/1e6, "MB/s")
		})
	}
}
