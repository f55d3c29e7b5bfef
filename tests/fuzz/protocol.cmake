atelier_fuzzer(protocol_fuzz SOURCES protocol_fuzz.cpp USES atelier_protocol)
