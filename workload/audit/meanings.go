package audit

import (
	"fmt"
	"strings"
	"time"

	"flushbench/groupcommit"
	"flushbench/workload/target"
)

// meanings are the settings that decide, each in a few plain words.
func meanings(f *Facts, p *promise) []Meaning {
	rules := innodbMeanings
	if f.Info.Product == target.PostgreSQL {
		rules = postgresMeanings
	}
	out := []Meaning{}
	for _, r := range rules {
		if !f.Settings.Has(r.name) {
			continue
		}
		value := f.Settings.Get(r.name)
		if means := r.means(value, f, p); means != "" {
			out = append(out, Meaning{target.Setting{Name: r.name, Value: value}, means})
		}
	}
	return out
}

// meaningRule says what a setting does; "": nothing worth a line.
type meaningRule struct {
	name  string
	means func(value string, f *Facts, p *promise) string
}

var innodbMeanings = []meaningRule{
	{"innodb_flush_log_at_trx_commit", func(_ string, _ *Facts, p *promise) string {
		return map[groupcommit.Policy]string{
			groupcommit.Policy0: "a commit waits for nothing",
			groupcommit.Policy1: "a commit waits for a flush of the log",
			groupcommit.Policy2: "a commit waits for a write of the log",
			groupcommit.Policy3: "a commit waits for flushes of the log",
		}[p.named]
	}},
	{"innodb_flush_log_at_timeout", func(_ string, _ *Facts, p *promise) string {
		if p.kept.Flushes() {
			return ""
		}
		return "seconds between flushes of the log"
	}},
	{"log_bin", func(_ string, _ *Facts, p *promise) string {
		if p.binlog {
			return ""
		}
		return "no binlog"
	}},
	{"sync_binlog", func(_ string, _ *Facts, p *promise) string {
		switch {
		case !p.binlog:
			return ""
		case p.every == 0:
			return "the binlog is flushed by no commit"
		case p.every == 1:
			return "the binlog is flushed with each group"
		}
		return fmt.Sprintf("the binlog is flushed every %d groups", p.every)
	}},
	{"binlog_order_commits", func(v string, _ *Facts, p *promise) string {
		if p.binlog && off(v) {
			return "tables commit in an order of their own"
		}
		return ""
	}},
	{"innodb_flush_method", func(v string, _ *Facts, p *promise) string {
		return map[string]string{
			"":                  "pages are buffered and flushed",
			"fsync":             "pages are buffered and flushed",
			"fdatasync":         "pages are buffered and flushed",
			"o_direct":          "pages are written direct, and flushed",
			"o_direct_no_fsync": "pages are never flushed",
			"o_dsync":           "each write of the log is durable",
			"littlesync":        "as fsync",
			"nosync":            "commits are written and not flushed",
		}[strings.ToLower(v)]
	}},
	{"innodb_log_file_buffering", func(v string, f *Facts, _ *promise) string {
		switch {
		case f.Redo.FlagsKnown && f.Redo.Direct:
			return "the log bypasses the page cache (seen)"
		case f.Redo.FlagsKnown:
			return "the log goes through the page cache (seen)"
		case off(v):
			return "the log bypasses the page cache"
		}
		return "the log goes through the page cache"
	}},
	{"innodb_doublewrite", func(_ string, _ *Facts, p *promise) string {
		if p.pagesTorn {
			return "torn pages stay torn"
		}
		return "torn pages are repaired"
	}},
}

var postgresMeanings = []meaningRule{
	{"fsync", func(v string, _ *Facts, _ *promise) string {
		if off(v) {
			return "nothing is ever flushed"
		}
		return "flushes are made"
	}},
	{"synchronous_commit", func(v string, f *Facts, p *promise) string {
		switch {
		case p.named == groupcommit.Policy0:
			return "a commit waits for nothing"
		case off(f.Settings.Get("fsync")):
			return "a commit waits for a write of the WAL"
		case f.Settings.Get("synchronous_standby_names") == "" || v == "local":
			return "a commit waits for a flush of the WAL"
		}
		return "a commit waits for a flush, and for a standby"
	}},
	{"wal_writer_delay", func(_ string, _ *Facts, p *promise) string {
		if p.kept.Flushes() {
			return ""
		}
		return fmt.Sprintf("the WAL is flushed within %v", p.setting.Interval.Round(time.Millisecond))
	}},
	{"wal_sync_method", func(string, *Facts, *promise) string { return "how the WAL is flushed" }},
	{"full_page_writes", func(_ string, _ *Facts, p *promise) string {
		if p.pagesTorn {
			return "torn pages stay torn"
		}
		return "torn pages are repaired"
	}},
	{"synchronous_standby_names", func(v string, _ *Facts, _ *promise) string {
		if v == "" {
			return ""
		}
		return "standbys that commits wait for"
	}},
}
