# SPDX-License-Identifier: Apache-2.0
# libttalloc-host-malloc.so: preloaded, it reports the host's malloc. It needs the shared libttalloc, which it finds
# beside itself, so that a program that uses libttalloc, too, has one copy of it and one recording.

add_library(ttalloc_host_malloc SHARED
  ${CMAKE_CURRENT_LIST_DIR}/host_malloc.c
  ${CMAKE_CURRENT_LIST_DIR}/host_malloc_real.c)
target_include_directories(ttalloc_host_malloc PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(ttalloc_host_malloc PRIVATE ttalloc ttalloc_formats ${CMAKE_DL_LIBS})
# The compiler must not turn malloc() and memset() into a call of the calloc() that it is compiling.
target_compile_options(ttalloc_host_malloc PRIVATE -fno-builtin)
target_link_options(ttalloc_host_malloc PRIVATE -Wl,-z,defs -Wl,-z,nodelete)
set_target_properties(ttalloc_host_malloc PROPERTIES
  OUTPUT_NAME ttalloc-host-malloc
  C_VISIBILITY_PRESET hidden
  BUILD_RPATH "$ORIGIN"
  INSTALL_RPATH "$ORIGIN")
install(TARGETS ttalloc_host_malloc LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
