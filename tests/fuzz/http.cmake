atelier_fuzzer(http_fuzz SOURCES http_fuzz.cpp USES atelier_http)
atelier_fuzzer(json_fuzz SOURCES json_fuzz.cpp USES atelier_http atelier_doubles)
