// The readings and faults of the stand-in for NVIDIA's management library (fake_nvml.cpp, which
// lists the lines), for the program that loads it or a child of it. Test thread only.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace atelier {

class FakeNvml {
 public:
  // The variable is set once: a library that hangs in one test may read it during the next.
  FakeNvml() : file_(testing::TempDir() + "nvml-" + std::to_string(::getpid())) {
    set("gpus 0");
    if (::getenv("ATELIER_FAKE_NVML") == nullptr) {
      ::setenv("ATELIER_FAKE_NVML", file_.c_str(), 1);
    }
  }
  ~FakeNvml() { std::filesystem::remove(file_); }
  FakeNvml(const FakeNvml&) = delete;
  FakeNvml& operator=(const FakeNvml&) = delete;

  // In one step, because the library may be reading the file.
  void set(const std::string& lines) const {
    std::ofstream(file_ + ".new") << lines << "\n";
    std::filesystem::rename(file_ + ".new", file_);
  }
  const std::string& file() const { return file_; }

 private:
  const std::string file_;
};

}  // namespace atelier
