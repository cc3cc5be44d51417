# SPDX-License-Identifier: Apache-2.0
# fish completion for ttalloc-recorder: its own options, asked of --help, and then those of the command that it runs.

function __ttalloc_recorder_options
	ttalloc-recorder --help 2>/dev/null | string replace -rf '^ {2,6}(?:-., )?(--[a-z-]+)(?:=\S+)?\s*(.*)$' '$1\t$2'
end

# What may follow: the recorder's own options, a command, or what that command takes.
function __ttalloc_recorder_complete
	set -l words (commandline -opc)
	set -l token (commandline -ct)
	set -l own yes
	set -e words[1]
	while set -q words[1]
		switch $words[1]
			case -o -s --output --socket --commit-ms --auto-step
				set -e words[1]
				set -q words[1]; and set -e words[1]
			case --
				set -e words[1]
				set own no
				break
			case '-*'
				set -e words[1]
			case '*'
				set own no
				break
		end
	end
	if test $own = yes; and string match -q -- '-*' $token
		__ttalloc_recorder_options
	else
		set -l line (string join ' ' -- (string escape -- $words) $token)
		complete -C "$line"
	end
end

complete -c ttalloc-recorder -f -a '(__ttalloc_recorder_complete)'
complete -c ttalloc-recorder -s o -l output -r -F -d 'database to make'
complete -c ttalloc-recorder -s s -l socket -r -F -d 'socket to serve'
