# Completion of qsjwt __VERSION__ in bash, with the plugins that were there when it was printed.
# After installing another one: eval "$(qsjwt completion bash)"

# What may follow the words $1: names or options, and what the option $2 takes, or '' for no option.
_qsjwt_data() {
  names=() options=() values=() kind='' count=''
  schemes=(__SCHEMES__)
  paths=(__PATHS__)
  case $1 in
  # __PLACES__
  esac
}

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
