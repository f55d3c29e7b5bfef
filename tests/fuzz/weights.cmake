if(TARGET atelier_weight_formats)
  atelier_fuzzer(safetensors_fuzz SOURCES safetensors_fuzz.cpp USES atelier_weight_formats)
  atelier_fuzzer(pickle_fuzz SOURCES pickle_fuzz.cpp USES atelier_weight_formats)
endif()
