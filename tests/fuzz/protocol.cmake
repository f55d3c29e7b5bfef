atelier_fuzzer(protocol_fuzz SOURCES protocol_fuzz.cpp USES atelier_protocol)
if(TARGET atelier_codec_metadata)
  atelier_fuzzer(picture_texts_fuzz SOURCES picture_texts_fuzz.cpp USES atelier_codec_metadata)
endif()
