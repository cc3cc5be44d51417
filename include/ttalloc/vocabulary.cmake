# SPDX-License-Identifier: Apache-2.0
#
# The tables of vocabulary.h for what is not C.

# Sets vocabulary_REGIONS, vocabulary_CLASSES, ... to lists of NAME;number;word;NAME;number;word;...
function(vocabulary_read)
  file(READ ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/vocabulary.h text)
  string(REGEX MATCHALL "#define TTA_[A-Z_]+\\(X\\)|X\\([A-Z0-9_]+, [0-9]+, \"[^\"]*\"\\)" tokens "${text}")
  foreach(token IN LISTS tokens)
    if(token MATCHES "#define TTA_([A-Z_]+)")
      set(table ${CMAKE_MATCH_1})
    elseif(token MATCHES "X\\(([A-Z0-9_]+), ([0-9]+), \"([^\"]*)\"\\)")
      list(APPEND vocabulary_${table} ${CMAKE_MATCH_1} ${CMAKE_MATCH_2} ${CMAKE_MATCH_3})
      set(vocabulary_${table} "${vocabulary_${table}}" PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

# In VARIABLE, SQL, puts what stands in TABLE for {KEY:column}, the word of a column's number (or the number, if
# it has none), and for {KEY.NAME}, a number.
function(vocabulary_sql variable key table)
  set(rows ${vocabulary_${table}})
  set(result "${${variable}}")
  set(cases "")
  while(rows)
    list(POP_FRONT rows name number word)
    string(REPLACE "{${key}.${name}}" ${number} result "${result}")
    string(APPEND cases " WHEN ${number} THEN '${word}'")
  endwhile()
  string(REGEX REPLACE "{${key}:([a-z._]+)}" "CASE \\1${cases} ELSE CAST(\\1 AS TEXT) END" result "${result}")
  set(${variable} "${result}" PARENT_SCOPE)
endfunction()

# Appends to VARIABLE, C, what stands in TABLE as texts for SQL: SQL_KEY_NAME, a number as it is written there.
function(vocabulary_c_texts variable key table)
  set(rows ${vocabulary_${table}})
  set(result "${${variable}}")
  while(rows)
    list(POP_FRONT rows name number word)
    string(APPEND result "#define SQL_${key}_${name} \"${number}\"\n")
  endwhile()
  set(${variable} "${result}" PARENT_SCOPE)
endfunction()

# In VARIABLE, Python, puts the members of an enumeration for the line "# vocabulary.h: TABLE".
function(vocabulary_python variable table)
  set(rows ${vocabulary_${table}})
  set(members "")
  while(rows)
    list(POP_FRONT rows name number word)
    string(APPEND members "\n    ${name} = ${number}")
  endwhile()
  string(REPLACE "\n    # vocabulary.h: ${table}" "${members}" result "${${variable}}")
  set(${variable} "${result}" PARENT_SCOPE)
endfunction()
