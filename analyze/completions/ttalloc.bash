# SPDX-License-Identifier: Apache-2.0
# bash completion for ttalloc-analyze and ttalloc-recorder; the programs themselves know the candidates, a user's own
# queries included.

_ttalloc()
{
	local cur words places cword word help
	cur=${COMP_WORDS[COMP_CWORD]}
	# bash breaks words at "=": join "--format", "=", "js" again.
	words=() places=()
	for ((cword = 1; cword <= COMP_CWORD; cword++)); do
		word=${COMP_WORDS[cword]}
		if [[ ${#words[@]} -gt 0 && ($word == = || ${words[-1]} == --*=) ]]; then
			words[-1]+=$word
		else
			words+=("$word") places+=("$cword")
		fi
	done
	COMPREPLY=()
	while IFS=$'\t' read -r word help; do
		case $word in
		:file)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "${cur#=}")
			return
			;;
		:directory)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -d -- "${cur#=}")
			return
			;;
		:command) # what follows is the command's own business
			if declare -F _command_offset >/dev/null; then
				_command_offset "${places[help]}"
			else
				compopt -o filenames 2>/dev/null
				mapfile -t COMPREPLY < <(compgen -c -f -- "$cur")
			fi
			return
			;;
		--*=*) COMPREPLY+=("${word#*=}") ;;
		*) COMPREPLY+=("$word") ;;
		esac
	done < <("${COMP_WORDS[0]}" --complete "${words[@]}" 2>/dev/null)
}
complete -F _ttalloc ttalloc-analyze ttalloc-recorder
