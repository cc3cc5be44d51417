# SPDX-License-Identifier: Apache-2.0
# fish completion for ttalloc-recorder: its own options, asked of --help, and then those of the command that it runs.

function __ttalloc_recorder_options
	ttalloc-recorder --help 2>/dev/null | string replace -rf '^ {2,6}(?:-., )?(--[a-z-]+)(?:=\S+)?\s*(.*)$' '$1\t$2'
end
complete -c ttalloc-recorder -x -a '(__fish_complete_subcommand)'
complete -c ttalloc-recorder -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__ttalloc_recorder_options)'
complete -c ttalloc-recorder -s o -l output -r -F -d 'database to make'
complete -c ttalloc-recorder -s s -l socket -r -F -d 'socket to serve'
