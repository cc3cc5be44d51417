# SPDX-License-Identifier: Apache-2.0
# fish completion for ttalloc-analyze and ttalloc-recorder; the programs themselves know the candidates, a user's own
# queries included. Installed under the name of each.

function __ttalloc_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l program $words[1]
	set -e words[1]
	for line in ($program --complete $words 2>/dev/null)
		switch $line
			case ':file'
				__fish_complete_path (commandline -ct)
			case ':directory'
				__fish_complete_directories (commandline -ct)
			case ':command*' # what follows is the command's own business
				set -l from (math (string split -f 2 \t $line) + 1)
				set -l before
				test $from -lt (count $words); and set before (string escape -- $words[$from..-2])
				complete -C (string join ' ' -- $before (commandline -ct))
			case '*'
				printf '%s\n' $line
		end
	end
end
complete -c (string replace -r '.*/(.*)\.fish$' '$1' (status filename)) -f -a '(__ttalloc_complete)'
