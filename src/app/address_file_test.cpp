#include "app/address_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "platform/error.h"

namespace atelier::app {
namespace {

namespace fs = std::filesystem;

class AddressFileTest : public testing::Test {
 protected:
  AddressFileTest() : home_(fs::path{testing::TempDir()} / "atelier-address") {
    fs::remove_all(home_);
    fs::create_directories(home_);
  }
  ~AddressFileTest() override { fs::remove_all(home_); }

  void leave_address() {
    std::ofstream{home_ / "station.json"} << R"({"url":"http://127.0.0.1:9","pid":1})";
  }

  fs::path home_;
};

TEST_F(AddressFileTest, AnAddressCountsOnlyWhileItsStationHoldsTheHome) {
  EXPECT_EQ(running_address(home_), "");
  {
    HomeLock lock{home_};
    EXPECT_EQ(running_address(home_), "");
    lock.write_address("http://127.0.0.1:2020");
    EXPECT_EQ(running_address(home_), "http://127.0.0.1:2020");
  }
  EXPECT_EQ(running_address(home_), "");
}

TEST_F(AddressFileTest, TheAddressOfAKilledStationIsNotUsed) {
  leave_address();
  EXPECT_EQ(running_address(home_), "");
  std::ofstream{home_ / "station.lock"}.close();
  EXPECT_EQ(running_address(home_), "");
  const HomeLock next{home_};  // started, and nothing is written yet
  EXPECT_EQ(running_address(home_), "");
  EXPECT_FALSE(fs::exists(home_ / "station.json"));
}

TEST_F(AddressFileTest, ASecondStationIsRefusedWithTheAddressAndTheProcessOfTheFirst) {
  HomeLock lock{home_};
  lock.write_address("http://127.0.0.1:2020");
  try {
    const HomeLock second{home_};
    FAIL() << "two stations on one home";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kConflict);
    const auto where = "http://127.0.0.1:2020 (process " + std::to_string(::getpid()) + ")";
    EXPECT_NE(std::string{error.what()}.find(where), std::string::npos) << error.what();
  }
}

TEST_F(AddressFileTest, ReadingTheAddressDoesNotPreventAStart) {
  std::atomic<bool> over = false;
  std::thread looking{[&] {
    while (!over) running_address(home_);
  }};
  for (int i = 0; i < 50; ++i) EXPECT_NO_THROW(HomeLock{home_});
  over = true;
  looking.join();
}

}  // namespace
}  // namespace atelier::app
