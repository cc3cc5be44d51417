# SPDX-License-Identifier: Apache-2.0
# bash completion for ttalloc-recorder: its own options, asked of --help, and then those of the command that it runs.

_ttalloc_recorder()
{
	local cur=${COMP_WORDS[COMP_CWORD]} at
	for ((at = 1; at < COMP_CWORD; at++)); do
		case ${COMP_WORDS[at]} in
		-o | --output | -s | --socket | --commit-ms | --auto-step)
			((at++))
			[[ ${COMP_WORDS[at]} == = ]] && ((at++))
			;;
		--)
			declare -F _command_offset >/dev/null && _command_offset $((at + 1))
			return
			;;
		-*) ;;
		*)
			declare -F _command_offset >/dev/null && _command_offset "$at"
			return
			;;
		esac
	done
	compopt -o filenames 2>/dev/null
	if [[ $at -gt $COMP_CWORD ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "${cur#=}")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --help 2>/dev/null |
			sed -n 's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p')" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -c -f -- "$cur")
	fi
}
complete -F _ttalloc_recorder ttalloc-recorder
