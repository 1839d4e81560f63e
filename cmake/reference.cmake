# The target `reference`: the API reference by Doxygen, from the public headers; what is undocumented or wrong is an error.
find_program(DOXYGEN doxygen)
mark_as_advanced(DOXYGEN)
if(DOXYGEN AND PROJECT_IS_TOP_LEVEL)
  include(cmake/public_headers.cmake)
  list(TRANSFORM REEL_PUBLIC_HEADERS PREPEND src/ OUTPUT_VARIABLE REEL_DOXYGEN_INPUT)
  list(JOIN REEL_DOXYGEN_INPUT " " REEL_DOXYGEN_INPUT)
  configure_file(cmake/Doxyfile.in ${PROJECT_BINARY_DIR}/Doxyfile @ONLY)
  add_custom_target(reference COMMAND ${DOXYGEN} -q ${PROJECT_BINARY_DIR}/Doxyfile WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                    COMMENT "The API reference: ${PROJECT_BINARY_DIR}/reference/index.html")
endif()
