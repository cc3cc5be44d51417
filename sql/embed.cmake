# SPDX-License-Identifier: Apache-2.0
#
# Writes the C file OUTPUT with the .sql files of TEXTS (as sql_NAME), of which those of SCHEMAS are a table, and with tables of those of
# QUERIES and of FLEET, byte for byte: hexadecimal, so that no escaping can go wrong. Numbers and words of the vocabulary are put in
# for their names; NUMBERS, a header, has them for SQL that stands in C.

include(${CMAKE_CURRENT_LIST_DIR}/../include/ttalloc/vocabulary.cmake)
vocabulary_read()

# Appends the declaration of the array NAME, which holds FILE and a NUL, to the variable "source". Texts for another engine are
# left as they are.
function(embed name file linkage)
  file(READ ${file} text)
  if(file MATCHES "/clickhouse/")
    embed_bytes("${text}" ${name} "${linkage}")
    set(source "${source}" PARENT_SCOPE)
    return()
  endif()
  vocabulary_sql(text region REGIONS)
  vocabulary_sql(text unsaid UNSAID)
  vocabulary_sql(text class CLASSES)
  vocabulary_sql(text kind KINDS)
  vocabulary_sql(text end ENDS)
  vocabulary_sql(text flag FLAGS)
  vocabulary_sql(text flag EVENT_FLAGS)
  if(text MATCHES "{[a-z]+[.:][^}]*}")
    message(FATAL_ERROR "${file}: vocabulary.h has no ${CMAKE_MATCH_0}")
  endif()
  embed_bytes("${text}" ${name} "${linkage}")
  set(source "${source}" PARENT_SCOPE)
endfunction()

function(embed_bytes text name linkage)
  string(HEX "${text}" hex)
  string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  set(source "${source}${linkage} char ${name}[] = {\n${hex}0};\n\n" PARENT_SCOPE)
endfunction()

set(source "/* Made by embed.cmake. */\n#include \"sql/store/embedded.h\"\n\n")
foreach(file IN LISTS TEXTS)
  get_filename_component(name ${file} NAME_WE)
  embed(sql_${name} ${file} "const")
endforeach()

set(names "")
foreach(file IN LISTS SCHEMAS)
  get_filename_component(name ${file} NAME_WE)
  string(APPEND names "sql_${name}, ")
endforeach()
string(APPEND source "const char *const sql_schemas[] = {${names}};\n\n")

# Appends the table NAME of the texts in FILES..., by the names of the files.
macro(embed_table name)
  set(files ${ARGN})
  list(SORT files)
  set(rows "")
  foreach(file IN LISTS files)
    get_filename_component(word ${file} NAME_WE)
    embed(${name}_${word} ${file} "static const")
    set(rows "${rows}\t{\"${word}\", ${name}_${word}},\n")
  endforeach()
  set(source "${source}const struct sql_text ${name}[] = {\n${rows}\t{0, 0},\n};\n\n")
endmacro()

embed_table(sql_queries ${QUERIES})
embed_table(sql_fleet_questions ${FLEET})
file(WRITE ${OUTPUT} "${source}")

set(source "/* Made by embed.cmake: the numbers of vocabulary.h, as SQL writes them. */\n#ifndef SQL_VOCABULARY_SQL_H\n#define SQL_VOCABULARY_SQL_H\n\n")
foreach(table REGION/REGIONS UNSAID/UNSAID CLASS/CLASSES KIND/KINDS END/ENDS FLAG/FLAGS FLAG/EVENT_FLAGS)
  string(REPLACE "/" ";" table ${table})
  vocabulary_c_texts(source ${table})
endforeach()
file(WRITE ${NUMBERS} "${source}\n#endif\n")
