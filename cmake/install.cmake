# cmake --install: the library, the headers that users may use, packages for find_package(reel) and pkg-config, and one whole program.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
include(${CMAKE_CURRENT_LIST_DIR}/public_headers.cmake)

install(TARGETS reel EXPORT reel-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(REEL_MPI)
  install(TARGETS reel_mpi EXPORT reel-mpi-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
foreach(header ${REEL_PUBLIC_HEADERS})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES src/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/reel/${folder})
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/reel)
install(EXPORT reel-targets NAMESPACE reel:: DESTINATION ${package})
if(REEL_MPI)
  install(EXPORT reel-mpi-targets NAMESPACE reel:: DESTINATION ${package})
endif()
configure_package_config_file(cmake/reel-config.cmake.in ${PROJECT_BINARY_DIR}/reel-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/reel-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/reel-config.cmake ${PROJECT_BINARY_DIR}/reel-config-version.cmake DESTINATION ${package})

# A static library leaves it to its users to link what it uses.
set(REEL_PC_LINK "Requires: fmt libhwy\nRequires.private: tbb zlib libpng")
if(NOT BUILD_SHARED_LIBS)
  set(REEL_PC_LINK "Requires: fmt libhwy tbb zlib libpng")
endif()
configure_file(cmake/reel.pc.in ${PROJECT_BINARY_DIR}/reel.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/reel.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES examples/installed/forecast.cpp examples/installed/CMakeLists.txt DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/forecast)
