# SPDX-License-Identifier: Apache-2.0
#
# libttalloc-tt-metal: the preload for unmodified TT-Metal. It shares the process's one libttalloc with whatever else is
# loaded, and finds it beside itself.

file(GLOB tt_metal_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.c ${CMAKE_CURRENT_LIST_DIR}/../cxx/*.c)
add_library(ttalloc_tt_metal SHARED ${tt_metal_sources} ${CMAKE_CURRENT_LIST_DIR}/../core/preload_threads.c
            ${CMAKE_CURRENT_LIST_DIR}/../base/maps.c)
target_include_directories(ttalloc_tt_metal PRIVATE ${PROJECT_SOURCE_DIR})
set_target_properties(ttalloc_tt_metal PROPERTIES
  OUTPUT_NAME ttalloc-tt-metal
  LIBRARY_OUTPUT_DIRECTORY $<TARGET_FILE_DIR:ttalloc>
  C_VISIBILITY_PRESET hidden
  BUILD_RPATH "$ORIGIN"
  INSTALL_RPATH "$ORIGIN")
# What TT-Metal throws passes through these functions. They are loaded when the process starts, or not at all.
target_compile_options(ttalloc_tt_metal PRIVATE -fexceptions -ftls-model=initial-exec)
target_link_libraries(ttalloc_tt_metal PRIVATE ttalloc ttalloc_formats Threads::Threads ${CMAKE_DL_LIBS})
target_link_options(ttalloc_tt_metal PRIVATE -Wl,-z,nodelete -Wl,--enable-new-dtags -Wl,--wrap=_Unwind_Resume)
if(NOT TTALLOC_SANITIZE)
  target_link_options(ttalloc_tt_metal PRIVATE -Wl,-z,defs)
endif()
install(TARGETS ttalloc_tt_metal LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

# For a patched TT-Metal.
install(FILES ${PROJECT_SOURCE_DIR}/include/allocation_client.hpp ${PROJECT_SOURCE_DIR}/include/allocation_reporter.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
