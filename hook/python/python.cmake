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
foreach(file ttalloc_pytest.py start/sitecustomize.py)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${file} ttalloc/python/${file} COPYONLY)
endforeach()
foreach(file ttalloc.py ttalloc_pytest.py start/sitecustomize.py)
  get_filename_component(folder ttalloc/python/${file} DIRECTORY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ttalloc/python/${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/${folder})
endforeach()

# Where Debian's Python looks: for its package alone.
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ttalloc/python/ttalloc.py DESTINATION lib/python3/dist-packages COMPONENT python
        EXCLUDE_FROM_ALL)

# The wheel: `cmake --build BUILD --target wheel` leaves it in BUILD/wheel/. It brings its own copy of the library, which keeps to
# glibc 2.34 (tests/lint/test_symbols.py).
find_program(TTALLOC_PYTHON NAMES python3)
set(wheel_source ${PROJECT_BINARY_DIR}/wheel/source)
set(wheel_platform manylinux_2_34_${CMAKE_SYSTEM_PROCESSOR})
configure_file(${CMAKE_CURRENT_LIST_DIR}/pyproject.toml.in ${wheel_source}/pyproject.toml @ONLY)
add_custom_target(wheel
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${wheel_source}/ttalloc ${wheel_source}/build
  COMMAND ${CMAKE_COMMAND} -E make_directory ${wheel_source}/ttalloc/start
  COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_BINARY_DIR}/ttalloc/python/ttalloc.py ${wheel_source}/ttalloc/__init__.py
  COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_BINARY_DIR}/ttalloc/python/ttalloc_pytest.py ${wheel_source}/
  COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_BINARY_DIR}/ttalloc/python/start/sitecustomize.py ${wheel_source}/ttalloc/start/
  COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:ttalloc> ${wheel_source}/ttalloc/$<TARGET_SONAME_FILE_NAME:ttalloc>
  COMMAND ${CMAKE_COMMAND} -E copy ${PROJECT_SOURCE_DIR}/LICENSE ${wheel_source}/
  COMMAND ${TTALLOC_PYTHON} -m pip --disable-pip-version-check wheel --no-deps --wheel-dir ${PROJECT_BINARY_DIR}/wheel ${wheel_source}
  DEPENDS ttalloc
  VERBATIM)
