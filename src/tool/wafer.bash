# bash completion for wafer: commands, actions, options, files and folders.

# Words that the command takes next, from those already there.
_wafer_words() { # COMMAND ACTION
    case $1 in
    '') echo keys seal open inspect cookie revoke revocations feed version help --help --version ;;
    help) echo keys seal open inspect cookie revoke revocations feed version ;;
    keys)
        case $2 in
        '') echo new list rotate retire check --help ;;
        new | retire) echo --group --help ;;
        list) echo --group --json --help ;;
        rotate) echo --now --overlap --group --help ;;
        check) echo --overlap --group --help ;;
        esac
        ;;
    seal) echo --keys --group --name --context --subject --expiry --json --help ;;
    open) echo --keys --group --name --context --json --help ;;
    inspect) echo --keys --group --name --context --revocations --realm --json --help ;;
    cookie) echo --keys --group --name --context --revocations --realm --commas --json --help ;;
    revoke)
        case $2 in
        '') echo session subject everyone --help ;;
        subject) echo --revocations --realm --group --json --help ;;
        session | everyone) echo --revocations --group --json --help ;;
        esac
        ;;
    revocations)
        case $2 in
        '') echo list count purge watch check --help ;;
        *) echo --revocations --group --json --help ;;
        esac
        ;;
    feed)
        case $2 in
        '') echo status secret --redis --folder --group --stream --user --password-file --capacity \
            --retention --skew --help ;;
        status) echo --folder --json --prometheus --help ;;
        secret) echo --group --help ;;
        *) echo --redis --folder --group --stream --user --password-file --capacity \
            --retention --skew --help ;;
        esac
        ;;
    version) echo --help ;;
    esac
}

# Files, or with -d folders only, that begin with a text; folders end in a slash. Each is one
# completion, whatever is in its name.
_wafer_files() { # TEXT [-f | -d [PREFIX]]
    local file
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do
        COMPREPLY+=("${3:-}$file")
    done < <(compgen "${2:--f}" -- "$1")
}

# Where a revocation list is: file:PATH, lmdb:FOLDER or redis:ADDRESS@FOLDER.
_wafer_lists() { # TEXT
    local prefix=
    # For bash what stands in front of a colon is a word of its own, unless it was told otherwise.
    [[ $COMP_WORDBREAKS == *:* ]] || prefix=${1%%:*}:
    case $1 in
    file:*) _wafer_files "${1#file:}" -f "$prefix" ;;
    lmdb:*) _wafer_files "${1#lmdb:}" -d "$prefix" ;;
    *)
        compopt -o nospace 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -W 'file: lmdb: redis:' -- "$1")
        ;;
    esac
}

# The ids of the keys in a file, which are no secret.
_wafer_key_ids() { # FILE TEXT
    local ids
    ids=$(wafer keys list "$1" 2>/dev/null | sed -n 's/^\([0-9a-f]\{6\}\) .*/\1/p')
    mapfile -t COMPREPLY < <(compgen -W "$ids" -- "$2")
}

_wafer() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]-}
    local command=${COMP_WORDS[1]-} action=${COMP_WORDS[2]-}

    COMPREPLY=()
    # A list's name that was split at its colon.
    if [[ $word == : ]]; then
        word=$before: before=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $before == : ]]; then
        word=${COMP_WORDS[COMP_CWORD - 2]}:$word before=${COMP_WORDS[COMP_CWORD - 3]}
    fi
    case $before in
    --keys | --password-file)
        _wafer_files "$word"
        return
        ;;
    --folder)
        _wafer_files "$word" -d
        return
        ;;
    --revocations)
        _wafer_lists "$word"
        return
        ;;
    --name | --context | --subject | --expiry | --realm | --overlap | --redis | --stream | --user) return ;;
    --capacity | --retention | --skew) return ;;
    esac
    ((COMP_CWORD > 1)) || command=
    ((COMP_CWORD > 2)) || action=
    if [[ $command == keys && -n $action && $word != -* ]]; then
        if [[ $action == retire ]] && ((COMP_CWORD > 3)); then
            _wafer_key_ids "${COMP_WORDS[3]}" "$word"
        else
            _wafer_files "$word"
        fi
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(_wafer_words "$command" "$action")" -- "$word")
}

complete -F _wafer wafer
