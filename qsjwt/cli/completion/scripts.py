"""The scripts of ``completion SHELL``: how bash, zsh, fish and PowerShell say what can be completed.

Every text of a plugin is quoted for the shell, since the shell evaluates the script.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from qsjwt import __version__
from qsjwt.cli.completion.model import Kind, Model, Option, Place, Value
from qsjwt.options.parser import PROGRAM

Entry = Callable[[str, str], str]
"""Makes a name and its help one quoted word."""


def _head(shell: str, again: str) -> str:
    return (
        f"# Completion of {PROGRAM} {__version__} in {shell}, with the plugins that were there when it was printed.\n"
        f"# After installing another one: {again}\n\n"
    )


def _posix(text: str) -> str:
    """Return *text* as one word of bash or zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _escaped(text: str) -> str:
    """Return *text* as a user of bash would type it."""
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)


def _takers(place: Place) -> Mapping[Value, list[str]]:
    """Return what the options of *place* take, to those that take it; the argument's option is empty."""
    found: dict[Value, list[str]] = {}
    for option in (*place.options, Option(("",), "", place.argument)):
        if option.value.kind is not Kind.NOTHING:
            found.setdefault(option.value, []).extend(option.names)
    return found


def _entries(place: Place) -> Iterable[tuple[str, str]]:
    return ((name, option.help) for option in place.options for name in option.names)


def _cases(model: Model, entry: Entry, choice: Callable[[str], str]) -> str:
    """Return the function that knows all data, for bash and zsh.

    :param choice: makes a value what is to be offered; it is quoted after that.
    """

    def words(entries: Iterable[tuple[str, str]]) -> str:
        return f"({' '.join(entry(name, text) for name, text in entries)})"

    lines = [
        "# What may follow the words $1: names or options, and what the option $2 takes, or '' for no option.",
        "_qsjwt_data() {",
        "  names=() options=() values=() kind='' count=''",
        f"  schemes={words((f'{s.name}:', s.help) for s in model.schemes)}",
        f"  paths=({' '.join(_posix(f'{s.name}:') for s in model.schemes if s.takes_file)})",
        "  case $1 in",
    ]
    for place in model.places.values():
        lines += [f"  {_posix(place.words)})", f"    options={words(_entries(place))}"]
        if place.names:
            lines.append(f"    names={words(place.names.items())}")
        if takers := _takers(place):
            lines.append("    case $2 in")
            for value, names in takers.items():
                lines.append(f"    {'|'.join(map(_posix, names))})")
                lines.append(f"      kind={value.kind.value} count={_posix(value.count)}")
                if value.choices:
                    lines.append(f"      values=({' '.join(_posix(choice(c)) for c in value.choices)})")
                lines.append("      ;;")
            lines.append("    esac")
        lines.append("    ;;")
    return "\n".join([*lines, "  esac", "}", ""])


# The walk over the words is the same in bash, zsh and PowerShell: names until the command is complete, then options.
_BASH: Final = r"""
_qsjwt_add() {
  local word
  for word; do
    if [[ $word == "$cur"* ]]; then COMPREPLY+=("$head$word"); fi
  done
}

_qsjwt_paths() {
  local path
  # bash 3 has no compopt, and does without the quotes and slashes that it brings.
  compopt -o filenames -o default 2>/dev/null
  while IFS= read -r path; do
    if [[ -n $path ]]; then COMPREPLY+=("$head$path"); fi
  done <<< "$(compgen "$1" -- "$cur")"
}

_qsjwt() {
  local names options values kind count schemes paths
  local words cur full head='' lead='' marks='' i word before='' IFS=$' \t\n'
  local place='' help='' option='' direct='' required=''
  COMPREPLY=()

  # bash splits at : = @ as well, and does not say whether there was a blank.
  words=()
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]-}
    if [[ ${#words[@]} -gt 0 && -n $word ]] &&
      [[ $word != *[!:=@]* || ( -n $before && $before != *[!:=@]* && $word != -* ) ]]; then
      words[${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    before=$word
  done
  full=${words[${#words[@]}-1]}
  cur=$full
  unset "words[${#words[@]}-1]"

  _qsjwt_data '' ''
  for word in ${words[@]+"${words[@]}"}; do
    if [[ ${#names[@]} -gt 0 ]]; then
      if [[ $word == -* ]]; then continue; fi
      if [[ -z $place && $word == help ]]; then help=1; continue; fi
      place=${place:+$place }$word
      _qsjwt_data "$place" ''
    elif [[ $word == -?* ]]; then
      option=$word direct=1
    else
      direct=''
    fi
  done

  if [[ ${#names[@]} -gt 0 ]]; then
    if [[ $cur == -* ]]; then _qsjwt_add "${options[@]}"; else _qsjwt_add "${names[@]}"; fi
  elif [[ -z $help ]]; then
    if [[ $cur == --*=* ]]; then
      option=${cur%%=*} head=${cur%%=*}= cur=${cur#*=} required=1
      _qsjwt_data "$place" "$option"
    else
      _qsjwt_data "$place" "$option"
      if [[ -z $option || -z $kind || ( -z $direct && $count != [+*] ) ]]; then
        _qsjwt_data "$place" ''
      elif [[ -n $direct && $count != [?*] ]]; then
        required=1
      fi
    fi
    case $kind in
      choice) _qsjwt_add ${values[@]+"${values[@]}"} ;;
      file) _qsjwt_paths -f ;;
      folder) _qsjwt_paths -d ;;
      key)
        for word in ${paths[@]+"${paths[@]}"}; do
          if [[ $cur == "$word"* ]]; then
            head+=$word cur=${cur#"$word"} kind=file
            break
          fi
        done
        if [[ $kind == key ]]; then
          _qsjwt_add ${schemes[@]+"${schemes[@]}"}
          if [[ ${#COMPREPLY[@]} -gt 0 ]]; then compopt -o nospace 2>/dev/null; else kind=file; fi
        fi
        if [[ $kind == file ]]; then _qsjwt_paths -f; fi
        ;;
    esac
    if [[ -z $required ]]; then _qsjwt_add ${options[@]+"${options[@]}"}; fi
  fi

  # What stands before the last of them is not replaced, and not part of a reply; of these, @ is replaced too.
  for word in : = @; do
    if [[ ${COMP_WORDBREAKS-} == *"$word"* ]]; then marks+=$word; fi
  done
  if [[ -n $marks ]]; then lead=${full%"${full##*["$marks"]}"} lead=${lead%@}; fi
  for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
    COMPREPLY[i]=${COMPREPLY[i]#"$lead"}
  done
  return 0
}

complete -F _qsjwt qsjwt
"""


def bash(model: Model) -> str:
    """Return the script for bash."""
    head = _head("bash", 'eval "$(qsjwt completion bash)"')
    return head + _cases(model, lambda name, _help: _posix(name), _escaped) + _BASH


_ZSH: Final = r"""
_qsjwt() {
  local -a names options values schemes paths
  local kind count place help option direct required word ret=1

  _qsjwt_data '' ''
  for word in "${(@)words[2,CURRENT-1]}"; do
    if (( $#names )); then
      if [[ $word == -* ]]; then continue; fi
      if [[ -z $place && $word == help ]]; then help=1; continue; fi
      place=${place:+$place }$word
      _qsjwt_data "$place" ''
    elif [[ $word == -?* ]]; then
      option=$word direct=1
    else
      direct=''
    fi
  done

  if (( $#names )); then
    if [[ $PREFIX == -* ]]; then _describe option options; else _describe name names; fi
    return
  fi
  if [[ -n $help ]]; then return 1; fi

  if [[ $PREFIX == --*=* ]]; then
    option=${PREFIX%%=*} required=1
    compset -P "${(b)option}="
    _qsjwt_data "$place" "$option"
  else
    _qsjwt_data "$place" "$option"
    if [[ -z $option || -z $kind || ( -z $direct && $count != [+*] ) ]]; then
      _qsjwt_data "$place" ''
    elif [[ -n $direct && $count != [?*] ]]; then
      required=1
    fi
  fi
  case $kind in
    choice) compadd -a values && ret=0 ;;
    file) _files && ret=0 ;;
    folder) _files -/ && ret=0 ;;
    key)
      for word in $paths; do
        if compset -P "$word"; then kind=file; break; fi
      done
      if [[ $kind == key ]]; then
        _describe 'key reference' schemes -S '' && ret=0
      fi
      if (( ret )); then _files && ret=0; fi
      ;;
  esac
  if [[ -z $required ]]; then _describe option options && ret=0; fi
  return ret
}

# From fpath, this file is the function itself and runs at once; evaluated, it only has to be made known.
if [[ ${funcstack[1]-} == _qsjwt ]]; then _qsjwt "$@"; else compdef _qsjwt qsjwt; fi
"""


def zsh(model: Model) -> str:
    """Return the script for zsh, for ``eval`` after compinit or as the file ``_qsjwt`` of a folder in fpath."""

    def entry(name: str, text: str) -> str:
        escaped = [part.replace("\\", "\\\\").replace(":", "\\:") for part in (name, text)]
        return _posix(":".join(filter(None, escaped)))

    head = _head("zsh", 'eval "$(qsjwt completion zsh)"')
    return "#compdef qsjwt\n" + head + _cases(model, entry, lambda choice: choice) + _ZSH


_FISH: Final = r"""
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
"""


_FISH_OFFERS: Final = {
    Kind.FILE: " -F",
    Kind.FOLDER: " -a '(__fish_complete_directories)'",
    Kind.KEY: " -a '(__qsjwt_keys)'",
}


def _fish_word(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish(model: Model) -> str:
    """Return the script for fish, for ``source`` or as a file in its folder ``completions``."""
    schemes = " ".join(_fish_word(f"{scheme.name}:\t{scheme.help}") for scheme in model.schemes)
    paths = " ".join(_fish_word(f"{scheme.name}:") for scheme in model.schemes if scheme.takes_file)
    lines = [f"set -g __qsjwt_schemes {schemes}", f"set -g __qsjwt_paths {paths}"]
    for place in model.places.values():
        if place.names:
            base = f"complete -c qsjwt -n {_fish_word(f'__qsjwt_after {place.words}'.strip())}"
        else:
            base = f"complete -c qsjwt -n {_fish_word(f'__qsjwt_in {place.words}')}"
        lines += [f"{base} -a {_fish_word(name)} -d {_fish_word(text)}" for name, text in place.names.items()]
        if offer := _fish_offer(place.argument):
            lines.append(f"{base}{offer}")
        for option in place.options:
            names = " ".join(map(_fish_option, option.names))
            lines.append(f"{base} {names}{_fish_value(option.value)} -d {_fish_word(option.help)}")
    return _head("fish", "qsjwt completion fish | source") + _FISH.lstrip() + "\n".join([*lines, ""])


def _fish_option(name: str) -> str:
    bare = name.lstrip("-")
    kind = "-l" if name.startswith("--") else "-s" if len(bare) == 1 else "-o"
    return f"{kind} {_fish_word(bare)}"


def _fish_value(value: Value) -> str:
    if value.kind is Kind.NOTHING:
        return ""
    files = "" if value.kind is Kind.FILE else " -f"
    required = "" if value.count in ("?", "*") else " -r"
    return f"{required}{files}{_fish_offer(value)}"


def _fish_offer(value: Value) -> str:
    if value.kind is Kind.CHOICE:
        # What follows -a is expanded once more when it is offered.
        return f" -a {_fish_word(' '.join(map(_fish_word, value.choices)))}"
    return _FISH_OFFERS.get(value.kind, "")


_POWERSHELL: Final = r"""
Register-ArgumentCompleter -Native -CommandName 'qsjwt', 'qsjwt.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    function Get-QsjwtResult([string] $text, [string] $shown, [string] $help, [string] $type) {
        if (-not $help) { $help = $shown }
        [System.Management.Automation.CompletionResult]::new($text, $shown, $type, $help)
    }

    function Get-QsjwtNamed($entries, [string] $start, [string] $head, [string] $type) {
        foreach ($entry in $entries) {
            $name, $help = $entry -split ' ', 2
            if ($name.StartsWith($start, 'Ordinal')) { Get-QsjwtResult "$head$name" $name $help $type }
        }
    }

    $cur = "$wordToComplete"
    $head = ''
    $place = ''
    $option = ''
    $direct = $false
    $required = $false
    $helping = $false
    $data = Get-QsjwtData '' ''
    foreach ($element in @($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        $word = "$element"
        if ($data.Names.Count) {
            if ($word.StartsWith('-')) { continue }
            if (-not $place -and $word -ceq 'help') { $helping = $true; continue }
            $place = "$place $word".Trim()
            $data = Get-QsjwtData $place ''
        } elseif ($word.Length -gt 1 -and $word.StartsWith('-')) {
            $option = $word
            $direct = $true
        } else {
            $direct = $false
        }
    }

    if ($data.Names.Count) {
        if ($cur.StartsWith('-')) { return Get-QsjwtNamed $data.Options $cur '' 'ParameterName' }
        return Get-QsjwtNamed $data.Names $cur '' 'ParameterValue'
    }
    if ($helping) { return }

    if ($cur -match '^(--[^=]*)=(.*)$') {
        $option = $Matches[1]
        $head = "$option="
        $cur = $Matches[2]
        $required = $true
        $data = Get-QsjwtData $place $option
    } else {
        $data = Get-QsjwtData $place $option
        if (-not $option -or -not $data.Kind -or (-not $direct -and $data.Amount -notin '+', '*')) {
            $data = Get-QsjwtData $place ''
        } elseif ($direct -and $data.Amount -notin '?', '*') {
            $required = $true
        }
    }
    switch ($data.Kind) {
        'choice' {
            foreach ($value in $data.Choices) {
                if (-not $value.StartsWith($cur, 'Ordinal')) { continue }
                $text = $value
                if ($value -notmatch '^[\w./:+-]+$') {
                    $text = "'" + ($value -replace "(['\u2018-\u201b])", '$1$1') + "'"
                }
                Get-QsjwtResult "$head$text" $value '' 'ParameterValue'
            }
        }
        'key' {
            $scheme = $data.Paths | Where-Object { $cur.StartsWith($_, 'Ordinal') } | Select-Object -First 1
            if ($scheme) {
                $path = $cur.Substring($scheme.Length)
                foreach ($file in [System.Management.Automation.CompletionCompleters]::CompleteFilename($path)) {
                    $text = "$head$scheme$($file.CompletionText)"
                    Get-QsjwtResult $text $file.ListItemText $file.ToolTip 'ParameterValue'
                }
            } else {
                Get-QsjwtNamed $data.Schemes $cur $head 'ParameterValue'
            }
        }
    }
    # For a file nothing is returned, and PowerShell offers files by itself.
    if (-not $required) { Get-QsjwtNamed $data.Options $cur '' 'ParameterName' }
}
"""


def _powershell_word(text: str) -> str:
    # PowerShell takes typographic quotes for quotes.
    return "'" + re.sub("(['‘’‚‛])", r"\1\1", text) + "'"


def powershell(model: Model) -> str:
    """Return the script for PowerShell."""

    def words(texts: Iterable[str]) -> str:
        return f"@({', '.join(map(_powershell_word, texts))})"

    def named(entries: Iterable[tuple[str, str]]) -> str:
        return words(f"{name} {text}".rstrip() for name, text in entries)

    schemes = named((f"{scheme.name}:", scheme.help) for scheme in model.schemes)
    paths = words(f"{scheme.name}:" for scheme in model.schemes if scheme.takes_file)
    lines = [
        "# What may follow the words $place: names or options, and what $option takes, or '' for no option.",
        "function global:Get-QsjwtData([string] $place, [string] $option) {",
        "    $data = @{ Names = @(); Options = @(); Choices = @(); Kind = ''; Amount = '' }",
        f"    $data.Schemes = {schemes}",
        f"    $data.Paths = {paths}",
        "    switch -CaseSensitive -Exact ($place) {",
    ]
    for place in model.places.values():
        lines += [
            f"        {_powershell_word(place.words)} {{",
            f"            $data.Options = {named(_entries(place))}",
        ]
        if place.names:
            lines.append(f"            $data.Names = {named(place.names.items())}")
        if takers := _takers(place):
            lines.append("            switch -CaseSensitive -Exact ($option) {")
            for value, names in takers.items():
                line = f"$data.Kind = '{value.kind.value}'; $data.Amount = '{value.count}'"
                if value.choices:
                    line += f"; $data.Choices = {words(value.choices)}"
                lines += [f"                {_powershell_word(name)} {{ {line} }}" for name in names]
            lines.append("            }")
        lines.append("        }")
    data = "\n".join([*lines, "    }", "    $data", "}", ""])
    return _head("PowerShell", "qsjwt completion powershell | Out-String | Invoke-Expression") + data + _POWERSHELL


SHELLS: Final[Mapping[str, Callable[[Model], str]]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
    "powershell": powershell,
}
"""Shell to what makes its script."""
