# SPDX-License-Identifier: Apache-2.0
# bash completion for ttalloc-analyze; the program itself knows the candidates, a user's own queries included.

_ttalloc_analyze()
{
	local cur words cword word help
	cur=${COMP_WORDS[COMP_CWORD]}
	# bash breaks words at "=": join "--format", "=", "js" again.
	words=()
	for ((cword = 1; cword <= COMP_CWORD; cword++)); do
		word=${COMP_WORDS[cword]}
		if [[ ${#words[@]} -gt 0 && ($word == = || ${words[-1]} == --*=) ]]; then
			words[-1]+=$word
		else
			words+=("$word")
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
		--*=*) COMPREPLY+=("${word#*=}") ;;
		*) COMPREPLY+=("$word") ;;
		esac
	done < <("${COMP_WORDS[0]}" --complete "${words[@]}" 2>/dev/null)
}
complete -F _ttalloc_analyze ttalloc-analyze
