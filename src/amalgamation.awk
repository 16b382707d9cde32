# Makes one C file of the library's files, each once and after what it includes.
#
#     awk -v version=VERSION -f src/amalgamation.awk HEADER... SOURCE...
#
# Headers are named first: an #include that stands inside an #if would otherwise take what it
# includes away from all others.

function write(file,    folder, line, name, text) {
    if (file in written)
        return
    written[file] = 1
    folder = file
    sub(/[^\/]*$/, "", folder)
    while ((getline line < file) > 0) {
        if (line ~ /^#include "/) {
            name = line
            gsub(/^#include "|".*$/, "", name)
            write(folder name)
        } else if (line ~ /^#include </ && line !~ /<wafer\.h>/) {
            text = text "#pragma GCC visibility push(default)\n" line \
                "\n#pragma GCC visibility pop\n"
        } else if (line !~ /^#include <wafer\.h>/) {
            text = text line "\n"
        }
    }
    close(file)
    if (text == "") {
        print file " cannot be read" > "/dev/stderr"
        failed = 1
    }
    sub(/.*\//, "", file)
    printf "\n/* ======== %s ======== */\n\n%s", file, text
}

BEGIN {
    print "/* libwafer " version " as one file, made of its sources. Put it and wafer.h into a program:"
    print " *"
    print " *     cc -c wafer.c"
    print " *     cc program.o wafer.o -lsodium -lb64 -lpthread"
    print " *"
    print " * SPDX-License-Identifier: MIT */"
    print "#ifndef _DEFAULT_SOURCE"
    print "#define _DEFAULT_SOURCE"
    print "#endif"
    print "#include \"wafer.h\""
    print ""
    print "/* What wafer.h does not declare stays inside a shared library that this goes into. */"
    print "#pragma GCC visibility push(hidden)"
    for (argument = 1; argument < ARGC; argument++)
        write(ARGV[argument])
    print "\n#pragma GCC visibility pop"
    exit failed
}
