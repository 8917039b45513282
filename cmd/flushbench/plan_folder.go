package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"flushbench/metrics/result"
	"flushbench/plots/report"
	"flushbench/workload/plan"
)

// writeFolder keeps the plans, and a page that begins with them: in the folder of --out,
// else in that of what was measured, else nowhere. A table on w ends with the page's path.
func (o *planOptions) writeFolder(w io.Writer, made []planFrom, plans []*plan.Plan) error {
	out := cmp.Or(o.out, o.measure.folder)
	if out == "" {
		return nil
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return usageError(fmt.Errorf("--out: %w", err))
	}
	var text strings.Builder
	if err := writePlanJSON(&text, plans); err != nil {
		return err
	}
	err := errors.Join(
		os.WriteFile(filepath.Join(out, planJSONFile), []byte(text.String()), 0o644),
		os.WriteFile(filepath.Join(out, planMarkdownFile), []byte(planPages(plans)), 0o644))
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	var parts []report.Part
	shown := map[*result.Result]bool{} // a merge stands behind the plan of its first group
	for _, m := range made {
		for j, r := range m.from {
			part := report.Part{Result: r}
			if !shown[r] {
				part = reportPart(r)
			}
			shown[r] = true
			if j == 0 {
				planPart(m.plan, &part)
			}
			parts = append(parts, part)
		}
	}
	page, err := report.New(parts...)
	if err != nil {
		return err
	}
	path, err := page.Write(out)
	if err == nil && o.format == formatTable {
		_, err = fmt.Fprintf(w, "\n%s", labelled("Report", path))
	}
	return err
}
