# Completion of qsjwt __VERSION__ in fish, with the plugins that were there when it was printed.
# After installing another one: qsjwt completion fish | source

# Whether a name is to follow, and those before it are the words given.
function __qsjwt_after
    set -l words (commandline -opc)
    set -e words[1]
    set -l found
    for word in $words
        if string match -q -- '-*' $word; or begin
                test $word = help; and not set -q found[1]
            end
            continue
        end
        set -a found $word
    end
    test "$found" = "$argv"
end

# Whether the command is the words given.
function __qsjwt_in
    set -l words (commandline -opc)
    set -e words[1]
    set -l found
    for word in $words
        string match -q -- '-*' $word; and continue
        set -a found $word
        test (count $found) -eq (count $argv); and break
    end
    test "$found" = "$argv"
end

function __qsjwt_files --argument-names head start
    for path in "$start"*
        test -d $path; and set path $path/
        printf '%s\n' $head$path
    end
end

function __qsjwt_keys
    set -l token (commandline -ct | string replace -r -- '^--[^=]*=' '')
    for scheme in $__qsjwt_paths
        set -l start (string length -- $scheme)
        if test (string sub -l $start -- "$token") = $scheme
            __qsjwt_files $scheme (string sub -s (math $start + 1) -- "$token")
            return
        end
    end
    string match -q -- '*:*' $token; and return
    printf '%s\n' $__qsjwt_schemes
    # A key without a scheme is a file.
    test -n "$token"; and __qsjwt_files '' $token
end

complete -c qsjwt -e
complete -c qsjwt -f
set -g __qsjwt_schemes __SCHEMES__
set -g __qsjwt_paths __PATHS__
# __PLACES__
