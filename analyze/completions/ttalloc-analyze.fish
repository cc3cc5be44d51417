# SPDX-License-Identifier: Apache-2.0
# fish completion for ttalloc-analyze; the program itself knows the candidates, a user's own queries included.

function __ttalloc_analyze_complete
	set -l words (commandline -opc) (commandline -ct)
	set -e words[1]
	for line in (ttalloc-analyze --complete $words 2>/dev/null)
		switch $line
			case ':file'
				__fish_complete_path (commandline -ct)
			case ':directory'
				__fish_complete_directories (commandline -ct)
			case '*'
				printf '%s\n' $line
		end
	end
end
complete -c ttalloc-analyze -f -a '(__ttalloc_analyze_complete)'
