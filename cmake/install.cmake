# cmake --install: the library, its headers, and a package for find_package(reel).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS reel EXPORT reel-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/reel FILES_MATCHING PATTERN "*.h"
        PATTERN "*-inl.h" EXCLUDE PATTERN "kernel_plan.h" EXCLUDE PATTERN "workspace_data.h" EXCLUDE PATTERN "run.h" EXCLUDE PATTERN "executor.h" EXCLUDE PATTERN "kernels" EXCLUDE)
install(EXPORT reel-targets NAMESPACE reel:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/reel)
configure_package_config_file(cmake/reel-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/reel-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/reel)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/reel-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/reel-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/reel-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/reel)
