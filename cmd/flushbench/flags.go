package main

import "github.com/spf13/pflag"

// inGroup lists flags that exist under a heading of help.
func inGroup(fs *pflag.FlagSet, heading string, names ...string) {
	for _, name := range names {
		annotate(fs, name, flagGroup, heading)
	}
}

// addSafetyFlags adds the flags that overrule the two refusals of a folder to
// measure in.
func addSafetyFlags(fs *pflag.FlagSet, volatile, besideLiveDatabase *bool) {
	fs.BoolVar(volatile, "allow-volatile", false, "measure a memory file system all the same")
	fs.BoolVar(besideLiveDatabase, "beside-live-database", false, "measure although a database server uses the disk, and slow it down")
	inGroup(fs, "Safety", "allow-volatile", "beside-live-database")
}

// addNewResultFlag adds the flag that says where a new result goes.
func addNewResultFlag(fs *pflag.FlagSet, results *string) {
	fs.StringVar(results, "results", "results", "`FOLDER` in which the result's own folder is made")
}
