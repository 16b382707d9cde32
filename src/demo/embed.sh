#!/bin/sh
# Writes C that has the files given in it, under the last part of their paths: see template.h.
set -eu
export LC_ALL=C

echo '#include "template.h"'
number=0
for file in "$@"; do
    number=$((number + 1))
    printf '\nstatic const unsigned char file_%d[] = {\n' $number
    od -An -v -tu1 "$file" | sed 's/  *\([0-9][0-9]*\)/\1,/g'
    echo '0};'
done
printf '\nconst struct demo_file demo_files[] = {\n'
number=0
for file in "$@"; do
    number=$((number + 1))
    printf '    {"%s", file_%d, sizeof file_%d - 1},\n' "$(basename "$file")" $number $number
done
printf '    {NULL, NULL, 0}};\n'
