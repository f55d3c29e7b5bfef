# Adds up one ctest run: awk -f count_tests.awk CTEST_JUNIT.xml GTEST_RESULT.xml...   prints "passed failed skipped".
# A GoogleTest program counts by its cases (its own result file, named like the ctest test); another test counts as one.
# A program that failed without a failed case (a crash, a leak found at exit, a time limit) adds one failure.
function attribute(name,   found) {
  return match($0, "[ \t]" name "=\"[^\"]*\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : ""
}
FNR == 1 { file = FILENAME; sub(/.*\//, "", file); sub(/\.xml$/, "", file); is_ctest = FILENAME == ARGV[1] }
is_ctest && /<testcase / { status[attribute("name")] = attribute("status") }
!is_ctest && /<testsuites / { cases[file] += attribute("tests") - attribute("disabled"); bad[file] += attribute("failures") + attribute("errors") }
!is_ctest && /<testcase / && attribute("result") == "skipped" { skip[file]++ }
END {
  for (name in status) {
    if (name in cases) {
      extra = (status[name] == "fail" && bad[name] == 0) ? 1 : 0
      failed += bad[name] + extra
      skipped += skip[name]
      passed += cases[name] - bad[name] - skip[name]
    } else if (status[name] == "run") passed++
    else if (status[name] == "fail") failed++
    else skipped++
  }
  print passed + 0, failed + 0, skipped + 0
}
