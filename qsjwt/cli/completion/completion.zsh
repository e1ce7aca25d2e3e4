#compdef qsjwt
# Completion of qsjwt __VERSION__ in zsh, with the plugins that were there when it was printed.
# After installing another one: eval "$(qsjwt completion zsh)"

# What may follow the words $1: names or options, and what the option $2 takes, or '' for no option.
_qsjwt_data() {
  names=() options=() values=() kind='' count=''
  schemes=(__SCHEMES__)
  paths=(__PATHS__)
  case $1 in
  # __PLACES__
  esac
}

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
