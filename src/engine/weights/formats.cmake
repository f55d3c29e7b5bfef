# The readers of weight files and model folders: no torch, so that sanitizers and fuzzers build them without the engine.
# A new source file needs no line here.
file(GLOB ATELIER_WEIGHT_FORMAT_SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.cpp")
list(FILTER ATELIER_WEIGHT_FORMAT_SOURCES EXCLUDE REGEX "_test[.]cpp$|/sparse_checkpoint[.]cpp$|/(weights|dequantised_source)[.]cpp$")
atelier_layer(weight_formats SOURCES ${ATELIER_WEIGHT_FORMAT_SOURCES} USES atelier_platform atelier_json)
