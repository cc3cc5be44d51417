# SPDX-License-Identifier: Apache-2.0
#
# Writes the C file OUTPUT with the front end of PAGE: its style sheet, its body, and its scripts as one, in the order below,
# each with its SHA-256 in base64.

# Sets the variable RESULT to the base64 of HEX, which is of 32 bytes.
function(base64 hex result)
  set(letters "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  foreach(at RANGE 0 60 6)
    string(SUBSTRING "${hex}0000" ${at} 6 three)
    math(EXPR bits "0x${three}")
    foreach(shift 18 12 6 0)
      math(EXPR index "(${bits} >> ${shift}) & 63")
      string(SUBSTRING "${letters}" ${index} 1 letter)
      string(APPEND text "${letter}")
    endforeach()
  endforeach()
  string(SUBSTRING "${text}" 0 43 text) # 32 bytes are 43 letters and a pad
  set(${result} "${text}=" PARENT_SCOPE)
endfunction()

# Appends the array NAME with the text of FILE and a NUL.
function(embed name file)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  file(SHA256 ${file} hash)
  base64(${hash} hash)
  set(source "${source}const unsigned char ${name}[] = {\n${hex}0};\nconst char ${name}_hash[] = \"${hash}\";\n\n" PARENT_SCOPE)
endfunction()

# What draws stands behind what it is made of.
set(scripts base.js data.js colour.js state.js axis.js operations.js timeline.js map.js tables.js cores.js moment.js fragmentation.js flame.js why.js findings.js
    main.js)
list(TRANSFORM scripts PREPEND ${PAGE}/)
execute_process(COMMAND ${CMAKE_COMMAND} -E cat ${scripts} OUTPUT_FILE ${OUTPUT}.script.js COMMAND_ERROR_IS_FATAL ANY)

set(source "/* Made by embed.cmake. */\n#include \"analyze/report/embedded.h\"\n\n")
embed(page_style ${PAGE}/page.css)
embed(page_body ${PAGE}/page.html)
embed(page_script ${OUTPUT}.script.js)
file(WRITE ${OUTPUT} "${source}")
