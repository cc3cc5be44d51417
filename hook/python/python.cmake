# SPDX-License-Identifier: Apache-2.0
# The Python module, and what starts it in programs that know nothing of it.

foreach(file ttalloc.py start/sitecustomize.py)
  get_filename_component(folder ttalloc/python/${file} DIRECTORY)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${file} ttalloc/python/${file} COPYONLY)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/${folder})
endforeach()
