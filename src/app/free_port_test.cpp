#include "app/free_port.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace atelier::app {
namespace {

TEST(NextFreePort, PassesOverAPortThatAnotherProgramHas) {
  const int other = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(other, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(other, 1), 0);
  socklen_t size = sizeof address;
  ::getsockname(other, reinterpret_cast<sockaddr*>(&address), &size);
  const int taken = ntohs(address.sin_port);
  const int found = next_free_port("127.0.0.1", taken);
  EXPECT_GT(found, taken);
  EXPECT_LT(found, taken + 20);
  ::close(other);
  EXPECT_EQ(next_free_port("127.0.0.1", taken), taken);
  EXPECT_EQ(next_free_port("127.0.0.1", 0), 0);
}

}  // namespace
}  // namespace atelier::app
