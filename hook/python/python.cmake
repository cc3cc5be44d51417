# SPDX-License-Identifier: Apache-2.0
# The Python module, and what starts it in programs that know nothing of it.

# The numbers of regions and flags are those of vocabulary.h.
include(${PROJECT_SOURCE_DIR}/include/ttalloc/vocabulary.cmake)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/ttalloc/vocabulary.h
             ${CMAKE_CURRENT_LIST_DIR}/ttalloc.py.in)
vocabulary_read()
file(READ ${CMAKE_CURRENT_LIST_DIR}/ttalloc.py.in module)
vocabulary_python(module REGIONS)
vocabulary_python(module FLAGS)
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/ttalloc/python/ttalloc.py CONTENT "${module}" @ONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/start/sitecustomize.py ttalloc/python/start/sitecustomize.py COPYONLY)
foreach(file ttalloc.py start/sitecustomize.py)
  get_filename_component(folder ttalloc/python/${file} DIRECTORY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ttalloc/python/${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/${folder})
endforeach()
