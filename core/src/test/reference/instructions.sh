#!/bin/sh
# Records the bytes of the instructions that AssemblerTest encodes, by GNU as 2.40:
#   instructions.sh LIST > core/src/test/resources/dev/nudge/kernel/code/instructions.txt
# LIST has one instruction a line in Intel's syntax, as AssemblerTest.main prints them.
set -eu
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
{ echo ".intel_syntax noprefix"; cat "$1"; } > "$folder/a.s"
as -mmnemonic=intel -aln="$folder/list" --listing-lhs-width=8 "$folder/a.s" -o "$folder/a.o"
awk -F'\t' 'NR > 1 && match($1, /^ *[0-9]+ [0-9a-f]+ [0-9A-F ]+/) {
  split($1, parts, " "); hex = ""
  for (i = 3; i in parts; i++) hex = hex parts[i]
  print $2 "\t" tolower(hex)
}' "$folder/list"
